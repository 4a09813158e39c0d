#!/bin/sh
# Real photographs through decode, resize, normalise and pad: bit-equal to what
# the official pipeline made of them.
data=${SOHO_TESTDATA:-../shared/data}
cases=$data/preprocess
if [ ! -f "$cases/all_photos.tsv" ]; then
    echo "skip preprocess: no $cases"
    exit
fi
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
tab=$(printf '\t')

# Rows in: photograph, long side, short side, `WxH sha256` of the decoded, the
# resized and the normalised picture.
compare() {
    : >"$tmp/bad"
    rows=0
    while IFS=$tab read -r file long short want; do
        rows=$((rows + 1))
        got=$("$SOHO_RT" data image --long "$long" --short "$short" \
            --normalise "$data/photos/$file" 2>&1 |
            sed "s|^.*/$file ||; s/sha256://g; s/resized //; s/normalised //")
        [ "$got" = "$want" ] || echo "$file" >>"$tmp/bad"
    done
    bad=$(wc -l <"$tmp/bad")
    if [ "$bad" = 0 ] && [ "$rows" -gt 0 ]; then
        echo "ok $1, $rows of $rows bit-equal"
    else
        echo "not ok $1: $bad of $rows differ: $(tr '\n' ' ' <"$tmp/bad")"
    fi
}

awk -F'\t' 'NR > 1 { print $1 "\t1000\t600\t" $2 "x" $3 " " $4 " " \
    $5 "x" $6 " " $8 " " $9 "x" $10 " " $14 }' "$cases/all_photos.tsv" |
    compare preprocess/photos

# The JSON cases: the fields stand in one line, each name once per block.
field() { # block, name
    sed "s/.*\"$1\": {[^}]*\"$2\": \"\{0,1\}\([0-9a-z]*\).*/\1/" "$json"
}
for json in "$cases"/*.json; do
    file=$(sed 's/.*"file": "\([^"]*\)".*/\1/' "$json")
    long=$(sed 's/.*"img_scale": \[\([0-9]*\),.*/\1/' "$json")
    short=$(sed 's/.*"img_scale": \[[0-9]*, \([0-9]*\).*/\1/' "$json")
    printf '%s\t%s\t%s\t%sx%s %s %sx%s %s %sx%s %s\n' \
        "$file" "$long" "$short" \
        "$(field decoded width)" "$(field decoded height)" \
        "$(field decoded sha256_bgr_u8)" \
        "$(field resized width)" "$(field resized height)" \
        "$(field resized sha256_bgr_u8)" \
        "$(field normalised padded_width)" \
        "$(field normalised padded_height)" \
        "$(field normalised sha256_f32le)"
done | compare preprocess/json
