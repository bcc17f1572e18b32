# Devices beside each other: usage beside.sh KERNELS OURS KERNELS-WITHOUT OURS-WITHOUT OPTIONS-OF-UMEI-BENCH...
# All four functions are engines of benches/beside.toml, the last two without the DMA ring, for which UIO has no memory.
# Of each pair the first stays with mei_me, the second goes to umei. Before them beside-cuse.sh.
. /jobs/wait.sh
with="$1 $2"
without="$3 $4"
shift 4

beside_mei_me() { # KERNELS OURS DRIVER OPTIONS...
    kernels=/sys/bus/pci/devices/$1
    ours=$2
    driver=$3
    shift 3
    wait_for "[ \"\$(cat $kernels/mei/mei*/dev_state 2> /dev/null)\" = ENABLED ]" || exit 1
    node=/dev/$(basename $kernels/mei/mei*)
    # The driver works in the thread of its interrupt.
    interrupt=$(ls $kernels/msi_irqs)
    thread=$(grep -lx "irq/$interrupt-mei_me" /proc/[0-9]*/comm | cut -d / -f 3)
    [ -n "$thread" ] || { echo "no thread of interrupt $interrupt"; exit 1; }
    NAME=mei81 sh /jobs/pci.sh $ours $driver sh -c \
        "umei-bench beside --device mei:/dev/mei81:\$SERVER --beside mei:$node:$thread $*" || exit 1
}

sh /jobs/beside-cuse.sh "$@" || exit 1

echo "umei by VFIO, beside mei_me, both with the DMA ring:"
beside_mei_me $with vfio-pci "$@"
echo "umei by VFIO, beside mei_me, both without it:"
beside_mei_me $without vfio-pci "$@"
echo "umei by UIO, beside mei_me, both without it:"
beside_mei_me $without uio_pci_generic "$@"
