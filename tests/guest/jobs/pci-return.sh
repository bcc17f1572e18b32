# Finds a function again that was taken out, and gives it back to user space: usage pci-return.sh PCI-ADDRESS DRIVER
. /jobs/wait.sh
echo 1 > /sys/bus/pci/rescan
# It is a new function to the kernel, whose driver takes it.
wait_for "[ -e /sys/bus/pci/drivers/mei_me/$1 ]" || exit 1
umei bind $1 --driver $2
