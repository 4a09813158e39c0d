#!/bin/sh
# Hostile and odd zip archives: the verdicts of their manifest.
. tests/data/lib/verdict.sh
data=${SOHO_TESTDATA:-../shared/data}
dir=$data/bad/zip

show() {
    timeout 10 "$SOHO_RT" data zip "$dir/$1" >"$tmp/out"
    rc=$?
    sed -n 's/^digest //p' "$tmp/out"
    return $rc
}

if [ ! -f "$dir/MANIFEST.tsv" ]; then
    echo "skip bad/zip: no $dir"
    exit
fi
awk -F'\t' 'NR > 1 { print $1 "\t" $3 "\t" ($10 == "" ? "-" : $10) }' \
    "$dir/MANIFEST.tsv" | judge bad/zip
