# A command on the kernel's device, then on ours over CUSE with the same persona: usage both.sh PCI-ADDRESS PERSONA
# COMMAND...
# The device is /dev/mei0 for the command each time; $SIDE says whose it is: kernel or umei.
. /jobs/wait.sh
address=$1
persona=$2
shift 2

SIDE=kernel sh /jobs/on-mei_me.sh $address "$@" || exit 1

umei serve --frontend cuse --name mei90 --persona $persona > /tmp/serve.log 2>&1 &
server=$!
wait_for "grep -q '/dev/mei90 is there' /tmp/serve.log" || { cat /tmp/serve.log; exit 1; }
SIDE=umei unshare -m sh -c 'mount --bind /dev/mei90 /dev/mei0 && exec "$@"' sh "$@"
status=$?
kill -TERM $server
wait $server || status=1
[ $status = 0 ] || { echo "--- umei serve"; cat /tmp/serve.log; }
exit $status
