#!/bin/sh
# soho-rt tune: tuned.txt beside the plan says what each library step takes; the
# same numbers come out; a file of another plan is as good as none, one that is no
# such file is refused.
. tests/emu/lib/case.sh

compile soho_tiny plan -t cuda --arch emu && inputs soho_tiny
check compiles $? "$(tail -n 3 "$room/plan.log")"
plan=$room/plan/plan.bin tuned=$room/plan/tuned.txt
steps plan before
check runs $? 'soho-rt exec failed'

"$SOHO_RT" tune "$plan" >"$room/said" 2>&1
check tunes $? "$(cat "$room/said")"
hash=$(od -An -tx1 -v -j 40 -N 32 "$plan" | tr -d ' \n')
[ "$(sed -n 1p "$tuned")" = 'soho tuned 1' ] &&
	[ "$(sed -n 2p "$tuned")" = "plan $hash" ] &&
	sed -n 3p "$tuned" | grep -q '^on emulated GPU'
check file $? "$(head -n 3 "$tuned")"

# Candidate 1 of the emulated GPU is the same loop.
"$SOHO_RT" plan "$plan" | awk '$1 == "step" && $3 ~ /^(gemm|conv)$/ {
	print "step", $2, 1, " ; by hand" }' >"$room/all"
{ head -n 3 "$tuned" && cat "$room/all"; } >"$room/new" &&
	cp "$room/new" "$tuned" && steps plan after &&
	cmp "$room/before" "$room/after"
check same-numbers $? 'another result, or none'

# refused NAME TEXT LINE: with this fourth line
refused() {
	{ head -n 3 "$room/new" && echo "$3"; } >"$tuned"
	"$SOHO_RT" bench "$plan" --steps 1 >"$room/said" 2>&1
	got=$?
	[ $got -eq 3 ] && grep -qF "tuned.txt:4: " "$room/said" &&
		grep -qF "$2" "$room/said"
	check "$1" $? "exit $got: $(cat "$room/said")"
}
refused no-number '"step NUMBER CANDIDATE" expected' 'step x'
refused beyond 'step 99999 of' 'step 99999 1'
refused candidate 'candidate 8 of 8' 'step 1 8'
sed 's/^plan ./plan x/; s/^step.*/step x/' "$room/new" >"$tuned"
"$SOHO_RT" bench "$plan" --steps 1 >"$room/said" 2>&1
check other-plan $? "$(cat "$room/said")"

compile soho_tiny cpu -t cpu
"$SOHO_RT" tune "$room/cpu/plan.bin" >"$room/said" 2>&1
[ $? -eq 2 ] && grep -q 'one way each' "$room/said"
check cpu $? "$(cat "$room/said")"
