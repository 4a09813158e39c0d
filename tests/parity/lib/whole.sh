#!/bin/sh
# whole.sh - `make parity`: the parity case with whole tensors, made by the
# oracle now.  Wants Debian's python3-torch; OpenBLAS makes it faster.
WORK=$(mktemp -d) || exit 1
trap 'rm -rf "$WORK"' EXIT
trap 'exit 1' INT TERM
. tests/parity/lib/case.sh

python=/usr/bin/python3
if ! $python -c 'import torch' 2>/dev/null; then
	echo 'skip parity: apt install python3-torch libopenblas0-openmp'
	exit 0
fi
LD_LIBRARY_PATH=/usr/lib/$(uname -m)-linux-gnu/openblas-openmp PYTHONDONTWRITEBYTECODE=1
export LD_LIBRARY_PATH PYTHONDONTWRITEBYTECODE
bad=0
for answers in 13 3129; do
	case_compile $answers || exit
	for part in first steps; do
		name=$part-$answers
		oracle=$WORK/oracle.safetensors
		case_$part $answers &&
			$python tests/oracle/case.py $part $answers "$oracle" &&
			"$TOOLS/compare" $name "$oracle" "$WORK/$name.safetensors" ||
			bad=1
		rm -f "$oracle" "$WORK/$name.safetensors"
	done
	rm -rf "$WORK/plan-$answers"
done
exit $bad
