#!/bin/sh
# setup.sh - installs what the build needs on Debian 12 and lacks here.  Does
# nothing where all is there, or where the system has no dpkg.
command -v dpkg-query >/dev/null || exit 0

missing=
for package in make gcc libc6-dev pkg-config liblua5.4-dev libdnnl-dev \
	libpng-dev libjpeg62-turbo-dev libzip-dev liblzma-dev libutf8proc-dev \
	libssl-dev; do
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null |
		grep -q 'ok installed' || missing="$missing $package"
done
# shellcheck disable=SC2086
set -- $missing
[ $# -eq 0 ] && exit 0

if [ "$(id -u)" -eq 0 ]; then
	as_root=
elif command -v sudo >/dev/null; then
	as_root=sudo
else
	echo "setup: run as root: apt-get install $*" >&2
	exit 1
fi
echo "setup: installing $*"
DEBIAN_FRONTEND=noninteractive
export DEBIAN_FRONTEND
$as_root apt-get update -qq
$as_root apt-get install -y -qq --no-install-recommends "$@" >/dev/null || {
	echo "setup: cannot install $*: see the lines above" >&2
	exit 1
}
