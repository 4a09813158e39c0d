#!/bin/sh
# `data buckets`: sizes chosen from annotations of both kinds.
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

check() { # NAME CODE WHY
	if [ "$2" -eq 0 ]; then
		echo "ok buckets/$1"
	else
		echo "not ok buckets/$1: $(printf %s "$3" | tr '\n' ' ')"
	fi
}

# items EXTRA: 70 landscapes, 30 portraits, one too small, one of unknown size
items() {
	awk -v extra="$1" 'BEGIN { for (i = 0; i < 102; i++) {
		size = i < 70 ? "\"height\":480,\"width\":640," : i < 100 ? \
			"\"height\":640,\"width\":480," : i == 100 ? \
			"\"height\":20,\"width\":640," : ""
		print (i ? "," : "") "{\"file_name\":\"" i ".jpg\"," size extra "}"
	} }'
}
buckets() {
	"$SOHO_RT" data buckets --data "$tmp" --long 1000 --short 600 "$@" \
		>"$tmp/out" 2>&1
}
{ echo '{"data":['; items '"vqa":[]'; echo ']}'; } >"$tmp/train_data_vqa.json"
{ echo '['; items '"captions":["x"]'; echo ']'; } >"$tmp/val_data_caps.json"
buckets
check vqa "$([ "$(tail -n 1 "$tmp/out" | tr , '\n' | sed 's/.*=//' | sort |
	paste -s -d ,)" = 608x800,800x608 ]; echo $?)" "$(cat "$tmp/out")"
check counts "$(grep -q '^100 pictures in 2 padded sizes; 1 of unknown size and 1 below' \
	"$tmp/out"; echo $?)" "$(cat "$tmp/out")"
# 600x800 of 608x800
check padding "$(grep -q 'padding 1\.3 % of the pixels computed; with one bucket, 800 x 800, 25\.0 %' \
	"$tmp/out"; echo $?)" "$(cat "$tmp/out")"
buckets --split val --count 1
check captions "$([ "$(tail -n 1 "$tmp/out")" = '--set buckets=800x800' ]
echo $?)" "$(cat "$tmp/out")"
buckets --data "$tmp" --most-short 800 --count 8
check scales "$(grep -q '^200 pictures in' "$tmp/out" &&
	[ "$(tail -n 1 "$tmp/out" | tr -cd , | wc -c)" -eq 7 ]; echo $?)" \
	"$(cat "$tmp/out")"
buckets --split test
check no-split "$([ $? -eq 6 ] && grep -q test_data_caps "$tmp/out"; echo $?)" \
	"$(cat "$tmp/out")"
buckets --count 9
check count "$([ $? -eq 2 ]; echo $?)" "$(cat "$tmp/out")"
echo '[{"file_name":"a","height":-1}]' >"$tmp/bad_data_caps.json"
buckets --split bad
check bad "$([ $? -eq 3 ] && grep -q ':1: byte 27' "$tmp/out"; echo $?)" \
	"$(cat "$tmp/out")"
echo '[]' >"$tmp/none_data_caps.json"
buckets --split none
check none "$([ $? -eq 3 ]; echo $?)" "$(cat "$tmp/out")"
