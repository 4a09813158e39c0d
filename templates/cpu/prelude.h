/* prelude.h - what every CPU kernel may use: functions.h, the counter
 * generator, and helpers over the argument block.
 *
 * The argument block of a template named after an op: pointers of the outputs,
 * pointers of the inputs, then all dimensions of each in the same order, as
 * integers.  Tensors are dense, the last dimension fastest.  RANK0, RANK1, ...
 * are their ranks in that order; attributes are #defines of the same name in
 * capitals, lists as MEAN0, MEAN1, ... and MEAN_N.
 *
 * Several instances are compiled in one go: a function beside NAME is static
 * and renamed by `#define word LOCAL(word)`; every macro of an instance is
 * undefined behind it. */
#ifndef SOHO_PRELUDE_H
#define SOHO_PRELUDE_H

#include <math.h>
#include <stdint.h>

#include "kernel.h"

#define PASTE2(a, b) a##_##b
#define PASTE(a, b)  PASTE2(a, b)
#define LOCAL(word)  PASTE(NAME, word)

#define INLINE static inline __attribute__((always_inline))

#include "functions.h"

/* A kernel, its arguments a[]. */
#define ENTRY(name) void name(const SohoArg *a)

/* Every item 0..n-1 once, in any order. */
#define FOR_EACH(i, n)                                                         \
    PRAGMA(omp parallel for simd schedule(static) if(parallel : (n) > 8192))   \
    for (int64_t i = 0; i < (n); i++)
#define PRAGMA(text) _Pragma(#text)

/* What one thread does for all. */
#define ONCE

/* Elements of `rank` dimensions, which begin at word `first`. */
INLINE int64_t
count_of(const SohoArg *a, int first, int rank)
{
    int64_t n = 1;

    for (int i = 0; i < rank; i++)
        n *= a[first + i].i;
    return n;
}

/* Index of the first maximum of n numbers; NaN counts as the maximum. */
INLINE int64_t
first_max(const float *x, int64_t n)
{
    int64_t best = 0;

    for (int64_t i = 1; i < n && x[best] == x[best]; i++)
        best = x[i] <= x[best] ? best : i;
    return best;
}

/* ------------------------------------------------------------- randomness
 * Element i of a site at step t is word i%4 of Philox4x32-10 (Salmon et al.,
 * 2011) with counter (i/4, 0, site, t) and the run's seed as key. */
#ifdef __AVX512F__
#define PHILOX_BYTES 64
#else
#define PHILOX_BYTES 32
#endif
typedef uint64_t Lanes __attribute__((vector_size(PHILOX_BYTES)));
typedef uint64_t Pair __attribute__((may_alias)); /* two words */
enum { PHILOX_LANES = PHILOX_BYTES / 8, PHILOX_GROUP = 8 * PHILOX_LANES };

/* Product of the low halves of each lane.  (The compiler cannot know that the
 * high halves do not count and would multiply all 64 bits.) */
INLINE Lanes
mul_low(Lanes a, uint32_t b)
{
#ifdef __AVX2__
    Lanes zero = {0}, c = zero + b;

    __asm__("vpmuludq %1, %2, %0" : "=v"(a) : "v"(a), "v"(c));
    return a;
#else
    return (a & 0xffffffffu) * b;
#endif
}

/* PHILOX_GROUP words, those of blocks block, block+1, ...: one block in each
 * lane of two vectors.  High halves of lanes hold rubbish between rounds. */
INLINE void
philox_words(uint32_t *word, uint32_t block, uint32_t site,
             const SohoStep *step)
{
    uint32_t k0 = step->seed[0], k1 = step->seed[1];
    static const union {
        uint64_t i[16];
        Lanes v[2];
    } count = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};
    Lanes zero = {0}, c1[2] = {zero, zero};
    Lanes c0[2] = {count.v[0] + block, count.v[1] + block};
    Lanes c2[2] = {zero + site, zero + site};
    Lanes c3[2] = {zero + step->t, zero + step->t};

#pragma GCC unroll 10
    for (int round = 0; round < 10; round++) {
#pragma GCC unroll 2
        for (int v = 0; v < 2; v++) {
            Lanes a = mul_low(c0[v], 0xD2511F53u);
            Lanes b = mul_low(c2[v], 0xCD9E8D57u);

            c0[v] = (b >> 32) ^ c1[v] ^ k0;
            c2[v] = (a >> 32) ^ c3[v] ^ k1;
            c1[v] = b;
            c3[v] = a;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
#pragma GCC unroll 2
    for (int v = 0; v < 2; v++) {
        Pair *out = (Pair *)word + 2 * PHILOX_LANES * v;
        Lanes low = (c0[v] & 0xffffffffu) | c1[v] << 32;
        Lanes high = (c2[v] & 0xffffffffu) | c3[v] << 32;

        for (int i = 0; i < PHILOX_LANES; i++) {
            out[2 * i] = low[i];
            out[2 * i + 1] = high[i];
        }
    }
}

/* Uniform numbers in [0,1), multiples of 2^-24, of elements first ..
 * first+n-1 of a site. */
static inline void
philox_fill(float *u, int64_t first, int64_t n, uint32_t site,
            const SohoStep *step)
{
    uint32_t word[PHILOX_GROUP] __attribute__((aligned(PHILOX_BYTES)));

    for (int64_t at = 0; at < n;) {
        int64_t skip = (first + at) % 4, count = PHILOX_GROUP - skip;

        if (count > n - at)
            count = n - at;
        philox_words(word, (uint32_t)((first + at) / 4), site, step);
#pragma omp simd
        for (int64_t i = 0; i < count; i++)
            u[at + i] = (float)(int32_t)(word[skip + i] >> 8) * 0x1p-24f;
        at += count;
    }
}

#endif
