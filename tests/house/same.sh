#!/bin/sh
# The same model and options give the same bytes in another folder, under
# another locale, home, time zone and umask.
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# Turkish letters and commas in numbers, where the system can make them.
locale=C.UTF-8
localedef -i tr_TR -f UTF-8 "$tmp/tr_TR.UTF-8" 2>/dev/null &&
	locale=tr_TR.UTF-8

printf 'no\nyes\nred\n' >"$tmp/answers.txt"
printf '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nwhat\n' >"$tmp/vocab.txt"

# compile FOLDER: a copy of the models, from inside of it
compile() {
	mkdir -p "$1" && cp -r models "$tmp"/*.txt "$1" || exit
	(cd "$1" && "$SOHOC" models/soho_tiny.lua --cpu avx2 --threads 2 -o out \
		--set answers=answers.txt --set vocab=vocab.txt) \
		>"$1/log" 2>&1 || echo "not ok same/compiles: $(tail -n 1 "$1/log")"
}

compile "$tmp/here"
there="$tmp/a longer folder/there"
(
	LOCPATH=$tmp LC_ALL=$locale LANG=$locale TZ=Asia/Kathmandu HOME=/nowhere
	export LOCPATH LC_ALL LANG TZ HOME
	umask 077
	compile "$there"
)
for file in plan.bin kernels.so; do
	if cmp -s "$tmp/here/out/$file" "$there/out/$file"; then
		echo "ok same/$file in two folders, under C and $locale"
	else
		echo "not ok same/$file: other bytes under $locale, in another folder"
	fi
done
