#!/bin/sh
# The same as few.sh with 3129 answers, of gradients and weights only the sums.
TOOLS=$(dirname "$SOHOC")/tools WORK=$TMPDIR
. tests/parity/lib/case.sh
case_golden 3129
