#!/bin/sh
# large.sh - a data set as large as they come: memory and time of its readers,
# and of a training run over it; what becomes of damaged pictures.  SOHOC, SOHO_RT: the programs.
#
# usage: tests/large.sh [FOLDER] [BYTES] [MEMBERS]    (1e9 bytes, 100000 members)
#
# FOLDER is made by tools/large.py if it is not there, else left as it is; it takes
# some minutes and as much of the disk as BYTES say.  Resident memory may be 1.5
# times the index: what `data json` says the set holds, and a zip's directory.
cd "$(dirname "$0")/.." || exit 1
room=$(mktemp -d) || exit 1
trap 'rm -rf "$room"' EXIT
folder=${1:-$room/data}
bad=0

[ -d "$folder" ] || python3 tests/tools/large.py "$folder" "${2:-1e9}" "${3:-100000}" ||
	exit 1

# measure NAME COMMAND...: seconds and peak of resident memory
measure() {
	what=$1
	shift
	/usr/bin/time -f '%e %M' -o "$room/time" "$@" >"$room/out" 2>"$room/err" || {
		echo "$what: $(tail -n 1 "$room/err")"
		bad=1
		return
	}
	read -r seconds kilobytes <"$room/time"
	bytes=$(sed -n 's/.* \([0-9]*\) bytes in memory.*/\1/p' "$room/out")
	index=${bytes:-$index}
	echo "$what: $seconds s, index $index bytes, resident at most" \
		"$((kilobytes * 1024)), ratio $(awk "BEGIN {
		printf \"%.2f\", $kilobytes * 1024 / $index }")"
	[ $((kilobytes * 1024 * 2)) -le $((index * 3)) ] || {
		echo "$what: more than 1.5 times the index"
		bad=1
	}
}
members=$(python3 -c 'import sys, zipfile
print(len(zipfile.ZipFile(sys.argv[1]).namelist()))' "$folder/train2014.zip")
measure captions "$SOHO_RT" data json --captions --vocab "$folder/vocab.txt" \
	"$folder/train_data_caps.json"
captions=$index
measure questions "$SOHO_RT" data json --vqa --answers 10 \
	--vocab "$folder/vocab.txt" "$folder/train_data_vqa.json"
index=$((index + 340 * members))
printf '%s\n' a b c d e f g h i j >"$room/answers"
"$SOHOC" models/soho_tiny.lua -o "$room/vqa" --threads 1 \
	--set vocab="$folder/vocab.txt" --set answers="$room/answers" \
	--set buckets=32x64 --set batch=4 --set sentences=8 --set hidden=32 \
	--set inner=64 --set layers=1 --set heads=2 --set width=8,8,16,32 \
	>/dev/null 2>&1 || exit 1
measure training "$SOHO_RT" train "$room/vqa/plan.bin" --data "$folder" \
	--run "$room/run" --steps 200 --workers 2
index=$((captions + 340 * members))
"$SOHOC" tests/e2e/lib/pretext.lua -o "$room/pre" --threads 1 \
	--set vocab="$folder/vocab.txt" --set buckets=32x64 >/dev/null 2>&1 ||
	exit 1
measure pre-training "$SOHO_RT" train "$room/pre/plan.bin" --data "$folder" \
	--run "$room/run2" --steps 200 --workers 2

# expect NAME CODE WORDS: how the last command ended and what it said
expect() {
	if [ $? -eq "$2" ] && grep "$3" "$room/err"; then
		echo "$1: as it should"
	else
		echo "$1: $(tail -n 1 "$room/err")"
		bad=1
	fi
}

# damaged RUN OPTION...: training over an archive in which pictures are missing,
# cut or of a wrong CRC; MEMBERS/1000 of them may be
damaged() {
	run=$room/$1
	shift
	"$SOHO_RT" train "$room/pre/plan.bin" --data "$folder" --run "$run" \
		--steps 200 "$@" 2>"$room/err"
}
most=$((members / 1000))
mkdir "$room/third" "$room/few"
third=$room/third/train2014.zip few=$room/few/train2014.zip
python3 tests/tools/damage.py "$folder/train2014.zip" "$third"
damaged third --images "$third"
expect 'a third of the pictures damaged' 3 \
	"$((most + 1)) of $members pictures cannot be read, at most $most (0.1 %"
sed -n 's/.*left out.*\(train2014\/[^ :]*\).*/\1/p' "$room/err" |
	head -n "$most" >"$room/names"
for why in 'has no member' 'CRC' 'PNG'; do
	echo "  $why: $(grep -c "left out.*$why" "$room/err")"
done
python3 tests/tools/damage.py "$folder/train2014.zip" "$few" "$room/names"
damaged few --images "$few"
expect 'as many as may be' 0 "$most pictures left out (at most $most"
damaged few2 --images "$few" --workers 2
if cmp "$room/few/ckpt-200/weights.safetensors" \
	"$room/few2/ckpt-200/weights.safetensors"; then
	echo 'replaced by the same ones, whatever the number of workers'
else
	bad=1
fi
exit $bad
