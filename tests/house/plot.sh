#!/bin/sh
# tests/plot.py draws a table with everything its head names, the same bytes
# twice, and says which line is none.
python=/usr/bin/python3
if ! $python -c 'import matplotlib' 2>/dev/null; then
	echo 'skip plot: apt install python3-matplotlib'
	exit
fi
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

cat >"$tmp/table" <<END
figure Two programs # by hand
panel Distance
x step
y relative distance
log x
log y
columns "this one" other
1 1e-5 1e-4
2 2e-5:1e-5:4e-5 -

panel Loss
columns other
1 3
columns "this one" other
2 1 2
END
if ! $python tests/plot.py "$tmp/table" "$tmp/a.png" 2>"$tmp/said"; then
	echo "not ok plot/draws: $(tail -n 1 "$tmp/said")"
elif ! head -c 4 "$tmp/a.png" | grep -q PNG; then
	echo 'not ok plot/draws: not a PNG'
else
	echo 'ok plot/draws'
fi
if $python tests/plot.py "$tmp/table" "$tmp/b.png" &&
	cmp -s "$tmp/a.png" "$tmp/b.png"; then
	echo 'ok plot/same-bytes-twice'
else
	echo 'not ok plot/same-bytes-twice: they differ'
fi
for line in '3 1' '3 1 x' '3 1 1:2' 'colums a b'; do
	{ cat "$tmp/table"; echo "$line"; } >"$tmp/bad"
	if ! $python tests/plot.py "$tmp/bad" "$tmp/c.png" 2>"$tmp/said" &&
		grep -q 'bad:16: not a line of a table' "$tmp/said" &&
		[ ! -e "$tmp/c.png" ]; then
		echo "ok plot/refuses $line"
	else
		echo "not ok plot/refuses $line: $(tail -n 1 "$tmp/said")"
	fi
done
