# A command with a device that umei serves from a PCI function: usage pci.sh PCI-ADDRESS DRIVER COMMAND...
# DRIVER is that of `umei bind`; $SERVE is what else `umei serve` is told, $NAME the device's name. The kernel's driver has
# to have the function before and again afterwards. Without a name the device is /dev/mei0, for which that driver lets go
# of its other functions meanwhile.
. /jobs/wait.sh
address=$1
driver=$2
shift 2
name=${NAME:-mei0}
function=/sys/bus/pci/devices/$address
give_back() {
    umei unbind $address || status=1
    for other in $others; do echo $other > /sys/bus/pci/drivers/mei_me/bind || status=1; done
}
has_mei_me="[ \"\$(basename \$(readlink $function/driver))\" = mei_me ] && [ -d $function/mei/mei* ]"

wait_for "$has_mei_me" || exit 1
allow_noiommu
others=
[ -n "$NAME" ] || others=$(ls /sys/bus/pci/drivers/mei_me | grep : | grep -v $address)
for other in $others; do echo $other > /sys/bus/pci/drivers/mei_me/unbind; done
umei bind $address --driver $driver || exit 1
# A server that was killed leaves its mount behind.
umount -l /run/umei-sys 2> /dev/null
mkdir -p /run/umei-sys
umei serve --frontend cuse --name $name --backend pci:$address --sysfs /run/umei-sys $SERVE > /tmp/serve.log 2>&1 &
SERVER=$!
export SERVER
# A real function takes its time between the node and the first open that succeeds.
wait_for "grep -q '/dev/$name is there' /tmp/serve.log" || { cat /tmp/serve.log; kill $SERVER; give_back; exit 1; }

"$@"
status=$?

if kill -TERM $SERVER 2> /dev/null; then
    wait $SERVER
    ended=$?
    [ $ended = 0 ] || { echo "umei serve: status $ended"; status=1; }
fi
# Taken out and not put back, it would be missed by every job that follows.
[ -e $function ] || echo 1 > /sys/bus/pci/rescan
give_back
wait_for "$has_mei_me" || status=1
[ ! -e /run/umei/bound/$address ] || { echo "umei unbind left its record"; status=1; }
[ $status = 0 ] || { echo "--- umei serve"; cat /tmp/serve.log; }
exit $status
