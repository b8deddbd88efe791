#!/bin/sh
# network.sh ADDRESS COMMAND...: in a new network namespace, sets up loopback and one network card with the
# address, and becomes the command.
set -eu

address=$1
shift
ip link set lo up
ip link add call0 type veth peer name call1
ip address add "$address/24" dev call0
ip link set call0 up
ip link set call1 up
exec "$@"
