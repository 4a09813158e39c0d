#!/bin/sh
# The whole way on a model as small as it goes: train, evaluate, ask; a run in
# pieces and runs with other numbers of workers give the same bits.
. tests/e2e/lib/mini.sh

train whole --steps 40 --log-every 4
check runs $? "$(cat "$room/said")"
loss() { sed -n "$1" "$room/whole/log.jsonl" | sed 's/.*"loss":\([0-9.]*\).*/\1/'; }
first=$(loss 1p) last=$(grep -v split "$room/whole/log.jsonl" | tail -n 1 |
	sed 's/.*"loss":\([0-9.]*\).*/\1/')
awk "BEGIN { exit !($last < 0.9 * $first) }"
check loss-falls $? "from $first to $last"
[ "$(grep -c '"split":"val","accuracy":[01]\.' "$room/whole/log.jsonl")" -ge 2 ]
check evaluates $? "no evaluation in the log"
grep '"split":"val"' "$room/whole/log.jsonl" | grep -qv '"loss":[0-9]'
check evaluates-loss "$([ $? -eq 1 ]; echo $?)" "an evaluation without loss"

train parts --steps 40 --log-every 4 --save-every 0 --epochs 2
check steps-or-epochs "$([ $? -eq 2 ]; echo $?)" "$(cat "$room/said")"
train parts --steps 13 --log-every 4 --save-every 0
train parts --steps 40 --log-every 4 --resume
check resumes $? "$(cat "$room/said")"
grep -q 'warning: the run was to make 13 steps, now 40' "$room/said"
check says-other-length $? "$(cat "$room/said")"
for workers in 0 3; do
	train "w$workers" --steps 40 --log-every 4 --workers $workers &&
		out=$(same whole "w$workers" 40 2>&1)
	check "workers-$workers" $? "$out"
done

eval_() { "$SOHO_RT" eval "$plan" --data "$data" --weights "$room/whole" "$@"; }
eval_ --json --submit "$room/submit.json" >"$room/eval.json" 2>"$room/said"
check eval $? "$(cat "$room/said")"
wanted=$(grep -o '"accuracy":[0-9.]*' "$room/whole/log.jsonl" | tail -n 1 |
	cut -d: -f2)
got=$(grep -o '"accuracy": [0-9.]*' "$room/eval.json" | head -n 1 |
	cut -d' ' -f2)
check eval-agrees-with-log "$([ "$wanted" = "$got" ]; echo $?)" \
	"log $wanted, eval $got"
grep -q '"question_only": {"accuracy": 0\.' "$room/eval.json"
check guesses $? "$(cat "$room/eval.json")"
questions=$(grep -o '"questions": [0-9]*' "$room/eval.json" | cut -d' ' -f2)
check submits "$([ "$(grep -c question_id "$room/submit.json")" = "$questions" ]
echo $?)" "not $questions answers"
"$SOHO_RT" data json "$room/submit.json" >"$room/said" 2>&1
check submits-json $? "$(cat "$room/said")"
eval_ --shuffle-images >"$room/said" 2>&1 &&
	grep -q 'model, pictures shuffled' "$room/said"
check eval-shuffled $? "$(cat "$room/said")"

"$SOHO_RT" infer "$plan" --image "$data/example.jpg" --weights "$room/whole" \
	--question 'what color is the triangle?' --top 3 >"$room/said" 2>&1 &&
	[ "$(grep -c ' %  [a-z0-9]' "$room/said")" = 3 ]
check infer $? "$(cat "$room/said")"
sed 's/"compat":"fixed"/"compat":"upper"/' \
	"$room/whole/ckpt-40/weights.safetensors" >"$room/upper.safetensors"
"$SOHO_RT" infer "$plan" --image "$data/example.jpg" --question x \
	--weights "$room/upper.safetensors" >"$room/said" 2>&1 &&
	grep -q 'warning: .*trained with .* compat = upper' "$room/said"
check infer-other-mask $? "$(cat "$room/said")"
"$SOHO_RT" infer "$plan" --image "$data/answers.txt" --seed 1 \
	--question x >"$room/said" 2>&1
check infer-no-picture "$([ $? -eq 3 ]; echo $?)" "$(cat "$room/said")"
"$SOHO_RT" eval "$plan" --data "$data" --weights "$data" >"$room/said" 2>&1
check eval-no-weights "$([ $? -eq 3 ] && grep -q 'run folder' "$room/said"
echo $?)" "$(cat "$room/said")"
