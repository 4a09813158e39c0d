/* calibrate.c - `soho-rt calibrate`: what this machine computes per second, to
 * be quoted beside every time.
 *
 * In: nothing.  Out: GFLOP/s of a loop of fused multiply-adds on registers,
 * all threads at once: the peak that a product of matrices can reach. */
#include <stdio.h>
#include <time.h>

#include <immintrin.h>
#include <omp.h>

#include "runtime/cmd.h"

enum { CHAINS = 12, ROUNDS = 1 << 20, TRIES = 40 };

/* Each round: CHAINS independent multiply-adds of `lanes` floats; enough to
 * hide their latency on every CPU with 16 registers. */
__attribute__((target("avx512f"))) static f32
loop_avx512(void)
{
    __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(0.001f);
    __m512 x[CHAINS];
    f32 sum = 0;

    for (int k = 0; k < CHAINS; k++)
        x[k] = _mm512_set1_ps((f32)k);
    for (int i = 0; i < ROUNDS; i++)
#pragma GCC unroll 12
        for (int k = 0; k < CHAINS; k++)
            x[k] = _mm512_fmadd_ps(x[k], a, b);
    for (int k = 0; k < CHAINS; k++)
        sum += _mm512_reduce_add_ps(x[k]);
    return sum;
}

__attribute__((target("avx2,fma"))) static f32
loop_avx2(void)
{
    __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(0.001f);
    __m256 x[CHAINS];
    f32 lane[8], sum = 0;

    for (int k = 0; k < CHAINS; k++)
        x[k] = _mm256_set1_ps((f32)k);
    for (int i = 0; i < ROUNDS; i++)
#pragma GCC unroll 12
        for (int k = 0; k < CHAINS; k++)
            x[k] = _mm256_fmadd_ps(x[k], a, b);
    for (int k = 0; k < CHAINS; k++) {
        _mm256_storeu_ps(lane, x[k]);
        for (int i = 0; i < 8; i++)
            sum += lane[i];
    }
    return sum;
}

static f64
seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (f64)t.tv_sec + (f64)t.tv_nsec * 1e-9;
}

static volatile f32 keep; /* takes results, so that the loops stay */

/* Best of TRIES, in operations per second. */
static f64
measure(f32 (*loop)(void), int threads, f64 flop)
{
    f64 best = 0;

    for (int i = 0; i < TRIES; i++) {
        f64 time, begin = seconds();
        f32 sum = 0;

#pragma omp parallel num_threads(threads) reduction(+ : sum)
        sum += loop();
        time = seconds() - begin;
        keep = sum;
        if (flop * threads / time > best)
            best = flop * threads / time;
    }
    return best;
}

int
cmd_calibrate(int argc, char **argv)
{
    const Option options[] = {{0}};
    int threads = omp_get_num_procs(), code, wide;
    f64 flop, rate;

    code = cmd_options(options, "Prints the peak of this machine.", argc, argv);
    if (code >= 0)
        return code;
    wide = __builtin_cpu_supports("avx512f");
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
        fprintf(stderr, "soho-rt calibrate: this CPU has no AVX2\n");
        return SOHO_DEVICE;
    }
    flop = 2.0 * CHAINS * ROUNDS * (wide ? 16 : 8);
    rate = measure(wide ? loop_avx512 : loop_avx2, threads, flop) * 1e-9;
    printf("%.0f GFLOP/s (%s, %d threads, f32 multiply-add)\n", rate,
           wide ? "avx512" : "avx2", threads);
    return 0;
}
