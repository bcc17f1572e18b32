# What unmodified programs say of the device, held against one text: usage unmodified.sh EXPECTED
# The programs come as `cargo xtask fetch` leaves them: MESHCMD and PACKAGES are the folders of MeshCmd and of the
# Debian programs. EXAMPLES is the folder of this project's examples. A shell as small as busybox's is enough.
set -u
expected=$1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
# What programs say on standard error is nobody's business unless something else is wrong.
complaints=$work/complaints

# A Debian program is run by its own loader with its own libraries: it is unpacked, not installed.
libraries=
for folder in "$PACKAGES"/lib/x86_64-linux-gnu "$PACKAGES"/usr/lib/x86_64-linux-gnu "$PACKAGES"/usr/lib/x86_64-linux-gnu/fwupd-*; do
    libraries=$libraries${libraries:+:}$folder
    [ ! -e "$folder/ld-linux-x86-64.so.2" ] || loader=$folder/ld-linux-x86-64.so.2
done
debian="$loader --library-path $libraries"
fwupdtool="$debian $PACKAGES/usr/bin/fwupdtool"
curl="$debian $PACKAGES/usr/bin/curl --silent --show-error --max-time 30"
# Some of MeshCmd's actions wait for ever without a device.
meshcmd="timeout 200 $MESHCMD/meshagent $MESHCMD/meshcmd.js"

# Each conversation begins with its name, also for whoever waits for the end of them all.
exec 3>&1
heading() {
    echo "$*" >&3
    printf '\n== %s\n' "$*"
}

# A program that ends by itself: what it prints, and its status where that says that something went wrong.
run() { # COMMAND ARGUMENTS...
    (cd "$work" && exec "$@") 2>> "$complaints"
    status=$?
    [ $status = 0 ] || echo "status $status"
}

# What a browser and a management console get on AMT's port before anybody has logged in. Whoever serves the port is
# at most a minute in coming.
ask_amt() {
    site=http://127.0.0.1:16992
    tries=0
    until $curl --include $site/ > "$work/page" 2> /dev/null; do
        tries=$((tries + 1))
        [ $tries -lt 60 ] || { echo "nobody serves $site"; return; }
        sleep 1
    done
    cat "$work/page"
    for page in logon.htm index.htm; do
        echo "-- GET /$page"
        $curl --include $site/$page 2>&1
    done
    echo "-- POST /wsman, as somebody whom AMT does not know"
    $curl --digest --user admin:admin --data '<Envelope/>' --dump-header - --output /dev/null $site/wsman 2>&1
}

# AMT's port, served by a program that runs for as long as it is asked.
serve() { # COMMAND ARGUMENTS...
    (cd "$work" && exec "$@") >> "$complaints" 2>&1 &
    service=$!
    ask_amt
    kill $service
    wait $service 2> /dev/null
}

tell() {
    for action in "AmtInfo --json" AmtVersions AmtHashes; do
        heading MeshCmd $action
        run $meshcmd $action
    done
    heading "MeshCmd MicroLMS --noconsole, and curl"
    serve $meshcmd MicroLMS --noconsole

    heading "fwupdtool get-devices --plugins intel_amt --json"
    # Where an unpacked package has its data, and where it may write.
    export FWUPD_DATADIR_QUIRKS="$PACKAGES/usr/share/fwupd/quirks.d"
    export FWUPD_LOCALSTATEDIR="$work" FWUPD_SYSCONFDIR="$work" FWUPD_LOCKDIR="$work"
    run $fwupdtool get-devices --plugins intel_amt --json

    heading amt-version
    run "$EXAMPLES/amt-version"
    heading watchdog
    run "$EXAMPLES/watchdog" --heartbeats 2 --timeout 2
    heading "lms, and curl"
    serve "$EXAMPLES/lms"
}

# What differs from one run to the next: the challenges, and when fwupd ran.
tell | tr -d '\r' | sed 's/nonce="[^"]*"/nonce="..."/; s/"Created" : [0-9]*/"Created" : .../' > "$work/said"

if ! diff -u "$expected" "$work/said"; then
    echo "-- complaints"
    cat "$complaints"
    exit 1
fi
echo "$(grep -c '^== ' "$expected") passed, 0 failed, 0 skipped"
