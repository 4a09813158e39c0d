#!/bin/sh
# bundle.sh - `make bundle`: everything that tests/gpu/run needs, in one folder
# that can be carried to a machine with a GPU and nothing else: our programs with
# the libraries they link, plans for the GPU, input, golden files.
#
# usage: bundle.sh FOLDER [ARCHS]      ARCHS: sm_90a, or emu for the emulated
#                                      GPU (then small sizes)
# Must stay below 64 MiB.  Needs NVRTC here, none there.
to=${1:?usage: bundle.sh FOLDER [ARCHS]}
arch=${2:-sm_90a}
build=${SOHO_BUILD:-build}
rm -rf "$to"
mkdir -p "$to/bin" "$to/lib" "$to/data" "$to/tests" || exit
to=$(cd "$to" && pwd)

# The programs, without symbols, and their libraries but for the system's own.
cp "$build/soho-rt" "$build/sohoc" "$build"/tools/compare \
	"$build"/tools/optest "$build"/tools/ask "$to/bin" && strip "$to"/bin/* || exit
ldd "$to"/bin/* | awk '$3 ~ /^\// { print $3 }' | sort -u |
	grep -vE '/(libc|libm|ld-linux|libdl|libpthread|librt)[-.]' |
	while read -r file; do
		cp -L "$file" "$to/lib" || exit
	done
cp "$build/gpu/libcalls.so" "$to/lib"
[ "$arch" = emu ] && cp "$build/emu/libcuda.so.1" "$to/lib"
cp compiler/target/h200.json "$to/data"
cp -r tests/gpu tests/oracle tests/parity "$to/tests" || exit

# A compiler for the GPU, for the scripts of tests/parity.
cat >"$to/bin/sohoc-gpu" <<END
#!/bin/sh
exec "$(cd "$build" && pwd)/sohoc" "\$@" -t cuda --arch $arch
END
chmod +x "$to/bin/sohoc-gpu"
sohoc=$to/bin/sohoc-gpu

# The parity cases of VQA and of pre-training.
SOHOC=$sohoc SOHO_RT=$build/soho-rt TOOLS=$build/tools
export SOHOC SOHO_RT TOOLS
(
	WORK=$to/data/vqa
	mkdir -p "$WORK"
	# shellcheck source=tests/parity/lib/case.sh
	. tests/parity/lib/case.sh
	case_compile 13
) || exit
(
	WORK=$to/data/pre
	mkdir -p "$WORK"
	# shellcheck source=tests/parity/lib/pretrain.sh
	. tests/parity/lib/pretrain.sh
	# shellcheck disable=SC2046
	pretrain_compile gate $(sed -n 's/.* inputs //p;q' \
		$golden/pretrain-first.golden)
) || exit

# Every op, rounded as $half says; the demo's model on a little
# data; the network as shipped, and with small pictures for that data.
ops() {
	folder=$to/data/$1
	shift
	# shellcheck disable=SC2086
	mkdir -p "$folder" &&
		"$build/sohoc" tests/op/ops.lua -d front "$@" >"$folder/graph" &&
		"$sohoc" tests/op/ops.lua -o "$folder" "$@" $half >"$folder/log"
}
half=
ops ops && ops ops-plain --no-fuse --no-cse --no-reuse --set accumulate=2 || exit
for p in bf16 f16; do
	half="--set precision=$p"
	ops ops-$p || exit
done
if [ "$arch" = emu ]; then
	images=24 size=48x64 small='--set buckets=48x64,64x48 --set batch=4
		--set sentences=2 --set hidden=32 --set inner=64 --set layers=1
		--set heads=2 --set width=8,8,16,32'
else
	images=600 size=96x128 small=
fi
"$build/soho-rt" data shapes --out "$to/data/shapes" --images $images \
	--val $((images / 10 + 2)) --size "$(echo $size | sed 's/\(.*\)x\(.*\)/\2x\1/')" \
	>/dev/null || exit
# shellcheck disable=SC2086
"$sohoc" models/soho_tiny.lua -o "$to/data/tiny" $small \
	--set vocab="$to/data/shapes/vocab.txt" \
	--set answers="$to/data/shapes/answers.txt" >"$to/data/tiny.log" || exit
if [ "$arch" = emu ]; then
	cp -r "$to/data/tiny" "$to/data/res18-f32"
	cp -r "$to/data/tiny" "$to/data/small-f32"
	# shellcheck disable=SC2086
	"$sohoc" models/soho_tiny.lua -o "$to/data/small-bf16" $small \
		--set precision=bf16 --set vocab="$to/data/shapes/vocab.txt" \
		--set answers="$to/data/shapes/answers.txt" \
		>"$to/data/small-bf16.log" || exit
else
	for p in f32 tf32 bf16; do
		"$sohoc" models/soho_res18.lua -o "$to/data/res18-$p" \
			--set precision=$p --set buckets=608x1024 \
			>"$to/data/res18-$p.log" || exit
	done
	"$sohoc" models/soho_res18.lua -o "$to/data/res18-varies" \
		--set deterministic=false --set buckets=608x1024 \
		>"$to/data/res18-varies.log" || exit
	for p in f32 bf16; do
		"$sohoc" models/soho_res18.lua -o "$to/data/small-$p" \
			--set precision=$p --set buckets=96x128,128x96 \
			--set batch=16 --set accumulate=1 --set warmup=50 \
			--set vocab="$to/data/shapes/vocab.txt" \
			--set answers="$to/data/shapes/answers.txt" \
			>"$to/data/small-$p.log" || exit
	done
fi
rm -rf "$to"/data/*/gen "$to"/data/*/*/gen
tar -czf "$to/lib.tgz" -C "$to" lib && rm -rf "${to:?}/lib" || exit
echo "$arch" >"$to/arch"
git rev-parse HEAD >"$to/commit" 2>/dev/null
bytes=$(du -sb "$to" | cut -f1)
echo "$to: $((bytes / 1048576)) MiB for $arch"
[ "$bytes" -lt $((64 << 20)) ]
