# An engine that wants no watchdog: usage watchdog-absent.sh REASON
# No device, no heartbeat, one line in the log.
. /jobs/wait.sh
wait_for "grep 'no watchdog device: $1' /tmp/serve.log" || exit 1
[ ! -e /dev/watchdog0 ] || { echo "there is a watchdog"; exit 1; }
umei info > /dev/null || exit 1
[ "$(grep -c watchdog /tmp/serve.log)" = 1 ] || { echo "more than one line:"; cat /tmp/serve.log; exit 1; }
