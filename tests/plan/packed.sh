#!/bin/sh
# packed.sh - buckets, and directions where they can, share packed weights: each
# convolution's are packed once per order in which they lie, not once per bucket.
#
# SOHOC, SOHO_RT: the programs
cd "$(dirname "$0")/../.." || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# shares NAME COPIES OPTIONS...: at most COPIES of each convolution's weights
shares() {
	name=$1 most=$2
	shift 2
	"${SOHOC:-build/sohoc}" models/soho_tiny.lua -o "$tmp/$name" "$@" \
		>"$tmp/log" 2>&1 || { cat "$tmp/log" && exit 1; }
	"${SOHO_RT:-build/soho-rt}" plan "$tmp/$name/plan.bin" >"$tmp/text" || exit
	said=$(awk -v most="$most" '
		$1 == "phase" { phase = $2 }
		phase == "train@96x128" && $3 == "conv" && $4 == "forward" { convs++ }
		phase == "pack.train" && /@pack_conv/ { packs++ }
		END {
			print packs + 0, "copies of", convs + 0, "weights"
			exit !packs || packs > most * convs
		}' "$tmp/text") && echo "ok packed/$name" ||
		echo "not ok packed/$name: $said, expected at most $most of each"
}

shares null 1 -t null
shares cpu 2 -t cpu # for y, for dx
shares cuda 1 -t cuda --arch emu --set precision=bf16
