#!/bin/sh
# run.sh - runs the tests, as many at a time as there are cores, and adds up
# what they say.
#
# usage: tests/run.sh [-v] [PART]...    only tests whose path contains a PART
#
# A test is build/unit/NAME or tests/ROOM/NAME.sh.  It prints a line `ok NAME`,
# `not ok NAME: why` or `skip NAME: why` per check.  A test that dies, runs over
# LIMIT seconds or says nothing is one failure.  -v prints all lines and the
# seconds of each test.  The last line is the sum; exit 1 on failures.
# JOBS: tests at a time.
cd "$(dirname "$0")/.." || exit 1
build=${SOHO_BUILD:-build}
limit=${LIMIT:-300}

# count WORD: lines of the output that begin with it
count() {
	grep -ac "^$1 " "$out"
}

# fault WHY: one failure that the test did not say itself
fault() {
	echo "not ok $name: $1" >>"$out"
	tail -n 5 "$out.err" | sed 's/^/    /' >>"$out"
}

# run TEST: its output, and ok, not ok and skip counted, into files of its own
run() {
	name=${1#"$build"/}
	out=$TMPDIR/said/$(echo "$name" | tr / .)
	start=$(date +%s.%N)
	case $1 in
	*.sh) timeout -k 5 "$limit" sh "$1" >"$out" 2>"$out.err" ;;
	*) timeout -k 5 "$limit" "$1" >"$out" 2>"$out.err" ;;
	esac </dev/null
	code=$?
	bad=$(count 'not ok')
	if [ $code -eq 124 ]; then
		fault "ran over $limit s"
	elif [ $code -ge 126 ] || { [ $code -ne 0 ] && [ "$bad" -eq 0 ]; }; then
		fault "exit $code"
	elif [ $(($(count ok) + bad + $(count skip))) -eq 0 ]; then
		fault 'said nothing'
	fi
	if [ "$VERBOSE" ]; then
		echo "$start $(date +%s.%N) $name" |
			awk '{ printf "# %.1f s %s\n", $2 - $1, $3 }' | cat "$out" -
	else
		grep -aA 5 '^not ok ' "$out" | grep -a '^not ok \|^    '
	fi
	echo "$(count ok) $(count 'not ok') $(count skip)" >"$out.sum"
}

if [ "$1" = --one ]; then
	run "$2"
	exit 0
fi

VERBOSE=
[ "$1" = -v ] && VERBOSE=1 && shift
SOHOC=$PWD/$build/sohoc SOHO_RT=$PWD/$build/soho-rt
TMPDIR=$(mktemp -d) || exit 1
OMP_WAIT_POLICY=passive LC_ALL=C
export SOHOC SOHO_RT TMPDIR OMP_WAIT_POLICY LC_ALL VERBOSE
mkdir "$TMPDIR/said"
trap 'rm -rf "$TMPDIR"' EXIT
trap 'exit 1' INT TERM

# wanted FILE PART...: no part, or one that the path contains
wanted() {
	file=$1
	shift
	[ $# -eq 0 ] && return 0
	for part; do
		case $file in *"$part"*) return 0 ;; esac
	done
	return 1
}

# Shell tests first: the longest are among them.
for test in $(find tests -name '*.sh' -path 'tests/*/*' ! -path '*/lib/*' |
	sort -r) "$build"/unit/*; do
	case $test in *.d) continue ;; esac
	[ -f "$test" ] && wanted "$test" "$@" && echo "$test"
done | xargs -P "${JOBS:-$(nproc)}" -n 1 sh tests/run.sh --one

cat "$TMPDIR"/said/*.sum 2>/dev/null | awk '
	{ ok += $1; bad += $2; skip += $3 }
	END {
		if (ok + bad == 0) {
			bad = 1
			print "not ok: no test ran"
		}
		printf "%d passed, %d failed, %d skipped\n", ok, bad, skip
		exit bad > 0
	}'
