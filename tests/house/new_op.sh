#!/bin/sh
# examples/new_op.md holds: its edits, made on a copy of this tree, give both ops,
# right beside their references on the CPU and on the emulated GPU.
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
cp -r Makefile compiler include runtime templates models tests examples "$tmp" &&
	cd "$tmp" || exit 1

# block N: the Nth block of code in a language
block() {
	awk -v n="$1" '/^```[a-z]/ { on = ++k == n; next }
		/^```/ { on = 0 } on' examples/new_op.md
}

# insert N FILE LINE: block N, or standard input for -, comes before the first
# line of FILE that begins with LINE
insert() {
	case $1 in -) cat ;; *) block "$1" ;; esac >part
	awk -v line="$3" '!done && index($0, line) == 1 {
			while ((getline text <"part") > 0)
				print text
			done = 1
		} { print } END { exit !done }' "$2" >new && mv new "$2" ||
		echo "not ok new_op: $2 has no line '$3'"
}

# silu: row, slope, formula, range
insert 1 compiler/ops.def '#undef OP'
insert 2 compiler/ops/elem.c '    case OP_exp:'
block 3 | grep SCALAR | insert - tests/op/formula.c 'SCALAR('
block 3 | grep '{' | insert - tests/op/formula.c '    {"add"'
insert 5 tests/op/play.c '        {"exp."'
# cumsum: row, family, template, reference
insert 7 compiler/ops.def '#undef OP'
# shellcheck disable=SC2016 # the quotes of Markdown
list=$(sed -n 's/.*`\(X(.*)\) X(scan)`.*/\1/p' examples/new_op.md)
if grep -qF "${list:-no list}" compiler/ops.c; then
	sed -i "s/$list/& X(scan)/" compiler/ops.c
else
	echo "not ok new_op: compiler/ops.c has no list '$list'"
fi
block 8 >compiler/ops/scan.c
block 9 >templates/cumsum.c
echo 'RefOp ref_cumsum;' | insert - tests/op/ref.h 'RefOp '
echo '    {"cumsum", ref_cumsum},' | insert - tests/op/formula.c '    {"linear"'
block 10 >>tests/op/layer.c

# The cases of both alone.
{
	awk '/^-- Element-wise/ { exit } { print }' tests/op/ops.lua
	sed -n '/^for .*"neg"/,/^end/{s/{"neg".*}/{"silu"}/;p;}' tests/op/ops.lua
	block 11
	sed -n '/^phase("update"/,$p' tests/op/ops.lua
} >cases
mv cases tests/op/ops.lua

# Not what a make around this test was told, such as SAN.
if MAKEFLAGS='' make -s CFLAGS=-O1 build/sohoc build/tools/optest \
	build/emu/libcuda.so.1 >log 2>&1; then
	echo 'ok new_op/builds'
else
	echo "not ok new_op/builds: $(grep -m 1 error log)"
	exit
fi
SOHOC=$tmp/build/sohoc
export SOHOC
sh tests/op/ops.sh
sh tests/op/gpu.sh
