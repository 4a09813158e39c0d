#!/bin/sh
# golden.sh - writes DIR/soho_tiny.cpu: what the compiler makes of soho_tiny
# for one fixed machine: the plan as text and the kernels' sources.
#
# usage: tests/golden.sh DIR     SOHOC, SOHO_RT: the programs
out=$1/soho_tiny.cpu
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
"${SOHOC:-build/sohoc}" models/soho_tiny.lua -o "$work" --cpu avx2 \
	--threads 2 >"$work/log" || exit
rm -rf "$out"
mkdir -p "$out" && cp "$work"/gen/* "$out" &&
	"${SOHO_RT:-build/soho-rt}" plan "$work/plan.bin" |
	grep -v '^code ' >"$out/plan.txt" # the size of kernels.so is cc's choice
