#!/bin/sh
# precision= on the emulated GPU: tf32 is said to the libraries, bf16 and f16 train
# to f32's loss, f16 with a loss scale of its own; deterministic= is said, too.
. tests/emu/lib/case.sh

shapes
check data $? "$(cat "$room/log")"
for p in f32 tf32 bf16 f16; do
	tiny $p -t cuda --arch emu --set precision=$p --set accumulate=1 \
		--set warmup=2
	check "$p/compiles" $? "$(tail -n 2 "$room/log")"
done
lines() { "$SOHO_RT" plan "$room/$1/plan.bin" | grep -cE "$2"; }
check tf32/said "$([ "$(lines tf32 '^step .* tf32 ')" -eq \
	"$(lines tf32 '^step [0-9]+ (gemm|conv) ')" ]; echo $?)" \
	"$(lines tf32 '^step .* tf32 ') steps"

tiny varies -t cuda --arch emu --set deterministic=false
check varies/compiles $? "$(tail -n 2 "$room/log")"
convs='^step [0-9]+ conv '
check varies/said "$([ "$(lines varies "$convs.* varies ")" -eq \
	"$(lines varies "$convs")" ] && [ "$(lines f32 ' varies ')" -eq 0 ]
	echo $?)" "$(lines varies ' varies '), $(lines f32 ' varies ') steps"

for p in f32 bf16 f16; do
	"$SOHO_RT" train "$room/$p/plan.bin" --data "$data" --run "$room/run-$p" \
		--steps 12 --log-every 12 --eval-every 0 >"$room/log" 2>&1
	check "$p/trains" $? "$(tail -n 2 "$room/log")"
done
loss() { sed -n 's/.*"loss":\([0-9.]*\).*/\1/p' "$room/run-$1/log.jsonl"; }
for p in bf16 f16; do
	awk "BEGIN { d = $(loss $p) / $(loss f32) - 1; exit !(d * d < 1e-4) }"
	check $p/loss $? "$(loss $p), f32 has $(loss f32)"
done
grep -q '"loss_scale":128,' "$room/run-f16/log.jsonl"
check f16/scale $? "$(cat "$room/run-f16/log.jsonl")"
