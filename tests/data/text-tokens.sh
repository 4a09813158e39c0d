#!/bin/sh
# The tokenizer: a vocabulary made here, and the ids that SOHO's own tokenizer
# gave for real and nasty strings.
data=${SOHO_TESTDATA:-../shared/data}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

check() { # NAME WANT GOT
    if [ "$2" = "$3" ]; then
        echo "ok tokens/$1"
    else
        echo "not ok tokens/$1: expected '$2', got '$3'"
    fi
}

tokens() { "$SOHO_RT" data tokens --vocab "$tmp/vocab" "$@" 2>"$tmp/err"; }

printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' what '##ever' '?' \
    >"$tmp/vocab"
check pieces '2 5 6 7 3' "$(tokens 'Whatever?')"
check several '2 5 3/2 4 3/' "$(tokens what '[MASK]' | tr '\n' '/')"
check cap '2 5 5 3' "$(tokens --cap 4 'what what what what')"
printf '{"id": 1, "text": "what"}\n{"text": "\\u00e9 \342\200\250 what"}\n' \
    >"$tmp/lines"
check file '2 5 3/2 1 5 3/' "$(tokens --file "$tmp/lines" | tr '\n' '/')"
tokens "$(printf 'a\377')"
check bad-utf8 3 $?
tokens --cap 1 what
check usage 2 $?
printf '{"text": 5}' >"$tmp/lines"
tokens --file "$tmp/lines"
check bad-line "3 1" "$? $(grep -c 'lines:1: byte 9' "$tmp/err")"
"$SOHO_RT" data tokens --vocab "$tmp/none" what 2>"$tmp/err"
check no-vocabulary 6 $?

if [ ! -f "$data/tokenizer/expected.jsonl" ]; then
    echo "skip tokens/expected: no $data/tokenizer"
    exit
fi

# Numbers of the field after its name, one line each.
field() {
    sed "s/.*\"$1\": \[\([^]]*\)\].*/\1/; s/,//g" "$data/tokenizer/expected.jsonl"
}
# Ids padded with 0 to 16, and the mask that goes with them.
pad() { awk '{ for (i = NF + 1; i <= 16; i++) $i = 0; print }'; }
mask() { awk '{ n = NF; for (i = 1; i <= 16; i++) $i = i <= n; print }'; }

ids() {
    "$SOHO_RT" data tokens --vocab "$data/bert-base-uncased-vocab.txt" "$@" \
        --file "$data/tokenizer/strings.txt"
}

compare() { # NAME: want in $tmp/want, got in $tmp/got
    wrong=$(paste -d'|' "$tmp/want" "$tmp/got" | awk -F'|' '$1 != $2' | wc -l)
    rows=$(wc -l <"$tmp/want")
    if cmp -s "$tmp/want" "$tmp/got"; then
        echo "ok tokens/$1, $rows strings"
    else
        echo "not ok tokens/$1: $wrong of $rows strings differ"
    fi
}

field full >"$tmp/want"
ids >"$tmp/got"
compare full
field ids16 >"$tmp/want"
ids --cap 16 | pad >"$tmp/got"
compare ids16
field mask16 >"$tmp/want"
ids --cap 16 | mask >"$tmp/got"
compare mask16
