#!/bin/sh
# The first signal saves and exits 75; a second one ends at once and leaves the
# checkpoints that were there.
. tests/e2e/lib/mini.sh

# start RUN OPTION...: a long run in the background; waits for its first step
start() {
	run=$room/$1
	shift
	rm -rf "$run"
	"$SOHO_RT" train "$plan" --data "$data" --run "$run" --steps 100000 \
		--log-every 1 "$@" 2>"$room/said" &
	pid=$!
	tries=0
	until [ -s "$run/log.jsonl" ] || [ $tries -eq 200 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
}

for signal in INT TERM; do
	start $signal
	kill -$signal $pid
	wait $pid
	code=$?
	check "$signal-exits-75" "$([ $code -eq 75 ]; echo $?)" \
		"exit $code, $(cat "$room/said")"
	step=$(sed -n 's/.*stopped after step \([0-9]*\) and saved.*/\1/p' \
		"$room/said")
	[ -s "$room/$signal/ckpt-$step/manifest.json" ]
	check "$signal-saves" $? "$(ls "$room/$signal")"
	train $signal --steps $((step + 2)) --log-every 1 --resume &&
		grep -q "goes on from .*ckpt-$step" "$room/said" &&
		[ "$(grep -vc split "$room/$signal/log.jsonl")" -eq $((step + 2)) ]
	check "$signal-goes-on" $? "$(cat "$room/said")"
done

start twice --save-every 0
sleep 0.3
kill -INT $pid
kill -INT $pid
before=$(date +%s%N)
wait $pid
code=$? ms=$((($(date +%s%N) - before) / 1000000))
check second-signal "$([ $code -eq 75 ] && [ $ms -lt 2000 ]; echo $?)" \
	"exit $code after $ms ms"
"$SOHO_RT" train "$plan" --data "$data" --run "$room/twice" --resume \
	--steps 100000 --eval-every 0 2>"$room/said" &
pid=$!
sleep 0.5
"$SOHO_RT" train "$plan" --data "$data" --run "$room/twice" --resume --steps 5 \
	2>"$room/second"
code=$?
kill -INT $pid
wait $pid
check one-process "$([ $code -eq 6 ] && grep -q "process [0-9]* trains" \
	"$room/second"; echo $?)" "exit $code, $(cat "$room/second")"
grep -q 'goes on from' "$room/said"
check second-signal-leaves-checkpoint $? "$(cat "$room/said")"
