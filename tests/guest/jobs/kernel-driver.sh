# The kernel's own driver on one emulated function: usage kernel-driver.sh PCI-ADDRESS
# Waits for the device, prints what sysfs and debugfs say, runs the kernel's sample client, and looks for complaints.
address=$1
function=/sys/bus/pci/devices/$address

wait_for() { # COMMAND: until it succeeds, at most a minute
    tries=0
    until eval "$1"; do
        tries=$((tries + 1))
        [ $tries -lt 600 ] || { echo "never came true: $1"; return 1; }
        usleep 100000
    done
}

wait_for "[ -d $function/mei/mei* ]" || { ls -la $function; dmesg | tail -40; exit 1; }
class=$(echo $function/mei/mei*)
name=$(basename $class)
wait_for "[ \"\$(cat $class/dev_state)\" = ENABLED ]"
# Older generations have no query of versions: then there is nothing to wait for.
sleep 1

echo "driver: $(basename $(readlink $function/driver))"
echo "dev_state: $(cat $class/dev_state)"
for attribute in hbm_ver hbm_ver_drv tx_queue_limit kind trc; do
    echo "$attribute: $(cat $class/$attribute 2>&1)"
done
for attribute in fw_status fw_ver; do
    echo "$attribute: $(tr '\n' ' ' < $class/$attribute)"
done
sed 's/^/meclients: /' /sys/kernel/debug/$name/meclients
sed 's/^/devstate: /' /sys/kernel/debug/$name/devstate
grep -E "mei_me" /proc/interrupts

# The sample opens /dev/mei0: in a mount namespace of its own that is this function's node.
unshare -m sh -c "mount --bind /dev/$name /dev/mei0; exec /target/clients/mei-amt-version -v"
status=$?
echo "mei-amt-version: status $status"

# -r keeps the level: <0> to <4> are warnings and worse.
complaints=$(dmesg -r | grep -E '^<[0-4]>' | grep -E "$address|nobody cared|Disabling IRQ")
[ -z "$complaints" ] || { echo "the kernel complains:"; echo "$complaints"; exit 1; }
exit $status
