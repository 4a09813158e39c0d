#!/bin/sh
# The same as few.sh with 3129 answers, of gradients and weights only the sums.
TOOLS=$(dirname "$SOHOC")/tools WORK=$TMPDIR/parity-many
mkdir -p "$WORK" || exit 1
. tests/parity/lib/case.sh
case_golden 3129
