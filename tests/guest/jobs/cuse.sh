# A command with a device over CUSE: usage cuse.sh PERSONA COMMAND...
# $SERVER is the server's process for it, $SERVE what else `umei serve` is told. The server then has to end when it is
# told to, and its device to go; unless the command has ended it.
. /jobs/wait.sh
persona=$1
shift
# A server that was killed leaves its mount behind.
umount -l /run/umei-sys 2> /dev/null
mkdir -p /run/umei-sys
umei serve --frontend cuse --persona $persona --sysfs /run/umei-sys $SERVE > /tmp/serve.log 2>&1 &
SERVER=$!
export SERVER
wait_for "[ -c /dev/mei0 ]" || { cat /tmp/serve.log; exit 1; }
# As with the kernel's driver, the node is there before the link is.
wait_for "[ \"\$(cat /run/umei-sys/class/mei/mei0/dev_state 2> /dev/null)\" = ENABLED ]" || { cat /tmp/serve.log; exit 1; }

"$@"
status=$?

if kill -TERM $SERVER 2> /dev/null; then
    wait $SERVER
    ended=$?
    [ $ended = 0 ] || { echo "umei serve: status $ended"; status=1; }
fi
wait_for "[ ! -e /dev/mei0 ]" || status=1
[ $status = 0 ] || { echo "--- umei serve"; cat /tmp/serve.log; }
exit $status
