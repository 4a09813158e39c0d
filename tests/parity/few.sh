#!/bin/sh
# models/soho_res18.lua with 13 answers against the oracle's golden files: on
# the plan that trains, its outputs, gradients, three updates, evaluation and
# inference; 256 elements of each tensor.
TOOLS=$(dirname "$SOHOC")/tools WORK=$TMPDIR/parity-few
mkdir -p "$WORK" || exit 1
. tests/parity/lib/case.sh
case_golden 13
