# A command with a device that umei serves from a PCI function: usage pci.sh PCI-ADDRESS DRIVER COMMAND...
# DRIVER is that of `umei bind`; $SERVE is what else `umei serve` is told. The kernel's driver has to have the function before and again afterwards.
. /jobs/wait.sh
address=$1
driver=$2
shift 2
function=/sys/bus/pci/devices/$address
has_mei_me="[ \"\$(basename \$(readlink $function/driver))\" = mei_me ] && [ -d $function/mei/mei* ]"

wait_for "$has_mei_me" || exit 1
umei bind $address --driver $driver || exit 1
# A server that was killed leaves its mount behind.
umount -l /run/umei-sys 2> /dev/null
mkdir -p /run/umei-sys
umei serve --frontend cuse --backend pci:$address --sysfs /run/umei-sys $SERVE > /tmp/serve.log 2>&1 &
SERVER=$!
export SERVER
# A real function takes its time between the node and the first open that succeeds.
wait_for "grep -q '/dev/mei0 is there' /tmp/serve.log" || { cat /tmp/serve.log; kill $SERVER; umei unbind $address; exit 1; }

"$@"
status=$?

if kill -TERM $SERVER 2> /dev/null; then
    wait $SERVER
    ended=$?
    [ $ended = 0 ] || { echo "umei serve: status $ended"; status=1; }
fi
# Taken out and not put back, it would be missed by every job that follows.
[ -e $function ] || echo 1 > /sys/bus/pci/rescan
umei unbind $address || status=1
wait_for "$has_mei_me" || status=1
[ ! -e /run/umei/bound/$address ] || { echo "umei unbind left its record"; status=1; }
[ $status = 0 ] || { echo "--- umei serve"; cat /tmp/serve.log; }
exit $status
