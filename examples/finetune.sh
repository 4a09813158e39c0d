#!/bin/sh
# finetune.sh - is pre-training worth it?  Pre-trains on the captions of a data
# set, then trains on its questions from there and from scratch, several times
# each, and counts the steps that both take to the same accuracy.
#
# usage: examples/finetune.sh DATA [SEEDS]     (5)
#        DATA holds train_data_vqa.json, train_data_caps.json or
#        coco_cap_train_pre.json, and their pictures
#
# Nobody sees the pictures that are measured: they are put aside first, with
# their captions.  Both arms have the same model, rates, schedule and seeds; a
# seed draws starting values, order and dropout.
#
# In: the two programs in $SOHO_BUILD (build).  Out: $SOHO_BUILD/finetune/:
# result.txt, a table, and result.png, its curves (python3-matplotlib).  The same
# command again goes on where it was stopped.  Other lengths: $FINETUNE_STEPS
# "PRE VQA"; another accuracy to reach: $FINETUNE_REACH, in percent.
set -e

# What differs from soho_tiny_pre and soho_tiny: small pictures as they are, a
# smaller network for them, each batch a step.
BOTH='image=64x64 width=16,32,64,64 hidden=64 inner=256 spread=0.15
frozen_stages=-1 neck_decay=0 accumulate=1'
PRE='batch=32 sentences=5 lr=2e-3 neck_lr=0.2 warmup=100 codes=32 vd_decay=0.9
mask_prob=0.05'
VQA='batch=16 sentences=10 lr=1e-3 backbone_lr=2e-4 neck_lr=0.02 warmup=20'
# What is put aside, and how often it is asked about: of the pictures, steps.
UNSEEN=0.025 EVERY=25
# Percent of the answers.  The best guess without the picture has 69, who knows
# all colours and nothing else 79: half of that way.
REACH=${FINETUNE_REACH:-74}

usage='usage: finetune.sh DATA [SEEDS]'
data=$(cd "${1:?$usage}" && pwd)
seeds=$(seq "${2:-5}")
cd "$(dirname "$0")/.."
. examples/story.sh
build=${SOHO_BUILD:-build}
out=$build/finetune
# shellcheck disable=SC2086
set -- ${FINETUNE_STEPS:-3000 800}
pre_steps=$1 vqa_steps=$2

mkdir -p "$out"
export LC_ALL=C

# compile MODEL DIR SET...: its plan with one thread, whose sums have one order
compile() {
	model=$1 dir=$2
	shift 2
	# shellcheck disable=SC2046
	run "$build/sohoc" "models/$model.lua" -o "$out/$dir" --threads 1 \
		--set vocab="$out/data/vocab.txt" $(printf -- '--set %s ' "$@")
}

# train DIR RUN STEPS OPTION...
train() {
	plan=$out/$1/plan.bin run=$out/$1/$2 steps=$3
	shift 3
	run "$build/soho-rt" train "$plan" --data "$out/data" --run "$run" \
		--steps "$steps" --log-every 25 --resume "$@"
}

# points ARM: step and accuracy in percent of each evaluation, of all seeds
points() {
	for seed in $seeds; do
		sed -n 's/.*"step":\([0-9]*\),.*"accuracy":\([0-9.]*\),.*/\1 \2/p' \
			"$out/vqa/$1-$seed/log.jsonl" |
			awk -v seed="$seed" '{ print seed, $1, 100 * $2 }'
	done
}

# reached ARM: the first step of each seed at which $REACH was seen, or "never"
reached() {
	points "$1" | awk -v reach="$REACH" '
		{ seen[$1] = 1 }
		$3 >= reach && !($1 in at) { at[$1] = $2 }
		END { for (s = 1; s in seen; s++)
			printf " %s", s in at ? at[s] : "never" }'
}

# verdict: both arms' steps, their means and ranges, how these compare
verdict() {
	for arm in tuned scratch; do
		echo "$arm$(reached $arm)"
	done | awk -v reach="$REACH" '
	{
		name = $1 == "tuned" ? "from pre-training" : "from scratch"
		low = high = $2
		for (i = 2; i <= NF; i++) {
			never += $i == "never"
			sum[NR] += $i
			low = $i < low ? $i : low
			high = $i > high ? $i : high
		}
		end[NR] = NR == 1 ? high : low
		mean[NR] = sum[NR] / (NF - 1)
		$1 = ""
		printf "steps to %s %%, %-17s %s; mean %.0f, %s to %s\n", reach,
			name, $0, mean[NR], low, high
	}
	END {
		if (never)
			print "some never got there: no ratio"
		else
			printf "ratio of the means %.2f; the ranges %s\n",
				mean[1] / mean[2],
				end[1] < end[2] ? "are apart" : "overlap"
	}'
}

# bands: "step MEAN:LOW:HIGH MEAN:LOW:HIGH" over the seeds
bands() {
	for arm in tuned scratch; do
		points $arm | sed "s/^/$arm /"
	done | awk '
	{ key = $1 " " $3; n[key]++; sum[key] += $4; steps[$3] = 1
	  if (n[key] == 1 || $4 < low[key]) low[key] = $4
	  if (n[key] == 1 || $4 > high[key]) high[key] = $4 }
	function band(key) { return sprintf("%.2f:%.2f:%.2f", sum[key] / n[key],
		low[key], high[key]) }
	END { for (s in steps) print s, band("tuned " s), band("scratch " s) }' |
		sort -n
}

# log WORD KEY...: these figures of the lines of pre-training's log with WORD
log() {
	word=$1
	shift
	grep "\"$word\"" "$out/pre/run/log.jsonl" | awk -v keys="step $*" '
	{ n = split(keys, key, " ")
	  for (i = 1; i <= n; i++) {
		match($0, "\"" key[i] "\":[0-9.e+-]*")
		value = substr($0, RSTART + length(key[i]) + 3,
			RLENGTH - length(key[i]) - 3)
		printf "%s%.5g", (i > 1 ? " " : ""), value
	  }
	  print "" }'
}

# table: everything, in the form that tests/plot.py reads
table() {
	echo "figure Pre-training and what it is worth, $(echo "$seeds" |
		wc -l) seeds"
	echo "# $(date +%F), $(nproc) cores, $(sed -n 's/^model name[^:]*: //p' \
		/proc/cpuinfo | head -n 1)"
	sed '/^folder/d; s/^/# /' "$out/calibrate" "$out/split"
	# shellcheck disable=SC2086
	{
		echo '# both models:' $BOTH
		echo '# soho_tiny_pre:' $PRE
		echo '# soho_tiny:' $VQA
	}
	echo "# steps: $pre_steps of pre-training, $vqa_steps of questions"
	sed "s|^$out/||; s/^/# pre-training, unseen: /" "$out/eval"
	verdict | sed 's/^/# /'
	printf '\npanel Answers about unseen pictures: mean, least and most\n'
	printf 'x step\ny right, %%\n'
	printf 'columns "from pre-training" "from scratch"\n'
	bands
	printf '\npanel Pre-training\nx step\ny right, %%\n'
	printf 'columns "hidden words" "which sentence belongs"\n'
	log lr acc_l acc_match
	printf 'columns "hidden words, unseen" "which sentence belongs, unseen"\n'
	log split acc_l acc_match
	printf '\npanel The dictionary\nx step\ny entries\n'
	printf 'columns "used by a batch" perplexity "dead, %%"\n'
	log lr codes_used perplexity codes_dead
}

part 'what this machine computes'
show "$out/calibrate" "$build/soho-rt" calibrate

part 'some of the pictures are put aside, and what is said about them'
show "$out/split" "$build/soho-rt" data split --data "$data" \
	--out "$out/data" --val "$UNSEEN" --captions

part 'from two models in Lua to two plans'
# shellcheck disable=SC2086
compile soho_tiny_pre pre $BOTH $PRE
# shellcheck disable=SC2086
compile soho_tiny vqa $BOTH $VQA answers="$out/data/answers.txt"

part 'pre-training: hidden words, hidden cells, which sentence belongs'
train pre run "$pre_steps" --eval-steps 200
show "$out/eval" "$build/soho-rt" eval "$out/pre/plan.bin" \
	--data "$out/data" --weights "$out/pre/run"

part 'questions, from there and from scratch'
for seed in $seeds; do
	train vqa "scratch-$seed" "$vqa_steps" --eval-steps "$EVERY" \
		--seed "$seed" --save-every 3600
	train vqa "tuned-$seed" "$vqa_steps" --eval-steps "$EVERY" \
		--seed "$seed" --save-every 3600 --weights "$out/pre/run"
done


part 'in short'
table >"$out/result.txt"
verdict
python=/usr/bin/python3
if $python -c 'import matplotlib' 2>/dev/null; then
	$python tests/plot.py "$out/result.txt" "$out/result.png"
else
	echo 'no curves: apt install python3-matplotlib'
fi
echo "everything is in $out/"
