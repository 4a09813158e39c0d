#!/bin/sh
# alone.sh - every template compiles alone, by its defaults: for the CPU without
# warnings, for a GPU as the emulated one's (g++ knows no pragma of CUDA's).
. tests/templates/lib/flags.sh

# alone TARGET FILE COMMAND...: FILE compiles
alone() {
	name=$1-$(basename "$2") file=$2
	shift 2
	if "$@" "$file" 2>"$TMPDIR/alone.txt"; then
		echo "ok templates/alone-$name"
	else
		echo "not ok templates/alone-$name: $(head -n 1 "$TMPDIR/alone.txt")"
	fi
}

for file in templates/*.c templates/cpu/*.c; do
	alone cpu "$file" compile avx2 -O1 -c -o "$TMPDIR/alone.o"
done
for file in templates/*.c templates/cuda/*.cu; do
	alone cuda "$file" g++ -std=c++17 -Wall -Wno-unknown-pragmas \
		-Wno-unused-variable -Werror -fsyntax-only -Itemplates/cuda \
		-Itemplates -Iinclude/soho -include templates/cuda/emu.h -x c++
done
