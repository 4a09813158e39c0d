#!/bin/sh
# half.sh - what precision=bf16 costs and saves: soho_tiny trained with both
# precisions on made pictures, seed by seed, and their training steps timed in
# turns.
#
# usage: tests/half.sh [SEEDS [STEPS]]    (5, 200); `make half`
#
# Prints the mean loss of the last quarter of the steps of each seed in both
# precisions; their mean difference beside the standard deviation of f32's
# seeds; bytes of activations; and 7 paired rounds of one training phase.
# SOHOC, SOHO_RT: the programs
seeds=${1:-5} steps=${2:-200}
last=$((steps / 4))
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
data=$tmp/data
set -e

"$SOHO_RT" data shapes --out "$data" --images 1200 --val 50 >"$tmp/said"
for p in f32 bf16; do
	"$SOHOC" models/soho_tiny.lua -o "$tmp/$p" --set precision=$p \
		--set vocab="$data/vocab.txt" --set answers="$data/answers.txt" \
		--set accumulate=1 --set warmup=50 | tee "$tmp/$p.txt"
done

# loss PRECISION SEED: the mean of the last quarter
loss() {
	"$SOHO_RT" train "$tmp/$1/plan.bin" --data "$data" --run "$tmp/run" \
		--seed "$2" --steps "$steps" --log-every "$last" --eval-every 0 \
		2>"$tmp/said" || { cat "$tmp/said" >&2; exit 1; }
	sed -n "s/^{\"step\":$steps,.*\"loss\":\([0-9.]*\).*\"lr\".*/\1/p" \
		"$tmp/run/log.jsonl"
	rm -rf "$tmp/run"
}

echo "seed: mean loss of steps $((steps - last + 1)) to $steps, f32 and bf16"
for seed in $(seq "$seeds"); do
	echo "$seed $(loss f32 "$seed") $(loss bf16 "$seed")" | tee -a "$tmp/losses"
done
awk '{ a[NR] = $2; s += $2; d += $3 - $2 }
	END { for (i = 1; i <= NR; i++) v += (a[i] - s / NR) ^ 2
		d /= NR; v = sqrt(v / (NR - 1))
		printf "mean difference %+.5f, standard deviation of f32 %.5f\n", d, v
		exit !(d * d < v * v) }' "$tmp/losses" ||
	{ echo 'bf16 differs by more than seeds do'; bad=1; }

# ms PRECISION: median of one training phase
ms() {
	"$SOHO_RT" bench "$tmp/$1/plan.bin" train@96x128 --steps 5 --json |
		grep -o '"ms":[0-9.]*' | head -n 1 | cut -d: -f2
}
"$SOHO_RT" calibrate
for round in 1 2 3 4 5 6 7; do
	echo "round $round: $(ms f32) $(ms bf16)" | tee -a "$tmp/times"
done
"$SOHO_RT" calibrate
awk '{ print $4 / $3, $3, $4 }' "$tmp/times" | sort -n | awk 'NR == 4 {
	printf "a training phase, 96x128: bf16 takes %.2f times as long as f32 " \
		"(median of 7 pairs; there %.1f and %.1f ms)\n", $1, $2, $3 }'
awk '{ for (i = 1; i < NF; i++) if ($i == "act") a[NR] = $(i + 1) }
	END { printf "bytes of activations: %d and %d, %.2f times\n", a[1], a[2],
		a[2] / a[1] }' "$tmp/f32.txt" "$tmp/bf16.txt"
exit "${bad:-0}"
