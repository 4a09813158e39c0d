#!/bin/sh
# moved.sh - the bytes that a plan says the update moves are those of its rules:
# gradients once for the norm; each group's value, gradient and moments, all but
# the gradient written, too; running statistics from one slot to the other.  And
# what zeroes the gradients only writes them.
#
# SOHOC, SOHO_RT: the programs
cd "$(dirname "$0")/../.." || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
rt=${SOHO_RT:-build/soho-rt}

# within NAME FOUND RANGES: beside them a few step blocks of 128 bytes move
within() {
	if [ "$2" -ge "$3" ] && [ "$2" -lt "$(($3 + 4096))" ]; then
		echo "ok moved/$1"
	else
		echo "not ok moved/$1: $2 bytes, its ranges $3"
	fi
}

"${SOHOC:-build/sohoc}" models/soho_tiny.lua -o "$tmp" >"$tmp/log" || exit
"$rt" plan "$tmp/plan.bin" >"$tmp/text" || exit

ranges=$(awk '
$1 == "buffer" && $2 ~ /^range[.]/ {
	for (i = 4; i <= NF; i++)
		if ($i == "bytes")
			bytes = $(i - 1)
	times = $2 ~ /grad|live|good/ ? 1 : 2
	want += times * bytes
}
END { print want }' "$tmp/text")
update=$(awk '
$1 == "phase" { update = $2 == "update" }
update && $1 == "work" { print $5 }' "$tmp/text")
within update "$update" "$ranges"

grad=$(sed -n 's/^buffer range[.]grad .* \([0-9]*\) bytes.*/\1/p' "$tmp/text")
zeroed=$("$rt" bench "$tmp/plan.bin" train@96x128 --steps 1 --json |
	sed -n 's/.*"what":"zero_grad"[^}]*"bytes":\([0-9]*\).*/\1/p')
within zero_grad "${zeroed:-0}" "$grad"
