#!/bin/sh
# Installs what the queue suite starts: Redis and PostgreSQL, on Debian and Ubuntu. Only the programs are
# wanted: the services that the packages bring are not started. Run it as root, or where sudo asks nothing.
set -eu

if command -v redis-server > /dev/null && ls /usr/lib/postgresql/*/bin/postgres > /dev/null 2>&1; then
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
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends redis-server postgresql
