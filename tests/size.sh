#!/bin/sh
# size.sh - figures of the house: lines of functions, lines over 80 columns,
# files over 600 lines, functions over 80 lines.  Counts C that we write.
cd "$(dirname "$0")/.." || exit 1
files=$(find include compiler runtime templates examples tests \
	-name '*.[ch]' -o -name '*.def' | sort)

# A function begins with `name(` in the first column and ends with `}` there.
# shellcheck disable=SC2086
awk '
FNR == 1 { files++; begin = 0 }
{ lines++; of[FILENAME] = FNR }
length($0) > 80 { wide = wide sprintf("  %s:%d\n", FILENAME, FNR); nwide++ }
/^[a-z_A-Z0-9]+\(/ && !/;$/ { begin = FNR; name = $0; sub(/\(.*/, "", name) }
/^}$/ && begin {
	n[++count] = FNR - begin + 1
	if (n[count] > 80)
		long = long sprintf("  %d %s (%s:%d)\n", n[count], name, FILENAME, begin)
	begin = 0
}
END {
	for (f in of)
		if (of[f] > 600) {
			big = big sprintf("  %d %s\n", of[f], f)
			nbig++
		}
	for (i = 2; i <= count; i++) { # insertion sort: any awk has it
		x = n[i]
		for (j = i - 1; j > 0 && n[j] > x; j--)
			n[j + 1] = n[j]
		n[j + 1] = x
	}
	printf "%d files, %d lines, %d functions\n", files, lines, count
	printf "lines of a function: median %d, 90th percentile %d, longest %d\n",
		n[int((count + 1) / 2)], n[int((9 * count + 9) / 10)], n[count]
	printf "files over 600 lines: %d\n%s", nbig, big
	printf "functions over 80 lines:%s\n%s", long == "" ? " 0" : "", long
	printf "lines over 80 columns: %d\n%s", nwide, wide
}' $files
