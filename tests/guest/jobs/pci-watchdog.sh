# What the kernel's watchdog driver says of itself, umei's says: usage pci-watchdog.sh PCI-ADDRESS DRIVER
. /jobs/wait.sh
cat > /tmp/look.sh <<'END'
. /jobs/wait.sh
wait_for "[ -c /dev/watchdog0 ]" || exit 1
for option in "" "--settimeout 119" "--settimeout 65536" "--settimeout 240" ""; do
    echo "wdctl $option"
    chroot /packages /bin/wdctl $option /dev/watchdog0 2>&1
    echo "status $?"
done > $1
# Call by call, too.
chroot /packages /usr/bin/strace -e trace=openat,ioctl,write -P /dev/watchdog0 -o /tmp/wdctl.calls /bin/wdctl \
    --setpretimeout 30 /dev/watchdog0 2>&1
sed 's/0x7f[0-9a-f]*/POINTER/' /tmp/wdctl.calls >> $1
END
sh /tmp/look.sh /tmp/wdctl.mei_wdt || exit 1
export SERVE=--watchdog
sh /jobs/pci.sh $1 $2 sh /tmp/look.sh /tmp/wdctl.umei || exit 1
cat /tmp/wdctl.mei_wdt
diff /tmp/wdctl.mei_wdt /tmp/wdctl.umei || { echo "umei's watchdog says something else"; exit 1; }
grep -c . /tmp/wdctl.umei | sed 's/^/the same lines of wdctl: /'
