#!/bin/sh
# Hostile and odd PNG and JPEG files: the verdicts of their manifests.
. tests/data/lib/verdict.sh
data=${SOHO_TESTDATA:-../shared/data}

show() {
    timeout 10 "$SOHO_RT" data image "$dir/$1" >"$tmp/out" || return
    sed 's/.*sha256://' "$tmp/out"
}

for kind in png jpeg; do
    dir=$data/bad/$kind
    if [ ! -f "$dir/MANIFEST.tsv" ]; then
        echo "skip bad/$kind: no $dir"
        continue
    fi
    awk -F'\t' 'NR > 1 { print $1 "\t" $3 "\t" ($7 == "" ? "-" : $7) }' \
        "$dir/MANIFEST.tsv" | judge "bad/$kind"
done
