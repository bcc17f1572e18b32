# The kernel's own driver on one emulated function: usage mei_me.sh PCI-ADDRESS [BEGINNING-OF-FW_VER]
# Waits for the device, prints what sysfs and debugfs say, runs the kernel's sample client, and looks for complaints.
. /jobs/wait.sh
address=$1
function=/sys/bus/pci/devices/$address

wait_for "[ -d $function/mei/mei* ]" || { ls -la $function; dmesg | grep -iE "mei|vfio|pci 0000" | tail -20; exit 1; }
class=$(echo $function/mei/mei*)
name=$(basename $class)
wait_for "[ \"\$(cat $class/dev_state)\" = ENABLED ]"

# The driver asks for the version once the device is there.
[ -z "${2:-}" ] || wait_for "tr '\\n' ' ' < $class/fw_ver | grep -qF '$2'"

echo "device: $(cat $function/device)"
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
grep mei_me /proc/interrupts

sh /jobs/on-mei_me.sh $address sh /jobs/sample.sh
