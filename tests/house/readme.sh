#!/bin/sh
# What README.md shows and names is there: the step of the plan, the files.
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
plan=generated/soho_tiny.cpu/plan.txt

step=$(grep -m 1 '^  [0-9]* kernel ' README.md)
if [ "$step" ] && grep -qF -e "$step" $plan; then
	echo 'ok readme/step'
else
	echo "not ok readme/step: not in $plan: $step"
fi

# `examples/new_op.md`, `sh tests/run.sh`; only rooms of the project
grep -oE '(examples|models|tests|generated|compiler)/[a-z_0-9/.]*[a-z/]' \
	README.md | sort -u >"$tmp/files"
while read -r file; do
	[ -e "$file" ] || echo "$file"
done <"$tmp/files" >"$tmp/lost"
if [ ! -s "$tmp/files" ] || [ -s "$tmp/lost" ]; then
	echo "not ok readme/files: not there: $(tr '\n' ' ' <"$tmp/lost")"
else
	echo "ok readme/files: $(wc -l <"$tmp/files") of them"
fi
