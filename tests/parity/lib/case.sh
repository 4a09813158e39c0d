# case.sh - runs the parity case through sohoc and soho-rt.  To be sourced with
# SOHOC, SOHO_RT, TOOLS (folder of inputs and compare) and WORK (a folder).
# shellcheck shell=sh

golden=tests/oracle
seed=$(sed -n 's/^seed \([0-9]*\) .*/\1/p;q' $golden/first-13.golden)

# wanted FILE: names of its tensors, outputs aside, with commas between
wanted() {
	awk '$1 == "tensor" && $2 ~ /[.]/ && $2 !~ /@/ { print $2 }' "$1" |
		paste -s -d , -
}

# case_inputs ANSWERS: doors of micro-batches 0..5, evaluation 6, inference
case_inputs() {
	inputs=$(sed -n 's/.* inputs //p;q' $golden/first-"$1".golden)
	t=0
	for input in $inputs; do
		"$TOOLS/inputs" "$seed" "$input" "$1" "$WORK/in-$1-$t" || return
		t=$((t + 1))
	done
	"$TOOLS/inputs" "$seed" "$input" "$1" "$WORK/in-$1-one" one
}

# case_compile ANSWERS [OPTION...]: the plan that trains, of soho_res18 or MODEL
case_compile() {
	number=$1
	shift
	"$SOHOC" "models/${MODEL:-soho_res18}.lua" -o "$WORK/plan-$number" \
		--set batch=2 --set image=96x128 --set sentences=2 \
		--set answers="$number" "$@" >"$WORK/log" && case_inputs "$number"
}

# case_first ANSWERS [WANTED]: one micro-batch of a window of two, into
# first-ANSWERS
case_first() {
	"$SOHO_RT" exec "$WORK/plan-$1/plan.bin" train@96x128 \
		--in "$WORK/in-$1-0" --seed "$seed" \
		--out "$WORK/first-$1.safetensors" \
		--want "${2:-$(wanted $golden/first-"$1".golden)}"
}

# case_steps ANSWERS: three updates, then evaluation and inference, into
# steps-ANSWERS
case_steps() {
	window=train@96x128,train@96x128,update
	set -- "$1" "$WORK/in-$1"
	"$SOHO_RT" exec "$WORK/plan-$1/plan.bin" \
		$window,$window,$window,eval@96x128,infer@96x128 --in "$2-0" \
		--in "$2-1" --in "$2-2" --in "$2-3" --in "$2-4" --in "$2-5" \
		--in "$2-6" --in "$2-one" \
		--seed "$seed" --out "$WORK/steps-$1.safetensors" \
		--want "$(wanted $golden/steps-"$1".golden)"
}

# case_golden ANSWERS: all of it against the golden files; prints the checks
case_golden() {
	if ! case_compile "$1"; then
		echo "not ok parity $1: sohoc or inputs failed"
		return
	fi
	for part in first steps; do
		name=$part-$1
		if case_$part "$1"; then
			"$TOOLS/compare" "$name" "$golden/$name.golden" \
				"$WORK/$name.safetensors"
		else
			echo "not ok $name: soho-rt exec: exit $?"
		fi
		rm -f "$WORK/$name.safetensors"
	done
}
