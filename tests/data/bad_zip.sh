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

padded="libzip 1.7 refuses archives with padded extra fields"
inner="libzip and zipfile disagree which of two directories counts"
known="commons__test-winzip.zip: libzip prefers the Unicode path field
libzip__extra_field_align_1-ef_ff.zip: $padded
libzip__extra_field_align_1-ff.zip: $padded
libzip__extra_field_align_2-ff.zip: $padded
libzip__extra_field_align_3-ef_ff.zip: $padded
libzip__extra_field_align_3-ff.zip: $padded
libzip__zip-in-archive-comment.zip: $inner
libzip__zip64-in-archive-comment.zip: $inner
ziprs__zip64_demo.zip: libzip refuses a zip64 archive after leading bytes
picklescan__malicious1_0x40.zip: libzip reads past a lone strong-encryption bit"

if [ ! -f "$dir/MANIFEST.tsv" ]; then
    echo "skip bad/zip: no $dir"
    exit
fi
awk -F'\t' 'NR > 1 { print $1 "\t" $3 "\t" ($10 == "" ? "-" : $10) }' \
    "$dir/MANIFEST.tsv" | judge bad/zip
