#!/bin/sh
# Hostile and odd JSON, SOHO annotation files and vocabularies: the verdicts of
# their manifests.
. tests/data/lib/verdict.sh
data=${SOHO_TESTDATA:-../shared/data}
vocab=$data/bert-base-uncased-vocab.txt

rows() {
    awk -F'\t' -v form="$2" -v verdict="$3" \
        'NR > 1 && (form == "" || $3 == form) { print $1 "\t" $verdict "\t-" }' \
        "$data/bad/$1/MANIFEST.tsv"
}

show() {
    file=$data/bad/$room/$1
    case $room,$form in
    vocab,*) set -- tokens --vocab "$file" "a cat" ;;
    vqa_json,soho_train) set -- json --vqa --answers 13 --vocab "$vocab" "$file" ;;
    vqa_json,*) set -- json --vqa --test --answers 13 --vocab "$vocab" "$file" ;;
    *) set -- json "$file" ;;
    esac
    timeout 10 "$SOHO_RT" data "$@"
}

run() {
    room=$1 form=$2
    if [ -f "$data/bad/$room/MANIFEST.tsv" ]; then
        rows "$room" "$form" "$3" | judge "bad/$room${form:+ $form}"
    else
        echo "skip bad/$room${form:+ $form}: no $data/bad/$room"
    fi
}

run json '' 3
run vocab '' 3
run vqa_json soho_train 4
run vqa_json soho_test 4
