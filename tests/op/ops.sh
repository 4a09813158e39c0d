#!/bin/sh
# Every op: forward and gradient beside a reference in double, as compiled by
# default, rounded to bf16, and unfused with gradients of two micro-batches added
# up.
# -t: a table with a line per case instead.
. tests/op/lib/compare.sh

if [ "$1" = -t ]; then
	flag=-t
	compare fused
else
	compare fused
	compare plain --no-fuse --no-cse --no-reuse --set accumulate=2
	compare bf16 --set precision=bf16
fi
