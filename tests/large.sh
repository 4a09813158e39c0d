#!/bin/sh
# large.sh - a data set as large as they come: memory and time of its readers,
# and of a training run over it.  SOHOC, SOHO_RT: the programs.
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
exit $bad
