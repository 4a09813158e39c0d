#!/bin/sh
# lockstep.sh - `make lockstep`: soho-rt and PyTorch train side by side.
#
# usage: lockstep.sh OUT       writes OUT.txt, a table, and OUT.png, its curves
#
# Half an hour on two cores that do nothing else: both networks go at once.
#
# Variables: MODELS (vqa pre), STEPS (200), SEEDS (5: other seeds of soho-rt),
# THREADS (1,2: of the oracle's runs in single precision; none: soho-rt alone),
# SET (more fields for soho-rt: SET='precision=bf16 clip=1').  Wants Debian's
# python3-torch, libopenblas0-openmp and, to draw, python3-matplotlib.  Exit 1
# where a line begins with `not ok`.
out=${1:?usage: lockstep.sh OUT}
python=/usr/bin/python3
oracle=tests/oracle/lockstep.py
WORK=$(mktemp -d) || exit 1
trap 'rm -rf "$WORK"' EXIT
trap 'exit 1' INT TERM

if ! $python -c 'import torch' 2>/dev/null; then
	echo 'skip lockstep: apt install python3-torch libopenblas0-openmp' \
		'python3-matplotlib'
	exit
fi
# Threads of the oracle that wait for another leave the processor to it.
LD_LIBRARY_PATH=/usr/lib/$(uname -m)-linux-gnu/openblas-openmp
PYTHONDONTWRITEBYTECODE=1 OMP_WAIT_POLICY=PASSIVE OMP_NUM_THREADS=2
export LD_LIBRARY_PATH PYTHONDONTWRITEBYTECODE OMP_WAIT_POLICY OMP_NUM_THREADS
# PyTorch keeps its memory; giving it back at each step costs a third more time.
export MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=8589934592

# head: what the table says of itself
head_lines() {
	echo "# Written by make lockstep, $(date -u +%Y-%m-%d); drawn by" \
		'tests/plot.py.'
	echo "# Machine: $("$SOHO_RT" calibrate)"
	echo "# Steps ${STEPS:-200}, other seeds ${SEEDS:-5}${SET:+, set $SET}"
	echo 'figure soho-rt and PyTorch in lockstep'
}

# compare MODEL: a network of tests/oracle/lockstep.py
compare() {
	file=soho_res18
	[ "$1" = pre ] && file=soho_res18_pre
	# shellcheck disable=SC2046,SC2086
	"$SOHOC" "models/$file.lua" -o "$WORK/$1" --threads 1 \
		$(printf -- '--set %s ' $($python $oracle options "$1") ${SET:-}) \
		>"$WORK/$1.log" 2>&1 || {
		tail -n 3 "$WORK/$1.log" >&2
		return 1
	}
	tail -n 1 "$WORK/$1.log" | sed "s|^$WORK/||" | fold -s -w 78 |
		sed 's/^/# /; s/ *$//'
	$python $oracle run "$1" "$TOOLS/steps" "$WORK/$1/plan.bin" \
		--steps "${STEPS:-200}" --seeds "${SEEDS:-5}" \
		--threads "${THREADS:-1,2}"
}

head_lines >"$WORK/table" || exit
for model in ${MODELS:-vqa pre}; do
	compare "$model" >"$WORK/$model.table" &
done
wait
for model in ${MODELS:-vqa pre}; do
	grep -q "means of" "$WORK/$model.table" || exit # it told why
	cat "$WORK/$model.table" >>"$WORK/table"
done
mkdir -p "$(dirname "$out")" && cp "$WORK/table" "$out.txt" || exit
$python tests/plot.py "$out.txt" "$out.png" || exit
! grep -q '^# not ok' "$out.txt"
