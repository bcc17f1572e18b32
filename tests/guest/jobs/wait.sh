# For the other scripts: waiting, with an end.

wait_for() { # COMMAND: until it succeeds, at most a minute
    tries=0
    until eval "$1"; do
        tries=$((tries + 1))
        [ $tries -lt 600 ] || { echo "never came true: $1"; return 1; }
        usleep 100000
    done
}
