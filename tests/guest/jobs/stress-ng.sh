# Thousands of odd calls on /dev/mei0; the device then still serves.
chroot /packages /usr/bin/stress-ng --dev 2 --dev-file /dev/mei0 -t 8 || exit 1
umei info
