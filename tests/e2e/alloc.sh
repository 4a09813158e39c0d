#!/bin/sh
# After the first epoch our own code calls the allocator no more and the heap
# is as large at the end as then; what libraries call is printed.
. tests/e2e/lib/mini.sh
spy || exit 1
steps=${STEPS:-1000}

SPY_FROM=20 SPY_OUT=$room/spy LD_PRELOAD=$spy train run --steps "$steps" \
	--log-every 1 --eval-every 0 --save-every 1000000
check runs $? "$(cat "$room/said")"
own=$(sed -n 's/^calls soho-rt //p' "$room/spy")
check own-calls "$([ "$own" = 0 ]; echo $?)" "$own calls in $steps steps"
heap=$(sed -n 's/^heap //p' "$room/spy")
check heap-stays "$([ "${heap% *}" = "${heap#* }" ]; echo $?)" "bytes: $heap"
sed -n "s/^calls \(.*\) \([1-9].*\)/# calls of \1 in $steps steps: \2/p" "$room/spy"
