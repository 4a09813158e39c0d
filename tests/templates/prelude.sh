#!/bin/sh
# prelude.sh - compiles tests/templates/prelude.c as kernels are compiled, once
# per instruction set, and runs it.
. tests/templates/lib/flags.sh

for isa in avx2 avx512; do
	compile $isa -o "$TMPDIR/prelude_$isa" tests/templates/prelude.c -lm ||
		exit 1
	if runs $isa; then
		"$TMPDIR/prelude_$isa" $isa || exit 1
	else
		echo "skip templates/prelude-$isa: not on this CPU"
	fi
done
