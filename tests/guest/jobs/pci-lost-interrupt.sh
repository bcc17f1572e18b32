# Interrupts that never arrive, while two programs work: usage pci-lost-interrupt.sh PCI-ADDRESS
printf 'mei-faults 1\non interrupt at 60 drop\non interrupt at 90 drop\n' > /tmp/lost.faults
export SERVE="--inject /tmp/lost.faults" UMEI_LOG=warn,mei_tap=debug
sh /jobs/pci.sh $1 vfio-pci mei-exercise endure --rounds 100 || exit 1
grep "lost.faults" /tmp/serve.log
