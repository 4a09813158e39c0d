#!/bin/sh
# The plans for a GPU, run by the emulated driver, against those for the CPU:
# soho_tiny and soho_tiny_pre, forward, backward, three updates with dropout.  By
# tensor 1e-5 of outputs and 1e-4 of gradients, parameters, moments and statistics;
# the same bits whatever the order in which threads run.
. tests/emu/lib/case.sh

for model in soho_tiny soho_tiny_pre; do
	compile "$model" "$model-cpu" && compile "$model" "$model" -t cuda --arch emu &&
		inputs "$model"
	check "$model"/compiles $? "$(tail -n 3 "$room/$model.log")"
	steps "$model-cpu" "$model-cpu.out" && steps "$model" "$model.out"
	check "$model"/runs $? 'soho-rt exec failed'
	"$TOOLS/compare" "$name/$model" "$room/$model-cpu.out" "$room/$model.out"
done

# Backward and at random: a run that is half as long.
half() {
	EMU_SEED=$1 "$SOHO_RT" exec "$room/soho_tiny/plan.bin" \
		train@96x128,update --in "$room/in-0" --seed 46 --out "$room/$2" \
		--want "$(every "$room/soho_tiny/plan.bin")"
}
inputs soho_tiny
half 0 forward && half 1 backward && half 7 random
check schedules/run $? 'soho-rt exec failed'
cmp "$room/forward" "$room/backward" && cmp "$room/forward" "$room/random"
check schedules/same-bits $? 'the order of threads changes results'
