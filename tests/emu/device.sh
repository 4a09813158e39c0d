#!/bin/sh
# What the runtime asks of a GPU: one graph launch per phase, no allocation after
# the start, no waiting inside a phase, as many bytes as the plan says; and what it
# says where there is none, or a wrong one.
. tests/emu/lib/case.sh

compile soho_tiny plan -t cuda --arch emu && inputs soho_tiny
check compiles $? "$(tail -n 3 "$room/plan.log")"
plan=$room/plan/plan.bin

export EMU_TRACE="$room/trace"
steps plan out
check runs $? 'soho-rt exec failed'
unset EMU_TRACE

# Training, update and evaluation open all arenas.
stated=$("$SOHO_RT" plan "$plan" | awk '/^device/ { print $2 }')
taken=$(awk '$1 == "alloc" { n += $2 } END { print n }' "$room/trace")
check bytes "$([ "$stated" = "$taken" ]; echo $?)" \
	"$taken bytes allocated, the plan says $stated"
awk '$1 == "launch" { began = 1 } began && $1 == "alloc" { bad = 1 }
	END { exit bad }' "$room/trace"
check no-allocation $? 'memory allocated after the first step'

# From its second run on a phase is one launch, between uploads and downloads;
# then its results are asked for.
awk '$1 == "graph" { graphs++; after = 1 }
	$1 == "query" || $1 == "upload" { after = 0 }
	after && $1 != "graph" && $1 != "download" { bad = 1 }
	END { exit bad || graphs < 7 }' "$room/trace"
check one-graph-a-phase $? "$(awk '{ n[$1]++ } END { for (i in n) print i, n[i] }' \
	"$room/trace")"

# says NAME CODE TEXT [VARIABLE=VALUE...]: what `train` ends with
says() {
	what=$1 code=$2 text=$3
	shift 3
	env "$@" "$SOHO_RT" exec "$plan" train@96x128 --in "$room/in-0" \
		--out "$room/none" >"$room/said" 2>&1
	got=$?
	[ $got -eq "$code" ] && grep -qF -- "$text" "$room/said" &&
		[ "$(wc -l <"$room/said")" -eq "${lines:-1}" ]
	check "$what" $? "exit $got: $(cat "$room/said")"
}
advice='compile it for the CPU: sohoc soho_tiny.lua -t cpu -o DIR'
says no-driver 5 "$advice" SOHO_LIBCUDA="$room/nowhere.so"
says no-device 5 "the driver finds none here: $advice" EMU_NO_DEVICE=100
says stub 5 "stand-in for a driver: $advice" EMU_NO_DEVICE=34
says other-device 5 'has no code for emulated GPU 0, compute capability 9.0' \
	EMU_ARCH=9.0
says little-memory 4 'an arena: the CUDA driver says CUDA_ERROR_OUT_OF_MEMORY' \
	EMU_MEMORY=4096
