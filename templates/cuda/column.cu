/* column - sums over leading or middle axes, with element-wise work before
 * them; WHOLE: and work on the results behind, else column_end does that.
 *
 * The space is kept x reduced x inner.  The reduced axis is cut into chunks
 * that depend on the sizes alone; a block takes WIDE x VECTOR columns of one,
 * its threads share the rows, and their sums are added in a fixed order.
 *
 * arguments: reduced, kept, inner, elements of a chunk, partial sums
 *            [chunks,SUMS,kept,inner], then what slot `args` unpacks
 * slots: args  pointers, sizes and strides
 *        row   where row (k, r) lies in each operand
 *        load  elements j1 .. of operands that come together; save: go
 *        body  element j, the e-th of a thread; feeds sum[0][e] ..
 *        out   where the results of k lie
 *        after result j */
#ifndef NAME
#define NAME   column
#define BLOCK  256
#define ARGS   5
#define SUMS   1
#define WHOLE  1
#define WIDE   32
#define VECTOR 1
#define UNROLL 4
#endif
#include "prelude.h"

#define HIGH (BLOCK / WIDE)

ENTRY(NAME)
{
    const int64_t reduced = a[0].i, kept = a[1].i, inner = a[2].i;
    const int64_t chunk = a[3].i;
    float *const partial = a[4].p;
    const uint32_t tiles =
        (uint32_t)((inner + WIDE * VECTOR - 1) / (WIDE * VECTOR));
    const uint32_t chunks = (uint32_t)((reduced + chunk - 1) / chunk);
    const uint32_t all = chunks * (uint32_t)kept * tiles; /* below 2^31 */
    const int x = (int)threadIdx.x % WIDE, y = (int)threadIdx.x / WIDE;
    SHARED(float, part, SUMS *VECTOR *BLOCK);
    //@slot args
    (void)partial;
    for (uint32_t t = blockIdx.x; t < all; t += gridDim.x) {
        const int64_t c = t / ((uint32_t)kept * tiles);
        const int64_t k = t / tiles % (uint32_t)kept;
        const int64_t j1 = ((int64_t)(t % tiles) * WIDE + x) * VECTOR;
        const int64_t r1 =
            (c + 1) * chunk < reduced ? (c + 1) * chunk : reduced;
        float sum[SUMS][VECTOR] = {};
#pragma unroll UNROLL
        for (int64_t r = j1 < inner ? c * chunk + y : r1; r < r1; r += HIGH) {
            //@slot row
            //@slot load
#pragma unroll
            for (int e = 0; e < VECTOR; e++) {
                const int64_t j = j1 + e;
                (void)j;
                //@slot body
            }
            //@slot save
        }
        for (int s = 0; s < SUMS * VECTOR; s++)
            part[s * BLOCK + threadIdx.x] = sum[s / VECTOR][s % VECTOR];
        for (int half = HIGH / 2; half; half /= 2) {
            SYNC();
            for (int s = 0; s < SUMS * VECTOR && y < half; s++)
                part[s * BLOCK + threadIdx.x] +=
                    part[s * BLOCK + threadIdx.x + half * WIDE];
        }
        if (y == 0 && j1 < inner)
            for (int e = 0; e < VECTOR; e++) {
                const int64_t j = j1 + e;
#if WHOLE
                for (int s = 0; s < SUMS; s++)
                    sum[s][e] = part[(s * VECTOR + e) * BLOCK + x];
                (void)j;
                //@slot out
                //@slot after
#else
                for (int s = 0; s < SUMS; s++)
                    partial[((c * SUMS + s) * kept + k) * inner + j] =
                        part[(s * VECTOR + e) * BLOCK + x];
#endif
            }
        SYNC();
    }
}
