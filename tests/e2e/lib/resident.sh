# resident.sh - how much memory a process that has answered holds.  To be
# sourced after mini.sh.
# shellcheck shell=sh disable=SC2154

# resident NAME PLAN OPTION...: after three answers at least 90 % of the opened
# arenas are in memory, and at most 64 MiB besides
resident() {
	name_=$1 plan_=$2
	shift 2
	"$SOHO_RT" infer "$plan_" --image "$data/example.jpg" --top 1 --memory \
		--json --question 'what color is it?' --question 'how many?' \
		--question 'is there a circle?' "$@" >"$room/out" 2>"$room/said" &&
		[ "$(grep -c '"answers"' "$room/out")" -eq 3 ]
	check "$name_-answers" $? "$(cat "$room/said")"
	arenas=$(sed -n 's/.*"arena_bytes": \([0-9]*\).*/\1/p' "$room/out")
	bytes=$(sed -n 's/.*"resident_bytes": \([0-9]*\).*/\1/p' "$room/out")
	[ "$bytes" -ge $((arenas * 9 / 10)) ] &&
		[ "$bytes" -le $((arenas + 64 * 1048576)) ]
	check "$name_-resident" $? "$bytes bytes resident, $arenas in arenas"
	echo "# $name_: $bytes bytes resident, $arenas in arenas"
}
