# Odd calls on /dev/mei0 by the thousand; the device then still serves: usage stress-ng.sh SECONDS
# That stress-ng has really been at the device, and for so long, is judged by its own account.
seconds=$1
log=/tmp/stress-ng.log
chroot /packages /usr/bin/stress-ng --dev 2 --dev-file /dev/mei0 -t $seconds --metrics-brief > $log 2>&1
status=$?
cat $log
[ $status = 0 ] || exit $status
grep -q "1 of 1 devices opened and exercised" $log || { echo "stress-ng has not opened the device"; exit 1; }
# ... metrc: [PID] dev  OPERATIONS  SECONDS ...
awk -v least=$seconds '$4 == "dev" && $5 > 0 && $6 >= least { found = 1 } END { exit !found }' $log ||
    { echo "stress-ng has not worked for $seconds seconds"; exit 1; }
umei info
