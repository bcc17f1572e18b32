# Takes a function out of the machine, whoever drives it: usage pci-remove.sh PCI-ADDRESS
echo 1 > /sys/bus/pci/devices/$1/remove
[ ! -e /sys/bus/pci/devices/$1 ]
