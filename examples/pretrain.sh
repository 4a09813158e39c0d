#!/bin/sh
# pretrain.sh - pictures and sentences about them, from scratch: compiles
# soho_tiny_pre, trains it, shows what its dictionary's entries stand for.
#
# usage: examples/pretrain.sh DATA VOCAB [OPTION of soho-rt train]...
#
# In: a folder with train_data_caps.json or coco_cap_train_pre.json and its
# pictures (train2014.zip); a WordPiece vocabulary; the programs in $SOHO_BUILD
# (build); $PRETRAIN_SET: config fields that differ.  Out: $SOHO_BUILD/pretrain/,
# made anew.  Its weights are a beginning for soho_tiny:
#   soho-rt train PLAN --data DATA --run RUN --weights build/pretrain/run
set -e
usage='usage: pretrain.sh DATA VOCAB [OPTION of soho-rt train]...'
data=$(cd "${1:?$usage}" && pwd)
vocab=$(cd "$(dirname "${2:?$usage}")" && pwd)/$(basename "$2")
shift 2
cd "$(dirname "$0")/.."
. examples/story.sh
build=${SOHO_BUILD:-build}
out=$build/pretrain
plan=$out/plan.bin

rm -rf "$out"
mkdir -p "$out"
part 'what this machine computes'
show "$out/calibrate" "$build/soho-rt" calibrate

part 'from a model in Lua to a plan'
# shellcheck disable=SC2046,SC2086
run "$build/sohoc" models/soho_tiny_pre.lua -o "$out" --set vocab="$vocab" \
	$(printf -- '--set %s ' ${PRETRAIN_SET:-image=64x64})

part 'training: hidden words, hidden cells, which sentence belongs'
run "$build/soho-rt" train "$plan" --data "$data" --run "$out/run" "$@"

part 'what the dictionary stands for'
run "$build/soho-rt" codes "$plan" --data "$data" --split train \
	--weights "$out/run" -o "$out/codes.png"

part 'in short'
printf '%-34s %s\n' 'this machine' "$(cat "$out/calibrate")" \
	'last line of the log' "$(tail -n 1 "$out/run/log.jsonl")" \
	'everything is in' "$out/"
