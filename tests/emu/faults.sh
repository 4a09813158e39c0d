#!/bin/sh
# The emulated device finds what a GPU would leave to chance: kernels with planted
# faults end with an error, or with results that depend on the schedule.
. tests/emu/lib/case.sh
cxx="g++ -std=c++17 -O1 -w -fPIC -shared -Itemplates/cuda -Itemplates
	-Iinclude/soho -include templates/cuda/emu.h"

cat >"$room/run.c" <<'END'
/* run FILE SEED: launches kernel `fault` on 1 block of 64 threads; prints sums */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
    static float y[64], x[64];
    void *args[2] = {y, x};
    void *code = dlopen(argv[1], RTLD_NOW);
    const char *(*launch)(void *, unsigned, unsigned, const void *, unsigned);
    const char *error;

    for (int i = 0; i < 64; i++)
        x[i] = (float)(i + 1);
    *(void **)&launch = code ? dlsym(code, "emu_launch") : NULL;
    if (!launch)
        return puts(dlerror()), 1;
    error = launch(dlsym(code, "fault"), 1, 64, args, (unsigned)atoi(argv[2]));
    printf("%s", error ? error : "");
    for (int i = 0; i < 64 && !error; i++)
        printf("%g ", y[i]);
    return argc != 3;
}
END
cc -w -o "$room/run" "$room/run.c" -ldl || exit 1

# kernel FILE: a kernel `fault` whose body comes from stdin
kernel() {
	{
		echo '#define NAME fault
#define BLOCK 64
#define ARGS 2
#include "prelude.h"
#include "attention.h"
ENTRY(NAME)
{
    float *y = a[0].p;
    const float *x = a[1].p;
    int i = (int)threadIdx.x;'
		cat
		echo '}'
	} >"$room/$1.cu"
	# shellcheck disable=SC2086
	$cxx $san -x c++ -o "$room/$1.so" "$room/$1.cu"
}

# finds NAME TEXT: the launch says so
finds() {
	said=$("$room/run" "$room/$1.so" 0 2>&1)
	case $said in
	*"$2"*) check "$1" 0 ;;
	*) check "$1" 1 "says '$(echo "$said" | cut -c1-120)'" ;;
	esac
}

kernel right <<'END'
    SHARED(float, s, 64);
    s[i] = x[i];
    SYNC();
    y[i] = s[63 - i] + block_sum(x[i]);
END
one=$("$room/run" "$room/right.so" 0) two=$("$room/run" "$room/right.so" 1)
three=$("$room/run" "$room/right.so" 5)
[ "$one" = "$two" ] && [ "$one" = "$three" ] && [ "${one%% *}" = 2144 ]
check right $? "$one"

kernel barrier_missing <<'END'
    SHARED(float, s, 64);
    s[i] = x[i];
    y[i] = s[63 - i];
END
one=$("$room/run" "$room/barrier_missing.so" 0)
two=$("$room/run" "$room/barrier_missing.so" 1)
case $one in *nan*) [ "$one" != "$two" ] ;; *) false ;; esac
check barrier_missing $? "both schedules give $one"

kernel barrier_divergent <<'END'
    if (i < 40)
        SYNC();
    else
        y[i] = warp_sum(x[i]);
END
finds barrier_divergent 'a warp operation'

kernel barriers_differ <<'END'
    if (i < 32) {
        SYNC();
        y[i] = x[i];
    } else {
        SYNC();
        y[i] = 2 * x[i];
    }
END
finds barriers_differ 'waits at the barrier of line'

kernel shuffle_divergent <<'END'
    if (i % 2)
        y[i] = warp_sum(x[i]);
END
finds shuffle_divergent 'warp'

kernel shuffle_after_exit <<'END'
    if (i == 3)
        return;
    y[i] = warp_sum(x[i]);
END
finds shuffle_after_exit 'ends, and its warp waits for it'

kernel product_divergent <<'END'
    float c[4] = {};
    uint32_t word[4] = {};
    if (i % 2)
        multiply_add(c, word, 0, 0);
    y[i] = c[0] + x[i];
END
finds product_divergent 'warp'

kernel shared_too_large <<'END'
    SHARED(float, s, 60000);
    s[i] = x[i];
    y[i] = s[i];
END
finds shared_too_large 'bytes of shared memory, a GPU has'

san='-fsanitize=address'
kernel index_wrong <<'END'
    SHARED(float, s, 64);
    s[i + 1] = x[i];
    SYNC();
    y[i] = s[i + 1];
END
said=$(ASAN_OPTIONS=detect_stack_use_after_return=0 \
	LD_PRELOAD=$(gcc -print-file-name=libasan.so) \
	"$room/run" "$room/index_wrong.so" 0 2>&1)
case $said in *heap-buffer-overflow*) true ;; *) false ;; esac
check index_wrong $? "$(echo "$said" | head -c 200)"
