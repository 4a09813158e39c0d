/* made by sohoc from templates/cuda/column.cu for column_sum_mul_sum_mul_store of neck.conv.bn
 * (lib/nn.lua:55 < lib/neck.lua:36 < lib/vqa.lua:11 < lib/vqa.lua:22) */
#define NAME column_sum_mul_sum_mul_store
#define SUMS 2
#define WHOLE 0
#define WIDE 32
#define VECTOR 4
#define UNROLL 4
#define BLOCK 256
#define ARGS 9
#line 1 "templates/cuda/column.cu"
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
#line 26 "templates/cuda/column.cu"
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
    const float *const p0 = a[5].p;
    const float *const p1 = a[6].p;
    const int64_t s0_r0 = a[7].i;
    const int64_t s1_r0 = a[8].i;
#line 42 "templates/cuda/column.cu"
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
            const uint32_t k0 = (uint32_t)k;
            const uint32_t r0 = (uint32_t)r;
            const float *const x0 = p0 + r0 * s0_r0;
            const float *const x1 = p1 + r0 * s1_r0;
            const Vector<float, VECTOR> w0 = load_vector<VECTOR>(x0 + j1);
            const Vector<float, VECTOR> w1 = load_vector<VECTOR>(x1 + j1);
#line 54 "templates/cuda/column.cu"
#pragma unroll
            for (int e = 0; e < VECTOR; e++) {
                const int64_t j = j1 + e;
                (void)j;
#line 55 "lib/nn.lua"
                sum[0][e] += w0.at[e];
                const float v1 = w0.at[e] * w1.at[e];
                sum[1][e] += v1;
#line 59 "templates/cuda/column.cu"
            }
#line 61 "templates/cuda/column.cu"
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
#line 79 "templates/cuda/column.cu"
#else
                for (int s = 0; s < SUMS; s++)
                    partial[((c * SUMS + s) * kept + k) * inner + j] =
                        part[(s * VECTOR + e) * BLOCK + x];
#endif
            }
        SYNC();
    }
}
#undef NAME
#undef SUMS
#undef WHOLE
#undef WIDE
#undef VECTOR
#undef UNROLL
#undef BLOCK
#undef ARGS
#undef HIGH
