# compare.sh - sourced by ops.sh and gpu.sh: the cases of ops.lua beside their
# reference.
# shellcheck shell=sh
tools=$(dirname "$SOHOC")/tools
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
flag=

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
