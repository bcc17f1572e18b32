# MeshCmd on /dev/mei0: usage meshcmd.sh ACTION...
# Some of its actions wait for ever without a device.
cd /tmp || exit 1
timeout 200 /target/clients/meshcmd/meshagent /target/clients/meshcmd/meshcmd.js "$@"
