#!/bin/sh
# Every op on the emulated GPU, as ops.sh has them on the CPU, and in f16.
. tests/op/lib/compare.sh
SOHO_LIBCUDA=$(dirname "$SOHOC")/emu/libcuda.so.1
export SOHO_LIBCUDA

compare gpu -t cuda --arch emu
compare gpu-plain -t cuda --arch emu --no-fuse --no-cse --no-reuse \
	--set accumulate=2
compare gpu-bf16 -t cuda --arch emu --set precision=bf16
compare gpu-f16 -t cuda --arch emu --set precision=f16
