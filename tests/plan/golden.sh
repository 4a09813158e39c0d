#!/bin/sh
# generated/ is what the compiler makes of soho_tiny now.
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

if [ ! -d generated/soho_tiny.cpu ]; then
	echo 'not ok golden/soho_tiny: generated/soho_tiny.cpu is missing: run' \
		'make golden'
elif ! sh tests/golden.sh "$tmp" 2>"$tmp/err"; then
	echo "not ok golden/compiles: $(tail -n 1 "$tmp/err")"
elif { diff -r generated/soho_tiny.cpu "$tmp/soho_tiny.cpu" &&
	diff -r generated/soho_tiny.cuda "$tmp/soho_tiny.cuda"; } >"$tmp/diff"; then
	echo 'ok golden/soho_tiny'
else
	echo "not ok golden/soho_tiny: $(grep -c '^[<>]' "$tmp/diff") lines" \
		"differ; look at them, then run make golden"
fi
