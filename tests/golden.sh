#!/bin/sh
# golden.sh - what the compiler makes of soho_tiny, to be read and compared: the
# kernels for the CPU and for a GPU, and one bucket of the CPU's plan as text.
#
# usage: tests/golden.sh DIR    writes DIR/soho_tiny.cpu and DIR/soho_tiny.cuda
#
# Made for one machine, avx2 with 2 threads, which every machine of target cpu
# can plan for.  Scratch memory of oneDNN differs between processors, so that
# and what depends on it, offsets and two arenas, is left out.
# SOHOC, SOHO_RT: the programs
out=$1/soho_tiny.cpu
sohoc=${SOHOC:-build/sohoc}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

compile() {
	"$sohoc" models/soho_tiny.lua -o "$tmp" --cpu avx2 --threads 2 "$@"
}

compile -d order >"$tmp/steps" && compile >"$tmp/log" || exit
"${SOHO_RT:-build/soho-rt}" plan "$tmp/plan.bin" >"$tmp/plan" || exit
rm -rf "$out"
mkdir -p "$out" && cp "$tmp"/gen/* "$out" && rm "$out"/unity*.c || exit

# The head and the doors of the plan, the steps of the dump.
awk '
/^phase / {
	wanted = $2 ~ /^(train|infer)@96x128$/ || $2 == "update"
	name = $2
}
FILENAME ~ /steps$/ {
	if (wanted && /^  [0-9]/) {
		gsub(/ scratch[0-9]+/, / (gemm|conv) / ? "" : " scratch")
		step[name] = step[name] $0 "\n"
	}
	next
}
/^(plan|meta|vocabulary|answers) / || /^arena (param|grad|state|io) /
wanted && /^phase / { print "\n" $0 }
wanted && /^door /
wanted && /^$/ { printf "%s", step[name] }' "$tmp/steps" "$tmp/plan" \
	>"$out/plan.txt"

# Kernels for a GPU; to write them needs no CUDA.
rm -rf "$1/soho_tiny.cuda" "$tmp/gen"
"$sohoc" models/soho_tiny.lua -o "$tmp" -t cuda -S >"$tmp/log" || exit
mkdir -p "$1/soho_tiny.cuda" && cp "$tmp"/gen/*.cu "$1/soho_tiny.cuda" &&
	rm "$1"/soho_tiny.cuda/unity*
