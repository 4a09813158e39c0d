# case.sh - sourced by the tests of this room: small models for the CPU and for
# the emulated GPU, and what their phases make of the same input.
# shellcheck shell=sh
name=$(basename "$0" .sh)
if [ -z "$TMPDIR" ]; then
	TMPDIR=$(mktemp -d) || exit 1
	trap 'rm -rf "$TMPDIR"' EXIT
fi
room=$TMPDIR/emu-$name
TOOLS=$(dirname "$SOHOC")/tools
SOHO_LIBCUDA=$(cd "$(dirname "$SOHOC")/emu" && pwd)/libcuda.so.1
export SOHO_LIBCUDA
mkdir -p "$room" || exit 1

check() { # NAME CONDITION-CODE WHY
	if [ "$2" -eq 0 ]; then
		echo "ok $name/$1"
	else
		echo "not ok $name/$1: $(printf %s "$3" | tr '\n' ' ')"
	fi
}

# sizes MODEL: options that make it small; the input fits what tests/tools/inputs
# writes
sizes() {
	echo "--set batch=2 --set tokens=16 --set vocab=30522 --set hidden=32
		--set inner=64 --set layers=1 --set heads=2 --set width=8,8,16,32
		--set accumulate=2"
	case $1 in
	soho_tiny) echo "--set buckets=96x128 --set sentences=2 --set answers=13" ;;
	*) echo "--set buckets=64x128 --set sentences=4 --set mask_prob=0.6
		--keep mlm_logits,mvm_logits,match_logits,mvm_labels" ;;
	esac
}

# compile MODEL OUT OPTION...
compile() {
	model=$1 out=$room/$2
	shift 2
	# shellcheck disable=SC2046
	"$SOHOC" "models/$model.lua" -o "$out" --threads 1 $(sizes "$model") \
		"$@" >"$out.log" 2>&1
}

# inputs MODEL: doors of six micro-batches, and one more for evaluation
inputs() {
	kind=13
	[ "$1" = soho_tiny ] || kind=pretrain=64x128
	for i in 0 1 2 3 4 5 6; do
		"$TOOLS/inputs" 46 $i $kind "$room/in-$i" || return
	done
}

# no_spills NAME MODEL OPTION...: all of its kernels compile for three
# architectures, to $room/MODEL, without a spilled register.  $room/table: what
# the compiler said
no_spills() {
	what=$1 model=$2
	shift 2
	"$SOHOC" "models/$model.lua" -t cuda --arch sm_80,sm_90a,sm_100 --ptxas \
		-o "$room/$model" "$@" >"$room/table" 2>"$room/said"
	check "$what"/compiles $? "$(tail -n 2 "$room/said")"
	kernels=$(find "$room/$model/gen" -name '*.cu' ! -name 'unity*' | wc -l)
	awk -v kernels="$kernels" '/ spilled$/ { n++; bytes += $(NF - 1) }
		END { exit n != 3 * kernels || bytes }' "$room/table"
	check "$what"/no-spills $? "$(grep warning: "$room/said" | head -n 3)"
}

# has_nvrtc: the CUDA compiler is here
has_nvrtc() {
	"$SOHOC" models/soho_tiny.lua -t cuda --arch sm_90a -o "$room/tiny" \
		>"$room/said" 2>&1
	! grep -q 'needs NVIDIA.s compiler library' "$room/said"
}

# shapes: made pictures with questions, in $data
data=$room/data
shapes() {
	"$SOHO_RT" data shapes --out "$data" --images 24 --val 6 --size 64x48 \
		>"$room/log" 2>&1
}

# tiny OUT OPTION...: soho_tiny for those, even smaller
tiny() {
	out=$room/$1
	shift
	"$SOHOC" models/soho_tiny.lua -o "$out" --threads 1 \
		--set buckets=48x64,64x48 --set batch=4 --set sentences=2 \
		--set hidden=32 --set inner=64 --set layers=1 --set heads=2 \
		--set width=8,8,16,32 --set vocab="$data/vocab.txt" \
		--set answers="$data/answers.txt" "$@" >"$room/log" 2>&1
}

# every PLAN: all its tensors that outlive a phase
every() {
	"$SOHO_RT" plan "$1" | awk '/^buffer/ && $2 !~ /^(step|range|good)/ &&
		$3 !~ /^(act|io|const)/ { print $2 }' | paste -s -d ,
}

# steps PLAN OUT: three updates of two micro-batches, then evaluation
steps() {
	window=train,train,update
	"$SOHO_RT" exec "$room/$1/plan.bin" $window,$window,$window,eval \
		--in "$room/in-0" --in "$room/in-1" --in "$room/in-2" \
		--in "$room/in-3" --in "$room/in-4" --in "$room/in-5" \
		--in "$room/in-6" --seed 46 --out "$room/$2" \
		--want "$(every "$room/$1/plan.bin")"
}
