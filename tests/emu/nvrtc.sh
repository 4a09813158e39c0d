#!/bin/sh
# NVRTC compiles every kernel of the shipped models for three architectures: no
# spilled registers, the same bytes twice.  Where cuDNN is, too, it has an engine
# for every convolution.
. tests/emu/lib/case.sh

models='soho_tiny soho_tiny_pre soho_res18 soho_res18_pre'
archs=sm_80,sm_90a,sm_100
if ! has_nvrtc; then
	for model in $models; do
		echo "skip $name/$model: no libnvrtc here"
	done
	exit
fi
for model in $models; do
	no_spills "$model" "$model"
	grep -q 'cuDNN .*, 0 left to the runtime' "$room/table" ||
		grep -q 'engines are chosen when the plan is opened' "$room/table"
	check "$model"/engines $? "$(grep cuDNN "$room/table")"
done

"$SOHOC" models/soho_tiny.lua -t cuda --arch $archs -o "$room/again" >/dev/null
for file in plan.bin kernels.sm_80.cubin kernels.sm_90a.cubin \
	kernels.sm_100.cubin; do
	cmp "$room/again/$file" "$room/soho_tiny/$file" || bad=1
done
check same-bytes "${bad:-0}" 'two compilations differ'
