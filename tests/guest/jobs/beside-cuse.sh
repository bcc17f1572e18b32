# umei over CUSE with an engine of its own, beside a program in C: usage beside-cuse.sh OPTIONS-OF-UMEI-BENCH...
. /jobs/wait.sh
/target/clients/cuse-echo umei-echo &
peer=$!
umei serve --frontend cuse --name mei80 --persona /benches/beside.toml > /tmp/serve.log 2>&1 &
server=$!
wait_for "[ -c /dev/umei-echo ] && grep -q '/dev/mei80 is there' /tmp/serve.log" || { cat /tmp/serve.log; exit 1; }
echo "umei over CUSE with an engine of its own, beside cuse-echo:"
umei-bench beside --device mei:/dev/mei80:$server --beside plain:/dev/umei-echo:$peer "$@" || exit 1
kill $server $peer
wait $server || exit 1
