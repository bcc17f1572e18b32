# A sleeping machine with the kernel's driver: usage suspend-mei_me.sh PCI-ADDRESS
# What jobs before this one provoked is not its own.
dmesg -c > /dev/null
sh /jobs/on-mei_me.sh $1 mei-exercise upset --programs busy --times 2 --by "sh /jobs/suspend.sh" || exit 1
exec sh /jobs/on-mei_me.sh $1 mei-exercise sleep --by "sh /jobs/suspend.sh" --lets read --lets write --lets poll --lets connect
