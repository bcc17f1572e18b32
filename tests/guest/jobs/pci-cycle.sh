# From the kernel's driver to umei and back, ten times over all drivers: usage pci-cycle.sh PCI-ADDRESS
# A client runs before, on umei's device, and after. In some rounds umei is killed while clients work and one holds the
# device open, and unbind restores all the same.
. /jobs/wait.sh
address=$1
class=/sys/bus/pci/devices/$address/mei/mei0

client() {
    wait_for "sh /jobs/sample.sh > /tmp/sample.log 2>&1" && grep -q "Intel AMT: ENABLED" /tmp/sample.log && return
    echo "$1:"
    cat /tmp/sample.log /tmp/serve.log
    exit 1
}

cycle() { # DRIVER SIGNAL
    umei bind $address --driver $1 || exit 1
    umei serve --frontend cuse --backend pci:$address > /tmp/serve.log 2>&1 &
    server=$!
    wait_for "grep -q '/dev/mei0 is there' /tmp/serve.log" || { cat /tmp/serve.log; exit 1; }
    client "umei by $1"
    if [ $2 = KILL ]; then
        sleep 600 < /dev/mei0 &
        holder=$!
        while true; do sh /jobs/sample.sh; done > /tmp/worker.log 2>&1 &
        worker=$!
        # It goes round and round by then, so the signal meets it anywhere in its work.
        wait_for "grep -c 'status 0' /tmp/worker.log | grep -qv '^[01]\$'" || { cat /tmp/worker.log; exit 1; }
        kill -KILL $server
        wait $server
        kill $worker $holder
    else
        kill -TERM $server
        wait $server
        status=$?
        [ $status = 0 ] || { echo "umei serve: status $status"; cat /tmp/serve.log; exit 1; }
    fi
    wait_for "[ ! -e /dev/mei0 ]" || exit 1
    umei unbind $address || exit 1
    wait_for "[ \"\$(cat $class/dev_state 2> /dev/null)\" = ENABLED ]" || exit 1
    [ ! -e /run/umei/bound/$address ] || { echo "umei unbind left its record"; exit 1; }
    client "mei_me after $1 and SIG$2"
    cycles=$((cycles + 1))
}

# A program that has the device open stands in the way and is named; nothing has changed then.
client "mei_me at first"
sleep 600 < /dev/mei0 &
holder=$!
wait_for "umei bind $address 2>&1 | tee /tmp/bind.log | grep 'in use by sleep (process $holder, /dev/mei0)'" || exit 1
grep remedy /tmp/bind.log
[ -d $class ] && [ ! -e /run/umei/bound/$address ] || { echo "umei bind has begun all the same"; exit 1; }
kill $holder

cycles=0
for signal in TERM KILL TERM; do
    for driver in vfio-pci uio_pci_generic none; do
        cycle $driver $signal
    done
done
cycle vfio-pci KILL
echo "cycles: $cycles"
