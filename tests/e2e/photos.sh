#!/bin/sh
# How much of a picture is looked at: portraits and landscapes through `infer`
# with both masks of soho_res18, whose layers are as narrow as they go.  A line
# says the size, the bucket and the cells; the counts are those of the formula
# floor(d*side/cells) < size, side being the bucket's height on both axes
# upstream.
data=${SOHO_TESTDATA:-../shared/data}
room=$(mktemp -d) || exit 1
trap 'rm -rf "$room"' EXIT

# The network less its training, which takes long to compile.
cp -r models/lib "$room/lib"
sed '/^  phase("train"/,/^  end)/d; /^  phase("eval"/,/^  end)/d' \
	models/lib/vqa.lua >"$room/lib/vqa.lua"
sed '/^phase("update"/,$d' models/soho_res18.lua >"$room/ask.lua"
printf '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n' >"$room/vocab"
for compat in upstream fixed; do
	"$SOHOC" "$room/ask.lua" -o "$room/$compat" --threads 1 \
		--set compat=$compat --set vocab="$room/vocab" --set answers=2 \
		--set buckets=608x1024,1024x608,608x800,800x608 \
		--set width=8,8,16,16 --set hidden=16 --set inner=16 \
		--set heads=2 --set layers=1 >"$room/out" 2>&1 || {
		echo "not ok photos/compiles: $(tail -n 1 "$room/out")"
		exit 1
	}
done

# expect: rows `file shown-width shown-height` become rows `file compat line`,
# the line that should be printed without the picture's own size
expect() {
	awk '
		function kept(size, side, cells,    d, n) {
			for (d = n = 0; d < cells; d++)
				n += int(d * side / cells) < size
			return n
		}
		function why(compat) {
			if (compat == "fixed")
				return seen < h * w ? " (the others are padding)" : ""
			return " (compat upstream: the width is measured by the" \
				" height, so a " \
				(bh > bw ? "portrait loses columns)" \
				: "landscape keeps columns of padding)")
		}
		function line(compat, side) {
			seen = kept($3, bh, h) * kept($2, side, w)
			print $1, compat, "shown as " $2 "x" $3 " in " bw "x" \
				bh "; " seen " of " h * w \
				" cells of its grid are looked at" why(compat)
		}
		BEGIN { n = split("1024x608 608x1024 800x608 608x800", bucket) }
		{
			bw = bh = 100000
			for (i = 1; i <= n; i++) {
				split(bucket[i], side, "x")
				if ($2 <= side[1] && $3 <= side[2] &&
				    side[1] * side[2] < bw * bh) {
					bw = side[1]
					bh = side[2]
				}
			}
			h = int(int(bh / 32) / 2)
			w = int(int(bw / 32) / 2)
			line("upstream", bh)
			line("fixed", bw)
		}'
}

# look NAME FOLDER: asks about the files of such rows
look() {
	rows=0
	bad=
	while read -r file compat want; do
		rows=$((rows + 1))
		"$SOHO_RT" infer "$room/$compat/plan.bin" --seed 1 --top 1 \
			--question x --image "$2/$file" >"$room/out" 2>"$room/err"
		code=$?
		got=$(sed -n 's/^note: .*, shown/shown/p' "$room/err")
		[ $code -eq 0 ] && [ "$got" = "$want" ] &&
			[ "$(grep -c '' "$room/err")" -eq 1 ] ||
			bad="$bad $compat $file: exit $code, $(cat "$room/err");"
	done
	if [ -z "$bad" ] && [ $rows -gt 0 ]; then
		echo "ok photos/$1, $rows lines"
	else
		echo "not ok photos/$1:$bad"
	fi
}

# Pictures of a few pixels, made as large as the config says.
made=$room/made
mkdir "$made"
make() { # NAME BASE64
	printf %s "$2" | base64 -d >"$made/$1"
}
make 3x5 iVBORw0KGgoAAAANSUhEUgAAAAMAAAAFCAAAAAClGgl+AAAAG0lEQVR42mNg0AgAogqGgIoFDBULTjAsOPEBADIUBwko/WAWAAAAAElFTkSuQmCC
make 3x4 iVBORw0KGgoAAAANSUhEUgAAAAMAAAAECAAAAABuRtrbAAAAF0lEQVR42mNg0AgAogqGgIoFDBULTgAAGvAEseFaapkAAAAASUVORK5CYII=
make 5x3 iVBORw0KGgoAAAANSUhEUgAAAAUAAAADCAAAAAB+XZokAAAAFElEQVR42mNg0AioWAAmTjCAiA8AMUoHCZnUCscAAAAASUVORK5CYII=
make 4x3 iVBORw0KGgoAAAANSUhEUgAAAAQAAAADCAAAAACRn/EaAAAAE0lEQVR42mNg0AioAOEFDEB8AgAanwSxyLwcGgAAAABJRU5ErkJggg==
make 1x1 iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNgAAAAAgAB5Sfe/AAAAABJRU5ErkJggg==
width=' (compat upstream: the width is measured by the height, so a'
of='cells of its grid are looked at'
look made "$made" <<EOF
3x5 upstream shown as 600x1000 in 608x1024; 96 of 144 $of$width portrait loses columns)
3x5 fixed shown as 600x1000 in 608x1024; 144 of 144 $of
3x4 upstream shown as 600x800 in 608x800; 84 of 108 $of$width portrait loses columns)
3x4 fixed shown as 600x800 in 608x800; 108 of 108 $of
5x3 upstream shown as 1000x600 in 1024x608; 144 of 144 $of$width landscape keeps columns of padding)
5x3 fixed shown as 1000x600 in 1024x608; 144 of 144 $of
4x3 upstream shown as 800x600 in 800x608; 108 of 108 $of$width landscape keeps columns of padding)
4x3 fixed shown as 800x600 in 800x608; 108 of 108 $of
1x1 upstream shown as 600x600 in 800x608; 108 of 108 $of$width landscape keeps columns of padding)
1x1 fixed shown as 600x600 in 800x608; 81 of 108 $of (the others are padding)
EOF

list=$data/preprocess/all_photos.tsv
if [ ! -f "$list" ]; then
	echo "skip photos/photographs: no $list"
	exit
fi
awk -F'\t' 'NR > 1 { print $1, $5, $6 }' "$list" | expect >"$room/want"
look photographs "$data/photos" <"$room/want"
