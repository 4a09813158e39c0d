#!/bin/sh
# The map in README.md is what the heads of the files say, and has every room.
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

cp README.md "$tmp/README.md"
if ! sh tests/map.sh "$tmp/README.md" 2>"$tmp/err"; then
	echo "not ok map/can-be-drawn: $(tail -n 1 "$tmp/err")"
elif diff README.md "$tmp/README.md" >"$tmp/diff"; then
	echo 'ok map/is-fresh'
else
	echo "not ok map/is-fresh: $(grep -c '^[<>]' "$tmp/diff") lines differ," \
		"the first: $(sed -n 2p "$tmp/diff"); run make map"
fi

lost=
for folder in $(git ls-files 2>/dev/null | grep '\.\(c\|h\|lua\|def\|sh\)$' |
	sed 's|/[^/]*$||' | sort -u); do
	case $folder in
	tests/*/* | .ci) continue ;;
	tests/*) line="  ${folder#tests/}/ " ;;
	generated/*) line="  ${folder#generated/}/ " ;;
	*) line="$folder/ " ;;
	esac
	grep -qF "$line" README.md || lost="$lost $folder"
done
if ! git rev-parse 2>/dev/null; then
	echo 'skip map/has-every-room: not in a git checkout'
elif [ -z "$lost" ]; then
	echo 'ok map/has-every-room'
else
	echo "not ok map/has-every-room: no line for$lost; see tests/map.sh"
fi
