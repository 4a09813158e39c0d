#!/bin/sh
# Pictures that an index file spreads over an archive and a folder are those of
# one archive: the same training, bit for bit, and the same parts of a split.
. tests/e2e/lib/mini.sh

"$SOHO_RT" data zip "$data/train2014.zip" | sed -n 's|^train2014/\([^ ]*\) .*|\1|p' \
	>"$room/names"
cut=$(($(wc -l <"$room/names") / 2))
# spread FOLDER: half of the names into each of two archives of that name
mkdir -p "$room/a" "$room/both/one" "$room/both/two"
ln -s "$data/train2014.zip" "$room/both/one/train2014.zip"
ln -s "$data/train2014.zip" "$room/both/two/train2014.zip"
ln -s "$data/val2014.zip" "$room/both/val2014.zip"
ln -s "$data/train_data_vqa.json" "$data/val_data_vqa.json" "$room/both"
awk -v cut="$cut" '
	{ printf "%s\"%s\": \"%s\"", (NR > 1 ? ",\n" : "{"), $0,
		(NR > cut ? "two/train2014/" : "one/train2014") }
	END { print "}" }' "$room/names" >"$room/both/train_index.json"

train one --steps 6 --eval-every 0 --seed 3
check one-archive $? "$(cat "$room/said")"
data=$room/both
train two --steps 6 --eval-every 0 --seed 3
check index $? "$(cat "$room/said")"
check same-training "$(same one two 6 >"$room/out" 2>&1; echo $?)" \
	"$(cat "$room/out")"

mv "$room/both/train_index.json" "$room/both/spread.json"
train three --steps 6 --eval-every 0 --seed 3 --images "$room/both/spread.json"
check by-option $? "$(cat "$room/said")"
check same-by-option "$(same one three 6 >"$room/out" 2>&1; echo $?)" \
	"$(cat "$room/out")"

for images in "$mini/data/train2014.zip" "$room/both/spread.json"; do
	"$SOHO_RT" data split --data "$mini/data" --images "$images" --val 0.3 \
		--out "$room/split" >"$room/out" 2>&1
	check "split-$(basename "$images")" $? "$(cat "$room/out")"
	cat "$room/split/train_data_vqa.json" "$room/split/train2014.zip" \
		"$room/split/val2014.zip" | cksum >>"$room/sums"
done
check same-split "$([ "$(sort -u "$room/sums" | wc -l)" -eq 1 ]; echo $?)" \
	"$(cat "$room/sums")"

sed '$d' "$room/both/spread.json" | sed '$s/,$/}/' >"$room/both/train_index.json"
"$SOHO_RT" data split --data "$room/both" --out "$room/less" >"$room/out" 2>&1
check lacks-one "$([ $? -eq 6 ] && grep -q 'train_index.json: does not say where' \
	"$room/out"; echo $?)" "$(cat "$room/out")"
