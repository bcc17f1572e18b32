# From the kernel's driver to umei and back, nine times over all drivers: usage pci-cycle.sh PCI-ADDRESS
# A client runs before, on umei's device, and after. The second time with each driver umei is killed, and unbind
# restores all the same.
. /jobs/wait.sh
address=$1
class=/sys/bus/pci/devices/$address/mei/mei0

client() {
    wait_for "sh /jobs/sample.sh > /tmp/sample.log 2>&1" && grep -q "Intel AMT: ENABLED" /tmp/sample.log && return
    echo "$1:"
    cat /tmp/sample.log /tmp/serve.log
    exit 1
}

# A program that has the device open stands in the way and is named; nothing has changed then.
client "mei_me at first"
sleep 600 < /dev/mei0 &
holder=$!
wait_for "umei bind $address 2>&1 | tee /tmp/bind.log | grep 'in use by sleep (process $holder, /dev/mei0)'" || exit 1
grep remedy /tmp/bind.log
[ -d $class ] && [ ! -e /run/umei/bound/$address ] || { echo "umei bind has begun all the same"; exit 1; }
kill $holder

for signal in TERM KILL TERM; do
    for driver in vfio-pci uio_pci_generic none; do
        umei bind $address --driver $driver || exit 1
        umei serve --frontend cuse --backend pci:$address > /tmp/serve.log 2>&1 &
        server=$!
        wait_for "grep -q '/dev/mei0 is there' /tmp/serve.log" || { cat /tmp/serve.log; exit 1; }
        client "umei by $driver"
        kill -$signal $server
        wait $server
        status=$?
        [ $signal$status = TERM0 ] || [ $signal = KILL ] || { echo "umei serve: status $status"; exit 1; }
        wait_for "[ ! -e /dev/mei0 ]" || exit 1
        umei unbind $address || exit 1
        wait_for "[ \"\$(cat $class/dev_state 2> /dev/null)\" = ENABLED ]" || exit 1
        client "mei_me after SIG$signal"
    done
done
[ ! -e /run/umei/bound/$address ]
