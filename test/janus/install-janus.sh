#!/bin/sh
# Installs what the Janus suite starts, on Debian and Ubuntu: Janus itself, and the commands "ip" and
# "unshare", which give it a network of its own. Only the program is wanted: the service that the package brings
# is not started. Run it as root, or where sudo asks nothing.
set -eu

if command -v janus > /dev/null && command -v ip > /dev/null && command -v unshare > /dev/null; then
	exit 0
fi

as_root=''
[ "$(id -u)" -eq 0 ] || as_root='sudo -n'

# What installation scripts ask before they start a service; 101 forbids it.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	trap '$as_root rm -f "$policy"' EXIT
	printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" > /dev/null
	$as_root chmod 755 "$policy"
fi

$as_root apt-get update
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends janus iproute2 util-linux
