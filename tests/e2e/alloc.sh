#!/bin/sh
# From the second step on our own code calls the allocator no more, and as many
# bytes of the heap are in use at the end as then; what libraries call is
# printed.
. tests/e2e/lib/mini.sh
spy || exit 1
steps=${STEPS:-1000}

# watch STEPS WORKERS: trains under the spy, whose report is in $room/spy
watch() {
	SPY_OUT=$room/spy LD_PRELOAD=$spy train "run-$2" --steps "$1" \
		--workers "$2" --log-every 1 --eval-every 0 --save-every 1000000
	check "runs-$2" $? "$(cat "$room/said")"
	own=$(sed -n 's/^calls soho-rt //p' "$room/spy")
	check "own-calls-$2" "$([ "$own" = 0 ]; echo $?)" \
		"$own calls in steps 2 to $1"
}

watch 40 2
watch "$steps" 0 # where no picture is being decoded between two steps
heap=$(sed -n 's/^heap //p' "$room/spy")
check heap-stays "$([ "${heap% *}" = "${heap#* }" ]; echo $?)" "bytes: $heap"
sed -n "s/^calls \(.*\) \([1-9].*\)/# calls of \1 in $steps steps: \2/p" \
	"$room/spy"
