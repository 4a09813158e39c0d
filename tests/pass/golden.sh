#!/bin/sh
# What one pass makes of a tiny model: PASS/NAME.lua after `-d PASS`, beside
# PASS/NAME.txt.  -w writes the texts instead.
tmp=$(mktemp) || exit 1
trap 'rm -f "$tmp"' EXIT

for model in tests/pass/*/*.lua; do
	pass=$(basename "$(dirname "$model")")
	name=$pass/$(basename "$model" .lua)
	golden=${model%.lua}.txt
	if ! "$SOHOC" "$model" -t null -d "$pass" >"$tmp" 2>&1; then
		echo "not ok pass $name: sohoc: $(tail -n 1 "$tmp")"
		continue
	fi
	sed -i -n -e '/^func \(init\|update\)/,/^end/d' -e '/^func/,/^end/p' "$tmp"
	if [ "$1" = -w ]; then
		cp "$tmp" "$golden"
	elif diff "$golden" "$tmp" >"$tmp.diff" 2>&1; then
		echo "ok pass $name"
	else
		echo "not ok pass $name: $(sed -n 2p "$tmp.diff"); see" \
			"$model after -d $pass, then run tests/pass/golden.sh -w"
	fi
	rm -f "$tmp.diff"
done
