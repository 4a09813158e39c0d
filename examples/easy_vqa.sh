#!/bin/sh
# easy_vqa.sh - a data set that has only one split, from scratch: parts its
# pictures, compiles a model for them, trains it, measures it on the pictures it
# has never seen.
#
# usage: examples/easy_vqa.sh DATA [OPTION of soho-rt train]...
#        DATA holds train_data_vqa.json and its pictures; --steps 4: a short try
#
# In: the two programs in $SOHO_BUILD (build).  Out: $SOHO_BUILD/easy/, made
# anew.  Stops at the first command that fails.
set -e

# What differs from soho_tiny: square pictures, shown at twice their 64 pixels.
EASY_SET='image=128x128 epochs=10'

data=$(cd "${1:?usage: easy_vqa.sh DATA [OPTION of soho-rt train]...}" && pwd)
shift
cd "$(dirname "$0")/.."
. examples/story.sh
build=${SOHO_BUILD:-build}
out=$build/easy
plan=$out/plan.bin

rm -rf "$out"
mkdir -p "$out"
start=$(date +%s)

part 'what this machine computes'
show "$out/calibrate" "$build/soho-rt" calibrate

part 'some of the pictures are put aside'
show "$out/split" "$build/soho-rt" data split --data "$data" --out "$out/data"

part 'from a model in Lua to a plan'
# shellcheck disable=SC2046,SC2086
run "$build/sohoc" models/soho_tiny.lua -o "$out" \
	--set vocab="$out/data/vocab.txt" --set answers="$out/data/answers.txt" \
	$(printf -- '--set %s ' $EASY_SET)

part 'training'
begin=$(date +%s)
run "$build/soho-rt" train "$plan" --data "$out/data" --run "$out/run" "$@"
trained=$(($(date +%s) - begin))

part 'pictures it has never seen'
show "$out/eval" "$build/soho-rt" eval "$plan" --data "$out/data" \
	--weights "$out/run"

part 'in short'
printf '%-34s %s\n' \
	'seconds, of which training' "$(($(date +%s) - start)), $trained" \
	'this machine' "$(cat "$out/calibrate")" \
	'accuracy on unseen pictures' "$(number "$out/eval" model) %" \
	'  of yes/no questions' "$(number "$out/eval" 'model .* yes\/no') %" \
	'  of the other ones' "$(number "$out/eval" 'model .* other') %" \
	'best guess without the picture' \
	"$(number "$out/eval" 'question-only guess') %" \
	'everything is in' "$out/"
