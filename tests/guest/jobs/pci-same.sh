# What a function is through the kernel's driver, it is through umei: usage pci-same.sh PCI-ADDRESS DRIVER WAY
# DRIVER is that of `umei bind`, WAY that of `umei serve --access`.
. /jobs/wait.sh
wait_for "[ -d /sys/bus/pci/devices/$1/mei/mei* ]" || exit 1
# umei looks for the device's sysfs by its name: let it be /dev/mei0 for the kernel's driver, too.
functions=$(ls /sys/bus/pci/drivers/mei_me | grep :)
for function in $functions; do echo $function > /sys/bus/pci/drivers/mei_me/unbind; done
for function in $1 $(echo "$functions" | grep -v $1); do echo $function > /sys/bus/pci/drivers/mei_me/bind; done
sh /jobs/on-mei_me.sh $1 umei info --json > /tmp/info.mei_me || { cat /tmp/info.mei_me; exit 1; }
export SERVE="--access $3"
sh /jobs/pci.sh $1 $2 sh -c 'umei info --json --sysfs /run/umei-sys > /tmp/info.umei; sh /jobs/sample.sh' || exit 1
diff /tmp/info.mei_me /tmp/info.umei || { echo "umei info says something else"; exit 1; }
grep -c . /tmp/info.umei | sed 's/^/the same lines of umei info: /'
