# shellcheck shell=sh
# flags.sh - compiles kernels alone, with the flags of the compiler's target
# `cpu` (compiler/target/cpu.c).

# compile SET ARGS...: cc for an instruction set, warnings are errors
compile() {
	case $1 in
	avx2) set='-mavx2 -mfma' ;;
	*) set='-mavx2 -mfma -mavx512f -mavx512bw -mavx512vl -mavx512dq
		-mprefer-vector-width=512' ;;
	esac
	shift
	# shellcheck disable=SC2086
	cc -std=c11 -D_GNU_SOURCE -O3 -ffp-contract=off -fopenmp \
		-fno-math-errno -fno-trapping-math -fPIC $set \
		-Wall -Wextra -Wpedantic -Wshadow -Werror \
		-Itemplates/cpu -Itemplates -Iinclude/soho "$@"
}

# runs SET: whether this machine can
runs() {
	case $1 in avx512) flag=avx512vl ;; *) flag=avx2 ;; esac
	grep -qw "$flag" /proc/cpuinfo
}
