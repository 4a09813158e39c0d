# pretrain.sh - runs the parity case of pre-training through sohoc and soho-rt.
# To be sourced with SOHOC, SOHO_RT, TOOLS (folder of inputs and compare) and
# WORK (a folder).
# shellcheck shell=sh

golden=tests/oracle
seed=$(sed -n 's/^seed \([0-9]*\) .*/\1/p;q' $golden/pretrain-first.golden)
logits=mlm_logits,mvm_logits,match_logits,mvm_labels

# wanted FILE: its names but outputs and what --keep made outputs
wanted() {
	awk '$1 == "tensor" && $2 ~ /[.]/ && $2 !~ /@/ { print $2 }' "$1" |
		paste -s -d , -
}

# pretrain_options CASE: as CASES in tests/oracle/pretrain.py has it
pretrain_options() {
	case $1 in
	gate) echo '--set mask_prob=0.6' ;;
	rare) ;;
	add) echo '--set mask_prob=0.6 --set join=add' ;;
	fixed) echo '--set mask_prob=0.6 --set compat=fixed' ;;
	res34) echo '--set mask_prob=0.6 --set depth=34' ;;
	res50) echo '--set mask_prob=0.6 --set depth=50 --set join=add --set compat=fixed' ;;
	esac
}

# pretrain_compile CASE INPUT...: the plan that trains, and its micro-batches
pretrain_compile() {
	# shellcheck disable=SC2046
	"$SOHOC" models/soho_res18_pre.lua -o "$WORK/plan" --set batch=2 \
		--set image=128x192 --set sentences=4 --keep $logits \
		$(pretrain_options "$1") >"$WORK/log" || return
	shift
	t=0
	for input; do
		"$TOOLS/inputs" "$seed" "$input" pretrain "$WORK/in-$t" || return
		t=$((t + 1))
	done
}

# pretrain_first OUT WANTED: one micro-batch of a window of two
pretrain_first() {
	"$SOHO_RT" exec "$WORK/plan/plan.bin" train@128x192 --in "$WORK/in-0" \
		--seed "$seed" --out "$1" --want "$2"
}

# pretrain_steps OUT WANTED: three updates, then evaluation
pretrain_steps() {
	window=train@128x192,train@128x192,update
	in=$WORK/in
	"$SOHO_RT" exec "$WORK/plan/plan.bin" $window,$window,$window,eval@128x192 \
		--in "$in-0" --in "$in-1" --in "$in-2" --in "$in-3" --in "$in-4" \
		--in "$in-5" --in "$in-6" --seed "$seed" --out "$1" --want "$2"
}
