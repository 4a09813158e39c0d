#!/bin/sh
# NVRTC compiles the kernels that 16-bit numbers have, attention's among them, as
# nvrtc.sh those of f32: for three architectures, no spilled registers.
. tests/emu/lib/case.sh

pairs='soho_tiny=bf16 soho_tiny_pre=f16 soho_res18=bf16'
if ! has_nvrtc; then
	for pair in $pairs; do
		echo "skip $name/$pair: no libnvrtc here"
	done
	exit
fi
for pair in $pairs; do
	model=${pair%=*}
	no_spills "$pair" "$model" --set precision="${pair#*=}"
	test -e "$room/$model/gen/attention_dx.cu"
	check "$pair"/attention $? 'no kernel of its own'
done
