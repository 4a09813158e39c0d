#!/bin/sh
# precision=bf16: activations take half the memory, training goes as in f32, and
# the same bits come from kernels that compute norms again and from those that
# keep them; other words are refused.
. tests/e2e/lib/mini.sh

# compile NAME OPTION...: the mini model into $room/NAME.  For AVX2: with AVX-512
# the C compiler gives loops of two widths, and sums of other kernels other bits.
compile() {
	out=$room/$1
	shift
	"$SOHOC" models/soho_tiny.lua -o "$out" --threads 1 \
		--set vocab="$data/vocab.txt" --set answers="$data/answers.txt" \
		--set buckets=48x64,64x48 --set batch=4 --set sentences=2 \
		--set hidden=32 --set inner=64 --set layers=1 --set heads=2 \
		--set width=8,8,16,32 --set warmup=4 --cpu avx2 "$@" \
		>"$out.txt" 2>&1
}

# act FILE: bytes of activations that the compiler tells
act() { sed -n 's/.* act \([0-9]*\) .*/\1/p' "$1"; }

compile half --set precision=bf16
check compiles $? "$(tail -n 3 "$room/half.txt")"
full=$(act "$mini/out") half=$(act "$room/half.txt")
check arena "$([ $((full * 7)) -gt $((half * 10)) ]; echo $?)" \
	"$half bytes of activations, f32 has $full"
train full --steps 40 --log-every 40 --eval-every 0
plan=$room/half/plan.bin
train half --steps 40 --log-every 40 --eval-every 0
check trains $? "$(cat "$room/said")"
loss() { sed -n 's/.*"loss":\([0-9.]*\).*/\1/p' "$room/$1/log.jsonl"; }
awk "BEGIN { d = $(loss half) / $(loss full) - 1; exit !(d * d < 4e-4) }"
check loss $? "$(loss half), f32 has $(loss full)"

compile kept --set precision=bf16 --without recompute
plan=$room/kept/plan.bin
train kept --steps 40 --log-every 40 --eval-every 0
same half kept 40
check recompute $? 'other bits without it'

"$SOHO_RT" eval "$room/half/plan.bin" --data "$data" \
	--weights "$room/half" >"$room/said" 2>&1
check evaluates $? "$(cat "$room/said")"

compile odd --set precision=fp8
[ $? -eq 2 ] && grep -q 'precision.*f32.*f16' "$room/odd.txt"
check refuses $? "$(cat "$room/odd.txt")"
