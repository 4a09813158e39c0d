#!/bin/sh
# 1,000 random graphs, forward and backward: as compiled by default they agree
# with a reference in double; compiled with passes switched off they give the
# same numbers, bit for bit where only places in memory differ.
#
# The C compiler's time is most of this test's, so it gets -O0, and -O1, which
# makes vectors, for the first hundred graphs.
# usage: fuzz.sh [FIRST LAST], seeds of a hundred graphs each
tools=$(dirname "$SOHOC")/tools
first=${1:-1} last=${2:-10}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/bin"
cat >"$tmp/bin/cc" <<EOF
#!/bin/sh
exec $(command -v cc) "\$@" \$FUZZ_FLAGS
EOF
chmod +x "$tmp/bin/cc"
PATH=$tmp/bin:$PATH
export FUZZ_FLAGS

# others SEED: what this seed's graphs are compared with, name:sign:options
others() {
	echo 'plain ~ --no-fuse --no-cse --no-reuse'
	case $(($1 % 10)) in
	2) echo 'unfused ~ --no-fuse' ;;
	3) echo 'no-cse ~ --no-cse' ;;
	4) echo 'no-reuse = --no-reuse' ;;
	5) echo 'unpruned ~ --without prune' ;;
	6) echo 'unswept ~ --without dce' ;;
	7) echo 'bare ~ --without prune,fold,hoist,cse,dce,order' ;;
	8) echo 'unsorted ~ --without order' ;;
	9) echo 'unfolded ~ --without fold,hoist' ;;
	esac
}

# build SEED NAME OPTIONS: a plan in $tmp/SEED/NAME
build() {
	dir=$tmp/$1/$2 seed=$1
	shift 2
	"$SOHOC" tests/fuzz/graphs.lua --set seed="$seed" -o "$dir" "$@" \
		>"$dir.log" 2>&1 && return
	echo "not ok fuzz $seed ${dir##*/}: sohoc: $(head -n 1 "$dir.log")"
	return 1
}

# run SEED: builds all variants of its graphs and compares them
run() {
	mkdir "$tmp/$1"
	FUZZ_FLAGS='-O0 -fno-openmp'
	[ "$1" -eq 1 ] && FUZZ_FLAGS=-O1
	if ! "$SOHOC" tests/fuzz/graphs.lua --set seed="$1" -d front \
		>"$tmp/$1/graph"; then
		echo "not ok fuzz $1: sohoc -d front failed"
		return
	fi
	build "$1" default || return
	plans=$tmp/$1/default
	others "$1" >"$tmp/$1/others"
	while read -r name sign options; do
		# shellcheck disable=SC2086
		build "$1" "$name" $options && plans="$plans $sign$tmp/$1/$name"
	done <"$tmp/$1/others"
	# shellcheck disable=SC2086
	"$tools/fuzztest" "$1" "$tmp/$1/graph" $plans ||
		echo "not ok fuzz $1: fuzztest: exit $?"
	rm -rf "${tmp:?}/$1"
}

# lane FIRST: every second seed, one after the other
lane() {
	seed=$1
	while [ "$seed" -le "$last" ]; do
		(run "$seed")
		seed=$((seed + 2))
	done
}
lane "$first" >"$tmp/even" &
lane $((first + 1)) >"$tmp/odd"
wait
cat "$tmp/even" "$tmp/odd"
