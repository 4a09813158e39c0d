#!/bin/sh
# run.sh - runs the tests and adds up what they say.
#
# usage: tests/run.sh [-v] [PART]...    only tests whose path contains a PART
#
# A test is build/unit/NAME or tests/ROOM/NAME.sh.  It prints a line `ok NAME`,
# `not ok NAME: why` or `skip NAME: why` per check.  A test that dies, runs over
# LIMIT seconds or says nothing is one failure.  -v prints all lines and the
# seconds of each test.  The last line is the sum; exit 1 on failures.
cd "$(dirname "$0")/.." || exit 1
verbose=
[ "$1" = -v ] && verbose=1 && shift
build=${SOHO_BUILD:-build}
limit=${LIMIT:-300}
SOHOC=$PWD/$build/sohoc SOHO_RT=$PWD/$build/soho-rt
TMPDIR=$(mktemp -d) || exit 1
OMP_WAIT_POLICY=passive LC_ALL=C
export SOHOC SOHO_RT TMPDIR OMP_WAIT_POLICY LC_ALL
out=$TMPDIR/out
trap 'rm -rf "$TMPDIR"' EXIT
trap 'exit 1' INT TERM
passed=0 failed=0 skipped=0

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

# count WORD: lines of the output that begin with it
count() {
	grep -c "^$1 " "$out"
}

# fault WHY: one failure that the test did not say itself
fault() {
	echo "not ok $name: $1"
	tail -n 5 "$out.err" | sed 's/^/    /'
	failed=$((failed + 1))
}

run() {
	name=${1#"$build"/}
	start=$(date +%s.%N)
	case $1 in
	*.sh) timeout -k 5 "$limit" sh "$1" >"$out" 2>"$out.err" ;;
	*) timeout -k 5 "$limit" "$1" >"$out" 2>"$out.err" ;;
	esac </dev/null
	code=$?
	ok=$(count ok) bad=$(count 'not ok') skip=$(count skip)
	passed=$((passed + ok))
	failed=$((failed + bad))
	skipped=$((skipped + skip))
	if [ "$verbose" ]; then
		cat "$out"
	else
		grep -a '^not ok ' "$out"
	fi
	if [ $code -eq 124 ]; then
		fault "ran over $limit s"
	elif [ $code -ge 126 ] || { [ $code -ne 0 ] && [ "$bad" -eq 0 ]; }; then
		fault "exit $code"
	elif [ $((ok + bad + skip)) -eq 0 ]; then
		fault 'said nothing'
	fi
	[ -z "$verbose" ] ||
		echo "$start $(date +%s.%N) $name" |
		awk '{ printf "# %.1f s %s\n", $2 - $1, $3 }'
}

for test in "$build"/unit/* $(find tests -name '*.sh' -path 'tests/*/*' \
	! -path '*/lib/*' | sort); do
	case $test in *.d) continue ;; esac
	[ -f "$test" ] && wanted "$test" "$@" && run "$test"
done
[ $((passed + failed + skipped)) -eq 0 ] && failed=1 && echo 'not ok: no test ran'
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
