# The same random calls on the kernel's driver and on umei, each with a function of its own: usage
# pci-exact.sh OPTIONS REFERENCE ADDRESS DRIVER WAY
# OPTIONS are those of mei-differential, REFERENCE is the kernel's function and ADDRESS the one that umei takes, DRIVER
# that of `umei bind`, WAY that of `umei serve --access`.
. /jobs/wait.sh
wait_for "[ -d /sys/bus/pci/devices/$3/mei/mei* ]" || exit 1
allow_noiommu
umei bind $3 --driver $4 || exit 1
sh /jobs/exact.sh "$1" $2 "--backend pci:$3 --access $5"
status=$?
umei unbind $3 || status=1
exit $status
