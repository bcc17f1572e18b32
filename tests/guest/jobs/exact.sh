# The same random calls on the kernel's driver and on umei: usage exact.sh OPTIONS ADDRESS SERVE-ARGUMENTS [ADDRESS SERVE-ARGUMENTS]...
# OPTIONS are those of mei-differential. Each pair is the function of the kernel's driver and what `umei serve` is told
# for the device beside it, each one word to the shell.
. /jobs/wait.sh
options=$1
shift
number=50
pairs=
servers=
while [ $# -ge 2 ]; do
    function=/sys/bus/pci/devices/$1
    wait_for "[ -d $function/mei/mei* ]" || exit 1
    class=$(echo $function/mei/mei*)
    wait_for "[ \"\$(cat $class/dev_state)\" = ENABLED ]" || exit 1

    name=mei$number
    log=/tmp/serve-$name.log
    umei serve --frontend cuse --name $name $2 > $log 2>&1 &
    servers="$servers $!"
    wait_for "[ -c /dev/$name ]" || { cat $log; kill $servers; exit 1; }
    pairs="$pairs --pair mei_me:/dev/$(basename $class)=cuse:/dev/$name"
    number=$((number + 1))
    shift 2
done

mei-differential $options $pairs
status=$?

for server in $servers; do
    kill -TERM $server
    wait $server || { echo "umei serve: status $?"; status=1; }
done
[ $status = 0 ] || for log in /tmp/serve-*.log; do echo "--- $log"; tail -n 20 $log; done
exit $status
