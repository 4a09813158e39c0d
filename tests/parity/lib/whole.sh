#!/bin/sh
# whole.sh - `make parity`: the parity cases with whole tensors, made by the
# oracle now.  Wants Debian's python3-torch and python3-torchvision; OpenBLAS
# makes it faster.
WORK=$(mktemp -d) || exit 1
trap 'rm -rf "$WORK"' EXIT
trap 'exit 1' INT TERM
. tests/parity/lib/case.sh
. tests/parity/lib/backbone.sh

python=/usr/bin/python3
if ! $python -c 'import torch, torchvision' 2>/dev/null; then
	echo 'skip parity: apt install python3-torchvision libopenblas0-openmp'
	exit 0
fi
LD_LIBRARY_PATH=/usr/lib/$(uname -m)-linux-gnu/openblas-openmp PYTHONDONTWRITEBYTECODE=1
export LD_LIBRARY_PATH PYTHONDONTWRITEBYTECODE
bad=0 oracle=$WORK/oracle.safetensors

# VQA and backbones, but where PRETRAIN names what is wanted.
vqa() {
	# The network as shipped.
	for answers in 13 3129; do
		case_compile $answers || exit
		for part in first steps; do
			name=$part-$answers
			case_$part $answers &&
				$python tests/oracle/case.py $part $answers "$oracle" &&
				"$TOOLS/compare" $name "$oracle" "$WORK/$name.safetensors" ||
				bad=1
			rm -f "$oracle" "$WORK/$name.safetensors"
		done
		rm -rf "$WORK/plan-$answers"
	done

	# One micro-batch of the network with a deeper backbone; with 101, the paper's.
	for depth in 50 101; do
		[ $depth = 101 ] && MODEL=soho_res101
		case_compile 13 --set depth=$depth --set frozen_stages=3 \
			--set norm_eval=true || exit
		input=$($python tests/oracle/case.py input 13 $depth)
		"$TOOLS/inputs" "$seed" "$input" 13 "$WORK/in-13-0" &&
			$python tests/oracle/case.py first 13 "$oracle" $depth &&
			case_first 13 "$($python tests/oracle/case.py wanted "$oracle")" &&
			"$TOOLS/compare" "depth $depth" "$oracle" \
				"$WORK/first-13.safetensors" || bad=1
		rm -rf "$oracle" "$WORK/plan-13" "$WORK/first-13.safetensors"
	done

	# Backbones alone.
	for name in $($python tests/oracle/backbone.py names); do
		head=$($python tests/oracle/backbone.py head "$name") &&
			backbone_compile "$head" &&
			$python tests/oracle/backbone.py case "$name" "$oracle" &&
			backbone_run "$head" "$($python tests/oracle/case.py wanted "$oracle")" \
				"$WORK/out" &&
			"$TOOLS/compare" "backbone $name" "$oracle" "$WORK/out" || bad=1
	done
}
[ "$PRETRAIN" ] || vqa

# Pre-training: one micro-batch and three updates of each form, or of those in
# PRETRAIN.  One line to a form that is right.
. tests/parity/lib/pretrain.sh

# in_one_line NAME: what compare said; the worst of each kind where all is well
in_one_line() {
	if [ ! -s "$WORK/said" ]; then
		echo "not ok $1: sohoc or the oracle failed"
		return 1
	fi
	! grep '^not ok' "$WORK/said" || return
	awk -v name="$1" '
		{ for (i = 5; i < NF && $i != "worst"; i++); x = $(i + 1); kind = $4 }
		!(kind in most) { order[n++] = kind }
		x >= most[kind] { most[kind] = x }
		END {
			printf "ok %s, worst of what is allowed:", name
			for (i = 0; i < n; i++)
				printf " %s %s%s", order[i], most[order[i]], \
					i < n - 1 ? "," : "\n"
		}' FS='[ :,]+' "$WORK/said"
}

# against_oracle CASE: one micro-batch and three updates, into `said`
against_oracle() {
	# shellcheck disable=SC2046
	pretrain_compile "$1" $($python tests/oracle/pretrain.py inputs "$1") &&
		$python tests/oracle/pretrain.py run "$1" "$WORK" || return
	for part in first steps; do
		oracle=$WORK/$part.safetensors
		if pretrain_$part "$WORK/out" \
			"$($python tests/oracle/case.py wanted "$oracle")" \
			--weights "$WORK/start.safetensors"; then
			"$TOOLS/compare" "pretrain $1" "$oracle" "$WORK/out"
		else
			echo "not ok pretrain $1: $part: soho-rt exec failed"
		fi
	done >"$WORK/said"
}

for name in ${PRETRAIN:-$($python tests/oracle/pretrain.py names)}; do
	against_oracle "$name"
	in_one_line "pretrain $name" || bad=1
	rm -rf "$WORK/plan" "$WORK"/*.safetensors "$WORK/out" "$WORK/said"
done
exit $bad
