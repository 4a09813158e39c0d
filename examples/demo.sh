#!/bin/sh
# demo.sh - the whole story on real files: makes a data set, compiles a model,
# trains it, asks it about pictures it has never seen.
#
# usage: examples/demo.sh [OPTION of soho-rt train]...    --steps 4: a short try
#
# In: the two programs in $SOHO_BUILD (build).  Out: $SOHO_BUILD/demo/, made
# anew.  Stops at the first command that fails.
set -e
cd "$(dirname "$0")/.."
. examples/story.sh
build=${SOHO_BUILD:-build}
out=$build/demo
plan=$out/plan.bin

rm -rf "$out"
mkdir -p "$out"
start=${BEGAN:-$(date +%s)} # make demo: before it builds

part 'what this machine computes'
show "$out/calibrate" "$build/soho-rt" calibrate

part 'pictures of shapes, and questions about them'
show "$out/shapes" "$build/soho-rt" data shapes --out "$out/data"

part 'from a model in Lua to a plan'
run "$build/sohoc" models/soho_tiny.lua -o "$out" \
	--set vocab="$out/data/vocab.txt" --set answers="$out/data/answers.txt"

part 'training'
begin=$(date +%s)
run "$build/soho-rt" train "$plan" --data "$out/data" --run "$out/run" "$@"
trained=$(($(date +%s) - begin))

part 'pictures it has never seen'
show "$out/eval" "$build/soho-rt" eval "$plan" --data "$out/data" \
	--weights "$out/run"

part 'the same questions, each about another picture'
show "$out/shuffled" "$build/soho-rt" eval "$plan" --data "$out/data" \
	--weights "$out/run" --shuffle-images

part 'one picture, one question'
question=$(sed -n 's/^example .*"\(.*\)".*/\1/p' "$out/shapes")
printf '$ %s\n' "$build/soho-rt infer $plan --weights $out/run \\
    --image $out/data/example.jpg --question \"$question\""
"$build/soho-rt" infer "$plan" --weights "$out/run" \
	--image "$out/data/example.jpg" --question "$question"
echo "(the picture says: $(sed -n 's/^example .*" //p' "$out/shapes"))"

part 'in short'
printf '%-34s %s\n' \
	'seconds, of which training' "$(($(date +%s) - start)), $trained" \
	'this machine' "$(cat "$out/calibrate")" \
	'accuracy on unseen pictures' "$(number "$out/eval" model) %" \
	'best guess without the picture' \
	"$(number "$out/eval" 'question-only guess') %" \
	'accuracy with pictures shuffled' \
	"$(number "$out/shuffled" 'model, pictures shuffled') %" \
	'everything is in' "$out/"
