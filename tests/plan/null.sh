#!/bin/sh
# Plans of target null: the runtime accepts them under every switch, the same
# model gives the same bytes, and dumps and -S leave what they should.
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
model=tests/plan/models/small.lua

# check NAME WHY COMMAND...
check() {
	name=$1 why=$2
	shift 2
	if "$@" >"$tmp/out" 2>&1; then
		echo "ok null/$name"
	else
		echo "not ok null/$name: $why: $(tail -n 1 "$tmp/out")"
	fi
}

compile() {
	"$SOHOC" $model -t null "$@"
}

# bytes DIR ARENA: of the plan, as the runtime tells
bytes() {
	"$SOHO_RT" plan "$1/plan.bin" |
		awk -v a="$2" '$1 == "arena" && $2 == a { print $3 }'
}

for switch in '' -g --no-reuse --no-fuse --no-cse; do
	folder=plain${switch#-}
	# shellcheck disable=SC2086
	check "compiles-$folder" 'sohoc failed' compile -o "$tmp/$folder" $switch
	check "accepted-$folder" 'soho-rt refuses it' \
		"$SOHO_RT" plan --check "$tmp/$folder/plan.bin"
done

plain=$(bytes "$tmp/plain" act)
check reuse-saves "$plain of $(bytes "$tmp/plain-no-reuse" act) bytes" \
	test "$plain" -lt "$(bytes "$tmp/plain-no-reuse" act)"
check guard-costs "$plain and $(bytes "$tmp/plaing" act) bytes" \
	test "$plain" -lt "$(bytes "$tmp/plaing" act)"

# The same bytes from another folder, under another locale.
cp -r tests/plan/models "$tmp/elsewhere"
(
	cd "$tmp/elsewhere" &&
		LC_ALL=tr_TR.UTF-8 "$SOHOC" small.lua -t null -o "$tmp/again"
) >/dev/null
check same-bytes 'plan.bin differs' cmp "$tmp/plain/plan.bin" "$tmp/again/plan.bin"

check dump-all 'sohoc failed' compile -o "$tmp/dump" -d all
n=$(find "$tmp/dump/dump" -name '[0-9][0-9]-*.txt' | wc -l)
check dump-per-pass "$n dumps" test "$n" -eq "$("$SOHOC" -d '?' | wc -l)"
compile -d infer >"$tmp/infer" 2>&1
check dump-is-stdout 'file and standard output differ' \
	cmp "$tmp/infer" "$tmp/dump/dump/01-infer.txt"

check stop-before-code 'sohoc failed' "$SOHOC" $model -o "$tmp/stop" -S
check stop-no-plan 'there is a plan' test ! -e "$tmp/stop/plan.bin"
check stop-no-code 'there is code' test ! -e "$tmp/stop/kernels.so"
check stop-has-sources 'no sources' test -s "$tmp/stop/gen/gather.c"
