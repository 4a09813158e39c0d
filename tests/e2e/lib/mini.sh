# mini.sh - sourced by the tests of this room: soho_tiny made as small as it
# goes, a small data set, and what they all check with.
#
# Sets $plan $data $room; everything is made once and shared where run.sh gives
# one TMPDIR to all tests.
name=$(basename "$0" .sh)
if [ -z "$TMPDIR" ]; then
	TMPDIR=$(mktemp -d) || exit 1
	trap 'rm -rf "$TMPDIR"' EXIT
fi
mini=$TMPDIR/mini data=$TMPDIR/mini/data plan=$TMPDIR/mini/plan/plan.bin
room=$TMPDIR/$name
mkdir -p "$mini" "$room" || exit 1

check() { # NAME CONDITION-CODE WHY
	if [ "$2" -eq 0 ]; then
		echo "ok $name/$1"
	else
		echo "not ok $name/$1: $(printf %s "$3" | tr '\n' ' ')"
	fi
}

exec 9>"$mini.lock" # another test may be making it
flock 9
if [ ! -e "$mini/ready" ]; then
	"$SOHO_RT" data shapes --out "$data" --images 30 --val 10 \
		--size 64x48 >"$mini/out" 2>&1 &&
		"$SOHOC" models/soho_tiny.lua -o "$mini/plan" --threads 1 \
			--set vocab="$data/vocab.txt" \
			--set answers="$data/answers.txt" \
			--set buckets=48x64,64x48 --set batch=4 --set sentences=2 \
			--set hidden=32 --set inner=64 --set layers=1 --set heads=2 \
			--set width=8,8,16,32 --set warmup=4 >"$mini/out" 2>&1 || {
		check compiles 1 "$(tail -n 3 "$mini/out")"
		exit 1
	}
	touch "$mini/ready"
fi
exec 9>&-

# train RUN OPTION...: into $room/RUN, what it says into $room/said
train() {
	run=$room/$1
	shift
	"$SOHO_RT" train "$plan" --data "$data" --run "$run" "$@" \
		2>"$room/said"
}

# same RUN RUN STEP: are both checkpoints of that step equal, and the logs
same() {
	for file in weights train; do
		cmp "$room/$1/ckpt-$3/$file.safetensors" \
			"$room/$2/ckpt-$3/$file.safetensors" || return 1
	done
	for run in "$1" "$2"; do
		sed 's/,"samples_per_second.*//' "$room/$run/log.jsonl" \
			>"$room/$run.log"
	done
	cmp "$room/$1.log" "$room/$2.log"
}

# spy: builds the library that stands between soho-rt and libc; ends the test
# where a sanitizer stands there already
spy() {
	[ -z "$SAN" ] || {
		echo "skip $name: a sanitizer has the allocator"
		exit 0
	}
	spy=$mini/spy.so
	[ -e "$spy" ] || ${CC:-cc} -O1 -fPIC -shared -o "$spy" \
		tests/e2e/lib/spy.c -ldl
}
