#!/bin/sh
# The network of models/soho_res18.lua against the oracle's golden files: on
# the plan that trains, its outputs, gradients, and three updates.
TOOLS=$(dirname "$SOHOC")/tools WORK=$TMPDIR
. tests/parity/lib/case.sh

for answers in 13 3129; do
	if ! case_compile $answers; then
		echo "not ok compile $answers: exit $?"
		continue
	fi
	for part in first steps; do
		name=$part-$answers
		if case_$part $answers; then
			"$TOOLS/compare" $name $golden/$name.golden \
				"$WORK/$name.safetensors"
		else
			echo "not ok $name: soho-rt exec: exit $?"
		fi
		rm -f "$WORK/$name.safetensors"
	done
	rm -rf "$WORK/plan-$answers"
done
