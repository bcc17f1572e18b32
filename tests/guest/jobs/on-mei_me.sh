# A command on the device of one function: usage on-mei_me.sh PCI-ADDRESS COMMAND...
# The device is /dev/mei0 for the command, whatever its number. Fails when the kernel complains about the function.
. /jobs/wait.sh
address=$1
shift
function=/sys/bus/pci/devices/$address

wait_for "[ -d $function/mei/mei* ]" || exit 1
class=$(echo $function/mei/mei*)
wait_for "[ \"\$(cat $class/dev_state)\" = ENABLED ]" || exit 1
node=/dev/$(basename $class)
if [ $node = /dev/mei0 ]; then
    "$@"
else
    unshare -m sh -c 'node=$1; shift; mount --bind $node /dev/mei0 && exec "$@"' sh $node "$@"
fi
status=$?

# -r keeps the level: <0> to <4> are warnings and worse. That VFIO does without an IOMMU is no news to us.
complaints=$(dmesg -r | grep -E '^<[0-4]>' | grep -E "$address|nobody cared|Disabling IRQ" | grep -v vfio-noiommu)
[ -z "$complaints" ] || { echo "the kernel complains:"; echo "$complaints"; exit 1; }
exit $status
