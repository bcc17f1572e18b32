# fwupd on the MEI device, without its daemon. The emulated sysfs is where umei serve shows it.
# It writes to its configuration, which here cannot be written.
cp -a /packages/etc/fwupd /tmp/fwupd-configuration || exit 1
mount --bind /tmp/fwupd-configuration /packages/etc/fwupd || exit 1
FWUPD_SYSFSDIR=/run/umei-sys chroot /packages /usr/bin/fwupdtool get-devices --plugins intel_amt --json
status=$?
umount /packages/etc/fwupd
exit $status
