# Debian's wdctl and watchdog daemon, as they are, on the AMT watchdog: usage watchdog.sh
# $SERVER is the server's process, whose log says what the firmware saw. Its clock is eight times as fast.
. /jobs/wait.sh
debian() { chroot /packages "$@"; }
heartbeats() { grep -c "a heartbeat" /tmp/serve.log; }
says_so() { # TEXT FILE
    grep -qF "$1" $2 || { echo "it does not say: $1"; cat $2; exit 1; }
}
wait_for "[ -c /dev/watchdog0 ]" || exit 1

debian /bin/wdctl /dev/watchdog0 | tee /tmp/wdctl || exit 1
says_so "iamt_wdt [version 2]" /tmp/wdctl
says_so "ALARMONLY" /tmp/wdctl
says_so "120 seconds" /tmp/wdctl

# Less than the watchdog's two minutes it does not take, more it does.
debian /bin/wdctl --settimeout 119 /dev/watchdog0 > /tmp/refused 2>&1
says_so "Invalid argument" /tmp/refused
debian /bin/wdctl --settimeout 300 /dev/watchdog0 || exit 1
debian /bin/wdctl /dev/watchdog0 > /tmp/wdctl
says_so "300 seconds" /tmp/wdctl

printf 'watchdog-device = /dev/watchdog0\nwatchdog-timeout = 120\ninterval = 1\nrealtime = no\nlog-dir = /tmp\n' \
    > /tmp/watchdog.conf
# As on an installed system; the daemon keeps its number there.
[ -e /packages/var/run ] || ln -s /run /packages/var/run
# The daemon itself and no shell before it, which would be stopped in its place.
chroot /packages /usr/sbin/watchdog --foreground --config-file /tmp/watchdog.conf > /tmp/daemon.log 2>&1 &
daemon=$!
before=$(heartbeats)
wait_for "[ \$(heartbeats) -gt $((before + 3)) ]" || { cat /tmp/daemon.log /tmp/serve.log; exit 1; }
sh -c ": < /dev/watchdog0" > /tmp/busy 2>&1
says_so "busy" /tmp/busy
! grep "no heartbeat of the host" /tmp/serve.log || { echo "the alarm is early"; exit 1; }

# A host that hangs.
kill -STOP $daemon
wait_for "grep 'no heartbeat of the host for 120 s' /tmp/serve.log" || exit 1
# It comes round, and is welcome.
before=$(heartbeats)
kill -CONT $daemon
wait_for "[ \$(heartbeats) -gt $((before + 1)) ]" || exit 1
kill -TERM $daemon
wait $daemon
echo "the daemon ended with status $?"
wait_for "grep -q 'the alarm is off' /tmp/serve.log" || exit 1
