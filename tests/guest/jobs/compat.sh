# A 32-bit program on the kernel's device and on ours: usage compat.sh PCI-ADDRESS PERSONA
sh /jobs/both.sh $1 $2 sh -c '/target/clients/compat /dev/mei0 > /tmp/compat.$SIDE; status=$?; cat /tmp/compat.$SIDE; exit $status' || exit 1
diff /tmp/compat.kernel /tmp/compat.umei || { echo "a 32-bit program sees a difference"; exit 1; }
echo "the same lines: $(wc -l < /tmp/compat.umei)"
