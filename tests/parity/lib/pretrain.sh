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
	rare) ;;
	*) echo '--set mask_prob=0.6' ;;
	esac
	case $1 in
	*add*) echo '--set join=add' ;;
	esac
	case $1 in
	*fixed) echo '--set compat=fixed' ;;
	esac
	case $1 in
	res34_*) echo '--set depth=34' ;;
	res50_*) echo '--set depth=50' ;;
	esac
}

# pretrain_compile CASE INPUT...: the plan that trains, and its micro-batches
pretrain_compile() {
	case $1 in
	res*) size=64x128 ;;
	*) size=128x192 ;;
	esac
	# shellcheck disable=SC2046
	"$SOHOC" models/soho_res18_pre.lua -o "$WORK/plan" --set batch=2 \
		--set image=$size --set sentences=4 --keep $logits \
		$(pretrain_options "$1") >"$WORK/log" || return
	shift
	t=0
	for input; do
		"$TOOLS/inputs" "$seed" "$input" pretrain=$size "$WORK/in-$t" ||
			return
		t=$((t + 1))
	done
}

# pretrain_first OUT WANTED [OPTION...]: one micro-batch of a window of two
pretrain_first() {
	out=$1 wanted=$2
	shift 2
	"$SOHO_RT" exec "$WORK/plan/plan.bin" "train@$size" --in "$WORK/in-0" \
		--seed "$seed" --out "$out" --want "$wanted" "$@"
}

# pretrain_steps OUT WANTED [OPTION...]: three updates, then evaluation
pretrain_steps() {
	out=$1 wanted=$2 in=$WORK/in window=train@$size,train@$size,update
	shift 2
	"$SOHO_RT" exec "$WORK/plan/plan.bin" \
		"$window,$window,$window,eval@$size" \
		--in "$in-0" --in "$in-1" --in "$in-2" --in "$in-3" --in "$in-4" \
		--in "$in-5" --in "$in-6" --seed "$seed" --out "$out" \
		--want "$wanted" "$@"
}
