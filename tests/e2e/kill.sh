#!/bin/sh
# kill -9 at chosen moments of a training run, resume, and compare with a run
# that was never killed: the same bits.  KILLS moments (6) are dealt out over
# the kinds step, save, rename, prune; `make crash` deals out 32.
. tests/e2e/lib/mini.sh
spy || exit 1
kills=${KILLS:-6}
options='--steps 12 --log-every 1 --save-every 0'

# shellcheck disable=SC2086
train whole $options || {
	check runs 1 "$(cat "$room/said")"
	exit 1
}
step=0 save=0 rename=0 prune=0 equal=0 i=0
while [ $i -lt "$kills" ]; do
	turn=$((i / 4))
	case $((i % 4)) in
	0) kind=step at=$((turn * 5 % 11 + 1)) ;;
	1) kind=save at=$((turn * 23 % 100 + 5)) ;;
	2) kind=rename at=$((turn * 7 % 40 + 3)) ;;
	3) kind=prune at=$((turn * 7 % 40 + 2)) ;;
	esac
	rm -rf "$room/killed"
	# shellcheck disable=SC2086
	SPY_KILL=$kind:$at LD_PRELOAD=$spy train killed $options 2>/dev/null
	if [ $? -eq 137 ]; then
		eval "$kind=\$(($kind + 1))"
		# shellcheck disable=SC2086
		train killed $options --resume
	fi
	out=$(same whole killed 12 2>&1) && equal=$((equal + 1)) ||
		echo "# $kind:$at: $out $(cat "$room/said")"
	i=$((i + 1))
done
echo "# killed at: step $step, save $save, rename $rename, prune $prune"
check all-killed "$([ $((step + save + rename + prune)) -eq "$kills" ]; echo $?)" \
	"a run was over before its moment"
check bits-are-equal "$([ "$equal" -eq "$kills" ]; echo $?)" \
	"$equal of $kills runs"
