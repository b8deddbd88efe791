#!/bin/sh
# Installs what the phone suite starts: Chromium, on Debian. Run it as root, or where sudo asks nothing. On a
# system whose "chromium" package is not the browser itself (Ubuntu), install Chrome or Chromium yourself and
# set CHROMIUM_PATH.
set -eu

if [ -x "${CHROMIUM_PATH:-/usr/bin/chromium}" ]; then
	exit 0
fi

as_root=''
[ "$(id -u)" -eq 0 ] || as_root='sudo -n'

$as_root apt-get update
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium
