# A program's calls on the kernel's device and on ours, compared: usage strace.sh PCI-ADDRESS PERSONA HOW PROGRAM...
# HOW is an option of mei-strace, or -- for none.
address=$1
persona=$2
how=$3
shift 3
# Debian's strace by its own loader: the program to be traced is not in its root.
libraries=/packages/lib/x86_64-linux-gnu
strace="$libraries/ld-linux-x86-64.so.2 --library-path $libraries:/packages/usr/lib/x86_64-linux-gnu /packages/usr/bin/strace"
cd /tmp || exit 1
rm -f calls.*
# A file as its output: where it goes is part of the calls.
sh /jobs/both.sh $address $persona sh -c \
    "timeout 200 $strace -ff -y -x -s 16384 -o /tmp/calls.\$SIDE $* > /tmp/printed 2>&1; status=\$?; cat /tmp/printed; exit \$status" ||
    exit 1
[ $how != -- ] || how=
mei-strace $how /tmp/calls.kernel /tmp/calls.umei
