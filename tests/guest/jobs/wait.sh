# For the other scripts: waiting, with an end, and what several of them need.

wait_for() { # COMMAND: until it succeeds, at most a minute
    tries=0
    until eval "$1"; do
        tries=$((tries + 1))
        [ $tries -lt 600 ] || { echo "never came true: $1"; return 1; }
        usleep 100000
    done
}

allow_noiommu() { # Lets VFIO do without an IOMMU where it can: the machine has none then.
    noiommu=/sys/module/vfio/parameters/enable_unsafe_noiommu_mode
    [ ! -e $noiommu ] || echo 1 > $noiommu
}
