# Devices beside each other: usage beside.sh KERNELS-FUNCTION OURS OPTIONS-OF-UMEI-BENCH...
# Both functions are engines of benches/beside.toml. The first stays with mei_me, the second goes to umei by VFIO and
# by UIO; over CUSE umei with an engine of its own is measured beside a program in C.
. /jobs/wait.sh
kernels=/sys/bus/pci/devices/$1
ours=$2
shift 2

wait_for "[ \"\$(cat $kernels/mei/mei*/dev_state 2> /dev/null)\" = ENABLED ]" || exit 1
node=/dev/$(basename $kernels/mei/mei*)
# The driver works in the thread of its interrupt.
interrupt=$(ls $kernels/msi_irqs)
thread=$(grep -lx "irq/$interrupt-mei_me" /proc/[0-9]*/comm | cut -d / -f 3)
[ -n "$thread" ] || { echo "no thread of interrupt $interrupt"; exit 1; }

/target/clients/cuse-echo umei-echo &
peer=$!
umei serve --frontend cuse --name mei80 --persona /benches/beside.toml > /tmp/serve.log 2>&1 &
server=$!
wait_for "[ -c /dev/umei-echo ] && grep -q '/dev/mei80 is there' /tmp/serve.log" || { cat /tmp/serve.log; exit 1; }
echo "umei over CUSE with an engine of its own, beside cuse-echo:"
umei-bench beside --device mei:/dev/mei80:$server --beside plain:/dev/umei-echo:$peer "$@" || exit 1
kill $server $peer
wait $server || exit 1

for driver in vfio-pci uio_pci_generic; do
    echo "umei by $driver, beside mei_me:"
    NAME=mei81 sh /jobs/pci.sh $ours $driver sh -c \
        "umei-bench beside --device mei:/dev/mei81:\$SERVER --beside mei:$node:$thread $*" || exit 1
done
