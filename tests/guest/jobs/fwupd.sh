# fwupd on the MEI device, without its daemon. The emulated sysfs is where umei serve shows it, if it does.
[ -d /run/umei-sys ] && export FWUPD_SYSFSDIR=/run/umei-sys
chroot /packages /usr/bin/fwupdtool get-devices --plugins intel_amt --json
