# backbone.sh - runs a backbone's parity case through sohoc and soho-rt.  To be
# sourced behind case.sh, with SOHOC, SOHO_RT, TOOLS (folder of pictures and
# compare) and WORK (a folder).
# shellcheck shell=sh

# backbone_compile HEAD: the plan that trains, for a golden file's first line
backbone_compile() {
	mkdir -p "$WORK/backbone" &&
		cp -r models/lib tests/parity/lib/backbone.lua "$WORK/backbone" ||
		return
	echo "$1" | cut -d ' ' -f 6- | tr ' ' '\n' >"$WORK/options"
	size=$(sed -n s/^image=//p "$WORK/options")
	# shellcheck disable=SC2046
	"$SOHOC" "$WORK/backbone/backbone.lua" -o "$WORK/backbone/plan" \
		$(sed 's/^/--set /' "$WORK/options") >"$WORK/log" 2>&1 && return
	head -n 1 "$WORK/log"
	return 1
}

# backbone_run HEAD WANTED OUT: one step of training, evaluation; with
# norm_eval first a step that makes its statistics
backbone_run() {
	seed=$(echo "$1" | cut -d ' ' -f 2) input=$(echo "$1" | cut -d ' ' -f 4)
	count=$(sed -n s/^answers=//p "$WORK/options")
	wanted=$2 out=$3 phases=train@$size,eval@$size
	"$TOOLS/pictures" "$seed" "$input" "$size" "$count" "$WORK/in" || return
	set -- --in "$WORK/in" --in "$WORK/in"
	if grep -q '^norm_eval=true' "$WORK/options"; then
		phases=train@96x128,update,$phases
		"$TOOLS/pictures" "$seed" 0 96x128 1 "$WORK/warm" || return
		set -- --in "$WORK/warm" "$@"
	fi
	"$SOHO_RT" exec "$WORK/backbone/plan/plan.bin" "$phases" "$@" \
		--seed "$seed" --want "$wanted" --out "$out"
}

# backbone_golden NAME...: these against their golden files; prints the checks
backbone_golden() {
	for name; do
		file=tests/oracle/backbone-$name.golden
		head=$(sed 1q "$file")
		if ! backbone_compile "$head"; then
			echo "not ok backbone $name: sohoc failed"
		elif backbone_run "$head" "$(wanted "$file")" "$WORK/out"; then
			"$TOOLS/compare" "backbone $name" "$file" "$WORK/out"
		else
			echo "not ok backbone $name: soho-rt exec: exit $?"
		fi
	done
}
