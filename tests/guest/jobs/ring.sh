# A long message and its answer go through the DMA ring, as the kernel's driver itself says: usage ring.sh PCI-ADDRESS
# Its debug messages name each header that goes into the host's buffer and that comes out of the firmware's.
. /jobs/wait.sh
control=/sys/kernel/debug/dynamic_debug/control
for module in mei mei_me; do echo "module $module +pf" > $control || exit 1; done
dmesg -c > /dev/null
sh /jobs/on-mei_me.sh $1 mei-large
status=$?
dmesg > /tmp/ring.log
for module in mei mei_me; do echo "module $module -pf" > $control; done
[ $status = 0 ] || exit $status

device=$(basename /sys/bus/pci/devices/$1/mei/mei*)
grep -H . /sys/kernel/debug/$device/devstate | grep -i "hbm features" -A 12 | grep -o "DR: .*"
written=$(grep -c "mei_me_hbuf_write: mei_me $1: hdr:.* dma=1 " /tmp/ring.log)
read=$(grep -c "mei_irq_read_handler: mei_me $1: hdr:.* dma=1 " /tmp/ring.log)
echo "messages through the ring: $written written, $read read"
[ "$written" -gt 0 ] && [ "$read" -gt 0 ] || { grep "hdr:" /tmp/ring.log; exit 1; }
