#!/bin/sh
# Hostile vocabularies and answer lists given by --set: verdict, file named.
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
cat >"$tmp/m.lua" <<'END'
local c = config {vocab = 1, answers = 1}
phase("infer", function(door)
  return {y = param("w", {c.vocab, c.answers}, init.one)}
end)
END

# judge NAME EXPECT OPTION: file NAME in the message, status 3 if refused
judge() {
    timeout 6 "$SOHOC" "$tmp/m.lua" -t null -d front --set "$3" \
        >"$tmp/out" 2>"$tmp/err"
    status=$?
    if [ "$2" = accept ] && [ "$status" -eq 0 ]; then
        echo "ok $1"
    elif [ "$2" = reject ] && [ "$status" -eq 3 ] && grep -q "$1" "$tmp/err"
    then
        echo "ok $1"
    else
        echo "not ok $1: status $status, $(cat "$tmp/err")"
    fi
}

good() {
    printf '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nred\n'
}

good >"$tmp/good.txt"
judge good.txt accept "vocab=$tmp/good.txt"
grep -q '^param w f32\[6,1\]' "$tmp/out" && echo "ok vocab counts lines" ||
    echo "not ok vocab counts lines: $(grep ^param "$tmp/out")"
grep -q '^vocab 34 5b50' "$tmp/out" && echo "ok vocab is in the program" ||
    echo "not ok vocab is in the program"
{ good && good; } >"$tmp/twice.txt"
judge twice.txt reject "vocab=$tmp/twice.txt"
{ good && echo && echo blue; } >"$tmp/gap.txt"
judge gap.txt reject "vocab=$tmp/gap.txt"
printf 'yes\r\nno\r\n' >"$tmp/crlf.txt"
judge crlf.txt accept "answers=$tmp/crlf.txt"
grep -q '^answer "no"$' "$tmp/out" && echo "ok answers are in the program" ||
    echo "not ok answers are in the program"
printf 'yes\n\nno\n' >"$tmp/empty.txt"
judge empty.txt accept "answers=$tmp/empty.txt"
printf 'yes\n\n\nno\n' >"$tmp/empties.txt"
judge empties.txt reject "answers=$tmp/empties.txt"
printf 'yes\nno\033[2J\n' >"$tmp/escape.txt"
judge escape.txt reject "answers=$tmp/escape.txt"
mkfifo "$tmp/fifo.txt"
timeout 6 "$SOHOC" "$tmp/m.lua" -t null -d front \
    --set "answers=$tmp/fifo.txt" >/dev/null 2>&1
status=$?
[ "$status" -eq 6 ] && echo "ok a pipe is no answers file" ||
    echo "not ok a pipe is no answers file: status $status"

dir=${SOHO_TESTDATA:-../shared/data}
if [ ! -f "$dir/bad/vocab/MANIFEST.tsv" ]; then
    echo "skip bad/vocab: no $dir"
    exit 0
fi
tail -n +2 "$dir/bad/vocab/MANIFEST.tsv" | cut -f 1,3 >"$tmp/rows"
while IFS='	' read -r name expect; do
    judge "$name" "$expect" "vocab=$dir/bad/vocab/$name"
done <"$tmp/rows"
judge bert-base-uncased-vocab.txt accept \
    "vocab=$dir/bert-base-uncased-vocab.txt"
