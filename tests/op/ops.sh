#!/bin/sh
# Every op: forward and gradient beside a reference in double, as compiled by
# default, and unfused with gradients of two micro-batches added up; the same for
# the emulated GPU.
# -t: a table with a line per case instead.
tools=$(dirname "$SOHOC")/tools
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

SOHO_LIBCUDA=$(dirname "$SOHOC")/emu/libcuda.so.1
export SOHO_LIBCUDA

# compare NAME OPTIONS: compiles the cases with these options and runs them.
# With bf16 or f16 the reference is the graph without roundings.
compare() {
	name=$1 table=$flag half=
	shift
	case " $* " in
	*=bf16*) table=-b half=1 ;;
	*=f16*) table=-h half=1 ;;
	esac
	if "$SOHOC" tests/op/ops.lua -d front "$@" \
		${half:+--set precision=f32} >"$tmp/graph" &&
		"$SOHOC" tests/op/ops.lua -o "$tmp/$name" "$@" >"$tmp/log" 2>&1; then
		"$tools/optest" $table "$tmp/graph" "$tmp/$name/plan.bin" |
			sed "s/^\(ok\|not ok\) op /\1 op $name /"
	else
		echo "not ok op $name: sohoc: $(tail -n 1 "$tmp/log")"
	fi
}

if [ "$1" = -t ]; then
	flag=-t
	compare fused
else
	flag=
	compare fused
	compare plain --no-fuse --no-cse --no-reuse --set accumulate=2
	compare gpu -t cuda --arch emu
	compare gpu-plain -t cuda --arch emu --no-fuse --no-cse --no-reuse \
		--set accumulate=2
	compare bf16 --set precision=bf16
	compare gpu-bf16 -t cuda --arch emu --set precision=bf16
	compare gpu-f16 -t cuda --arch emu --set precision=f16
fi
