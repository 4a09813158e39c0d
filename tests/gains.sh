#!/bin/sh
# gains.sh - what each pass gains on soho_tiny and on random graphs.
#
# usage: tests/gains.sh [GRAPHS]    number of random graphs (100)
#
# A row says how many nodes the pass left in the training phases, and how much
# more they need when it is left out: steps, operations, bytes that the steps
# read and write, and bytes that are live at once.  Target null: no machine's
# library has a say in it.    SOHOC, SOHO_RT: the programs
cd "$(dirname "$0")/.." || exit 1
sohoc=${SOHOC:-build/sohoc} rt=${SOHO_RT:-build/soho-rt}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# compile NAME OPTION...: the model of this table
compile() {
	name=$1
	shift
	"$sohoc" "$model" -t null -o "$tmp/$name" "$@" >"$tmp/log" || exit
}

# needs NAME: steps, operations, bytes moved, bytes live in training phases;
# the last is a sum over phases, each by itself
needs() {
	"$rt" plan "$tmp/$1/plan.bin" | awk '
	$1 == "phase" {
		train = $3 == "train"
		if (train)
			steps += $5
	}
	train && $1 == "needs" {
		for (i = 2; i < NF; i += 2)
			if ($i == "act")
				live += $(i + 1)
	}
	train && $1 == "work" { flop += $3; moved += $5 }
	END { printf "%d %.0f %.0f %.0f\n", steps, flop, moved, live }'
}

# nodes PASS: left in training phases after it, or "-"
nodes() {
	awk '
	$1 == "func" { train = $3 == "train" }
	train && /^ *%/ { n++ }
	END { print n ? n : "-" }' "$tmp/all/dump"/[0-9][0-9]-"$1".txt
}

# row PASS [OPTION...]: that leave it out
row() {
	pass=$1
	shift
	if [ $# -eq 0 ]; then
		printf '%-10s %7s\n' "$pass" "$(nodes "$pass")"
		return
	fi
	compile without "$@"
	echo "$pass $(nodes "$pass") $all $(needs without)" | awk '
	function more(without, with) {
		if (!with)
			return "-"
		return sprintf("%+.1f %%", 100 * (without - with) / with)
	}
	{
		printf "%-10s %7s %10s %10s %10s %10s\n", $1, $2, more($7, $3),
			more($8, $4), more($9, $5), more($10, $6)
	}'
}

# table TITLE MODEL OPTION...: for sohoc
table() {
	title=$1 model=$2
	shift 2
	compile all -d all "$@"
	all=$(needs all)
	echo "$all" | awk -v title="$title" '{
		printf "%s: %d steps, %.1f Mflop, %.2f MB moved, %.2f MB live\n",
			title, $1, $2 / 1e6, $3 / 1e6, $4 / 1e6 }'
	printf '%-10s %7s %10s %10s %10s %10s  when left out\n' pass nodes steps \
		flop moved live
	"$sohoc" -d '?' | while read -r pass _; do
		case $pass in
		prune | fold | hoist | cse | recompute | dce | order)
			row "$pass" --without "$pass" "$@" ;;
		fuse) row fuse --no-fuse "$@" ;;
		place) row place --no-reuse "$@" ;;
		emit | build | planwrite) ;;
		*) row "$pass" ;;
		esac
	done
}

table 'soho_tiny, training' models/soho_tiny.lua --set image=96x128
echo
table "${1:-100} random graphs, training" tests/fuzz/graphs.lua \
	--set graphs="${1:-100}"
