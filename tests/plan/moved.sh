#!/bin/sh
# moved.sh - the bytes that a plan says the update moves are those of its rules:
# gradients once for the norm; each group's value, gradient and moments, all but
# the gradient written, too; running statistics from one slot to the other.
#
# SOHOC, SOHO_RT: the programs
cd "$(dirname "$0")/../.." || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

"${SOHOC:-build/sohoc}" models/soho_tiny.lua -t null -o "$tmp" >"$tmp/log" ||
	exit
"${SOHO_RT:-build/soho-rt}" plan "$tmp/plan.bin" | awk '
$1 == "buffer" && $2 ~ /^range[.]/ {
	for (i = 4; i <= NF; i++)
		if ($i == "bytes")
			bytes = $(i - 1)
	times = $2 ~ /grad|live|good/ ? 1 : 2
	want += times * bytes
	ranges++
}
$1 == "phase" { update = $2 == "update" }
update && $1 == "work" { found = $5 }
END { # beside the ranges a few step blocks of 128 bytes
	rest = found - want
	if (ranges > 5 && rest >= 0 && rest < 4096)
		print "ok moved/update"
	else
		print "not ok moved/update: " found " bytes, its ranges " want
}'
