# Puts the machine's devices to sleep and wakes them up again; programs are frozen meanwhile: usage suspend.sh [PATIENCE]
# PATIENCE is how long the kernel waits for that, in milliseconds; 20 seconds if it is not given.
echo devices > /sys/power/pm_test || exit 1
echo ${1:-20000} > /sys/power/pm_freeze_timeout
# The kernel waits five seconds in between unless it is told otherwise.
echo 1 > /sys/module/suspend/parameters/pm_test_delay
echo freeze > /sys/power/state
status=$?
echo none > /sys/power/pm_test
exit $status
