#!/bin/sh
# The command line of sohoc: what it prints, what it refuses and how it exits.
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
model=tests/plan/models/small.lua

# says CODE TEXT NAME ARGS...: exit code, and a text in what is printed
says() {
	want=$1 text=$2 name=$3
	shift 3
	"$SOHOC" "$@" >"$tmp/out" 2>&1
	code=$?
	if [ $code -ne "$want" ]; then
		echo "not ok sohoc/$name: exit $code, expected $want: $(head -n 1 "$tmp/out")"
	elif ! grep -qF -e "$text" "$tmp/out"; then
		echo "not ok sohoc/$name: no '$text' in: $(head -n 1 "$tmp/out")"
	else
		echo "ok sohoc/$name"
	fi
}

says 2 'no model' without-model
says 2 'no output folder' without-folder $model
says 0 'usage: sohoc' help --help
says 0 'smallest peak first' lists-passes -d '?'
says 0 'plan only' lists-targets -t '?'
says 0 'layer_norm' manual-of-ops --ops
says 2 'did you mean --threads' unknown-option $model --thread 2
says 2 'DIR is missing' option-without-value $model -o
says 2 'takes no value' flag-with-value $model -S=1
says 2 'no such target' unknown-target $model -t vulkan
says 2 'avx2 or avx512' unknown-cpu $model --cpu sse
says 2 'a number from 1 to' threads-zero $model --threads 0
says 2 'a number from 1 to' threads-word $model --threads two
says 2 'did you mean fuse' unknown-pass $model -d fues
says 2 'did you mean order' leave-out-unknown $model --without ordr
says 2 'no pass that can be left out' leave-out-needed $model --without place
says 2 'key=value' set-without-value $model --set batch
says 2 'an empty name' keep-empty $model --keep a,,b
says 2 'two models' two-models $model $model
says 2 'runs on no CPU' cpu-without-cpu $model -o "$tmp" -t null --cpu avx2
says 2 'target cpu has no architectures; give -t cuda' arch $model --arch sm_90a
says 2 'no node of this name' why-nothing $model -o "$tmp" -t null --why nobody
says 6 'no/such.lua' model-that-is-not-there no/such.lua -o "$tmp"
: >"$tmp/file"
says 6 "$tmp/file/x" folder-inside-a-file $model -o "$tmp/file/x" -t null

says 0 'gather' dump-to-stdout $model -d infer
says 0 '# after fuse' dump-two $model -t null -d infer,fuse
says 0 'after fuse' why $model -o "$tmp" -t null --why head.weight
says 0 'plan.bin: target null' summary $model -o "$tmp" -t null
says 0 'threads' option-with-equals $model -o "$tmp" -t=null --threads=3
