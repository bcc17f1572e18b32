# A served device that nobody uses wakes its server not once in ten seconds: $SERVER is the server's process.
. /jobs/wait.sh

switches() { # all of them, over all threads: who sleeps has none, of either kind
    cat /proc/$SERVER/task/*/status | awk '/ctxt_switches/ { all += $2 } END { print all }'
}

threads=$(ls /proc/$SERVER/task | wc -l)
[ "$threads" -gt 0 ] && [ "$(switches)" -gt 0 ] || { echo "no server $SERVER"; exit 1; }
# What it has begun comes to an end first: the device falls asleep some time after its last use.
wait_for 'before=$(switches); sleep 2; [ "$(switches)" = "$before" ]' || exit 1
before=$(switches)
sleep 10
after=$(switches)
echo "context switches of $threads threads in ten seconds: $((after - before))"
[ "$after" = "$before" ]
