#!/bin/sh
# Whoever asks for help gets it: exit code 0, a usage line, nothing on the error
# stream; make help has a line for each target that README.md names.
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# helps USAGE COMMAND...
helps() {
	usage=$1
	shift
	"$@" >"$tmp/out" 2>"$tmp/err"
	code=$?
	if [ $code -eq 0 ] && [ ! -s "$tmp/err" ] &&
		grep -q "^usage: $usage" "$tmp/out"; then
		echo "ok help/$usage"
	else
		echo "not ok help/$usage: exit $code, $(head -n 1 "$tmp/out" "$tmp/err")"
	fi
}

helps sohoc "$SOHOC" --help
helps soho-rt "$SOHO_RT" --help
for command in $("$SOHO_RT" --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
	helps "soho-rt $command" "$SOHO_RT" "$command" --help
done
for word in $("$SOHO_RT" data --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
	helps "soho-rt data $word" "$SOHO_RT" data "$word" --help
done

make -s help >"$tmp/out" 2>&1
grep -oE '^make [a-z]+' README.md | sort -u | while read -r _ target; do
	if grep -q "^$target  *[a-z]" "$tmp/out"; then
		echo "ok help/make $target"
	else
		echo "not ok help/make $target: README.md names it, make help does not"
	fi
done
