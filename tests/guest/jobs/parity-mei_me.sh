# The parity rows on the kernel's own driver: usage parity-mei_me.sh PCI-ADDRESS
. /jobs/wait.sh
function=/sys/bus/pci/devices/$1
wait_for "[ -d $function/mei/mei* ]" || exit 1
class=$(echo $function/mei/mei*)
wait_for "[ \"\$(cat $class/dev_state)\" = ENABLED ]" || exit 1
exec mei-parity --device /dev/$(basename $class) --transport mei_me
