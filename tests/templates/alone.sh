#!/bin/sh
# alone.sh - every template compiles alone, by its defaults, without warnings.
. tests/templates/lib/flags.sh

for file in templates/cpu/*.c; do
	name=$(basename "$file" .c)
	if compile avx2 -O1 -c -o "$TMPDIR/alone.o" "$file" 2>"$TMPDIR/alone.txt"
	then
		echo "ok templates/alone-$name"
	else
		echo "not ok templates/alone-$name: $(head -n 1 "$TMPDIR/alone.txt")"
	fi
done
