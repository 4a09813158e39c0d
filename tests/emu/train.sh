#!/bin/sh
# soho-rt train, resumed from its middle, eval and infer on the emulated GPU: the
# same bits as in one go, and the answers that the CPU gives with these weights.
. tests/emu/lib/case.sh

shapes && tiny cuda -t cuda --arch emu && tiny cpu -t cpu
check compiles $? "$(tail -n 2 "$room/log")"

train() { # RUN OPTION...
	run=$room/$1
	shift
	"$SOHO_RT" train "$room/cuda/plan.bin" --data "$data" --run "$run" "$@" \
		>"$room/log" 2>&1
}
train whole --steps 6 --save-steps 3
check trains $? "$(tail -n 2 "$room/log")"

# calls NAME STEPS: how often training calls a function of the driver
calls() {
	awk -v call="$1" '$1 == call { n++ } END { print n + 0 }' \
		"$room/trace-$2"
}
for steps in 6 12; do
	EMU_TRACE=$room/trace-$steps train traced-$steps --steps $steps \
		--eval-every 0 --save-steps 100
done
# A step: two graphs of two micro-batches of one bucket, their pack phases, one
# update.
check launches "$([ $(($(calls graph 12) - $(calls graph 6))) -ge 12 ]; echo $?)" \
	"$(calls graph 6) and $(calls graph 12) graphs in 6 and 12 steps"
for call in wait alloc launch load; do
	check "no-$call-in-a-step" \
		"$([ "$(calls $call 6)" -eq "$(calls $call 12)" ]; echo $?)" \
		"$(calls $call 6) and $(calls $call 12) calls in 6 and 12 steps"
done
mkdir "$room/half" && cp -r "$room/whole/ckpt-3" "$room/half" &&
	train half --steps 6 --resume && grep -q 'goes on from' "$room/log"
check resumes $? "$(tail -n 2 "$room/log")"
for file in weights train; do
	cmp "$room/whole/ckpt-6/$file.safetensors" \
		"$room/half/ckpt-6/$file.safetensors"
	check "same-bits-$file" $? 'other bits than in one go'
done

for target in cuda cpu; do
	"$SOHO_RT" eval "$room/$target/plan.bin" --data "$data" \
		--weights "$room/whole" --json 2>/dev/null >"$room/$target.json" ||
		"$SOHO_RT" eval "$room/$target/plan.bin" --data "$data" \
			--weights "$room/whole" >"$room/$target.json" 2>&1
	"$SOHO_RT" infer "$room/$target/plan.bin" --weights "$room/whole" \
		--image "$data/example.jpg" --question 'what shape is it?' \
		>"$room/$target.said" 2>&1
	check "infer-$target" $? "$(tail -n 1 "$room/$target.said")"
done
cmp "$room/cuda.said" "$room/cpu.said"
check same-answers $? "$(cat "$room/cuda.said")"
cmp "$room/cuda.json" "$room/cpu.json"
check same-accuracy $? "$(cat "$room/cuda.json")"
