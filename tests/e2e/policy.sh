#!/bin/sh
# Schedules that count epochs and a scale of the loss, through a whole run: the
# rate in the log is that of the formula, runs in pieces give the same bits, and
# the scale grows and is told.
. tests/e2e/lib/mini.sh

cp -r models "$room/models"
sed -i 's/schedule = optim.cosine(c),/schedule = {policy = "poly", power = 2,\
  warmup = 6, warmup_shape = "exp", ratio = 0.1}, loss_scale = "dynamic",\
  max_loss_scale = 64, scale_window = 8,\
  momentum_schedule = {policy = "cosine", floor = 0.5, warmup = 6,\
  ratio = 0.95},/' \
	"$room/models/soho_tiny.lua"
"$SOHOC" "$room/models/soho_tiny.lua" -o "$room/plan" --threads 1 \
	--set vocab="$data/vocab.txt" --set answers="$data/answers.txt" \
	--set buckets=48x64,64x48 --set batch=4 --set sentences=2 \
	--set hidden=32 --set inner=64 --set layers=1 --set heads=2 \
	--set width=8,8,16,32 >"$room/out" 2>&1
check compiles $? "$(tail -n 1 "$room/out")"
plan=$room/plan/plan.bin

train whole --steps 60 --log-every 1 --eval-every 0
check runs $? "$(cat "$room/said")"
epoch=$(sed -n 's/.* \([0-9]*\) an epoch.*/\1/p' "$room/said")
log=$room/whole/log.jsonl

# Behind the warm-up: (1 - epoch / epochs)^2, epochs counted from 120
# micro-batches of the run, two a step.
rates=$(sed 's/[{}":]/ /g; s/,/ /g' "$log" | awk -v n="$epoch" '
	{ for (i = 1; i < NF; i++) v[$i] = $(i + 1) }
	v["t"] > 6 {
		f = 1 - v["epoch"] / (int(118 / n) + 1)
		d = v["lr"] / (f * f) - 1
		if (d > 1e-6 || d < -1e-6) bad = bad " " v["step"]
		seen[v["epoch"]] = 1
	}
	END { for (e in seen) epochs++
		if (bad || epochs < 2) print "steps" bad " of " epochs " epochs" }')
check rates "$([ -z "$rates" ]; echo $?)" "$rates"
# The first update stands at t = 1: 0.1^(1 - 1/6).
head -n 1 "$log" | grep -q '"lr":0.146779'
check warms-up $? "$(head -n 1 "$log")"
scales=$(sed 's/.*"loss_scale":\([0-9.]*\),.*/\1/' "$log" | sort -n | uniq -c |
	awk '{ printf "%s ", $2 }')
check scale "$([ "$scales" = '64 ' ]; echo $?)" "scales $scales"

options='--steps 60 --log-every 1 --eval-every 0 --save-steps 7 --keep-last 3'
# shellcheck disable=SC2086
"$SOHO_RT" train "$plan" --data "$data" --run "$room/parts" $options \
	2>"$room/said" &
pid=$!
until [ -d "$room/parts/ckpt-7" ] || ! kill -0 $pid 2>"$room/out"; do
	sleep 0.02
done
kill -INT $pid
wait $pid
check stops "$([ $? -eq 75 ]; echo $?)" "$(cat "$room/said")"
# shellcheck disable=SC2086
train parts $options --resume && grep -q 'goes on from' "$room/said"
check resumes $? "$(cat "$room/said")"
out=$(same whole parts 60 2>&1)
check same-bits $? "$out"

train parts --steps 60 --resume --keep-last 1
check keeps-two "$([ $? -eq 2 ] && grep -q 'at least 2' "$room/said"; echo $?)" \
	"$(cat "$room/said")"
plan=$mini/plan/plan.bin
train parts --steps 60 --resume
check names-difference "$([ $? -eq 3 ] && grep -q \
	'; config.warmup is 4 now, it was 400 then' "$room/said"; echo $?)" \
	"$(cat "$room/said")"
