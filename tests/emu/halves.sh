#!/bin/sh
# NVRTC compiles the kernels that 16-bit numbers have, attention's among them, as
# nvrtc.sh those of f32: for three architectures, no spilled registers.
. tests/emu/lib/case.sh

archs=sm_80,sm_90a,sm_100
for pair in soho_tiny=bf16 soho_tiny_pre=f16 soho_res18=bf16; do
	model=${pair%=*} precision=${pair#*=}
	"$SOHOC" "models/$model.lua" -t cuda --arch $archs --ptxas \
		--set precision="$precision" -o "$room/$model" \
		>"$room/table" 2>"$room/said"
	rc=$?
	if grep -q 'needs NVIDIA.s compiler library' "$room/said"; then
		echo "skip $name/$pair: no libnvrtc here"
		continue
	fi
	check "$pair"/compiles $rc "$(tail -n 2 "$room/said")"
	kernels=$(find "$room/$model/gen" -name '*.cu' ! -name 'unity*' | wc -l)
	awk -v kernels="$kernels" '/ spilled$/ { n++; bytes += $(NF - 1) }
		END { exit n != 3 * kernels || bytes }' "$room/table"
	check "$pair"/no-spills $? "$(grep warning: "$room/said" | head -n 3)"
	test -e "$room/$model/gen/attention_dx.cu"
	check "$pair"/attention $? 'no kernel of its own'
done
