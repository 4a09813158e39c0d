/* made by sohoc from templates/cpu/column.c for column_sum_mul_sum_mul_store of neck.conv.bn
 * (lib/nn.lua:55 < lib/neck.lua:36 < lib/vqa.lua:11 < lib/vqa.lua:22) */
#define NAME column_sum_mul_sum_mul_store
#define SUMS 2
#define TILE 256
#line 1 "templates/cpu/column.c"
/* column - sums over leading or middle axes, with element-wise work before
 * them and work on the results behind.
 *
 * The space is kept x reduced x inner.  The reduced axis is cut into chunks
 * that depend on the sizes alone, each summed on its own and added up in order,
 * so the bits do not depend on the number of threads.
 * arguments: reduced, kept, inner, elements of a chunk, partial sums
 *            [chunks,SUMS,kept,inner], then what slot `args` unpacks
 * slots: args  pointers, sizes and strides
 *        row   where row (k, r) lies in each operand
 *        body  element j; feeds sum[0][j - j0] ..
 *        out   where the results of k lie
 *        after result j from t0 .. */
#line 19 "templates/cpu/column.c"
#include "prelude.h"

ENTRY(NAME)
{
    const int64_t reduced = a[0].i, kept = a[1].i, inner = a[2].i;
    const int64_t chunk = a[3].i;
    float *const partial = a[4].p;
    const int64_t tiles = (inner + TILE - 1) / TILE;
    const int64_t chunks = (reduced + chunk - 1) / chunk;
    const float *const p0 = a[5].p;
    const float *const p1 = a[6].p;
    float *const p2 = a[7].p;
    float *const p3 = a[8].p;
    float *const p4 = a[9].p;
    float *const p5 = a[10].p;
    const int64_t s0_r0 = a[11].i;
    const int64_t s1_r0 = a[12].i;
#line 29 "templates/cpu/column.c"
#pragma omp parallel for schedule(static) if (reduced * kept * inner > 8192)
    for (int64_t t = 0; t < chunks * kept * tiles; t++) {
        const int64_t c = t / (kept * tiles), k = t / tiles % kept;
        const int64_t j0 = t % tiles * TILE;
        const int64_t j1 = j0 + TILE < inner ? j0 + TILE : inner;
        const int64_t r1 = (c + 1) * chunk;
        float sum[SUMS][TILE];
        for (int s = 0; s < SUMS; s++)
            for (int64_t j = 0; j < j1 - j0; j++)
                sum[s][j] = 0;
        for (int64_t r = c * chunk; r < r1 && r < reduced; r++) {
            const int64_t k0 = k;
            const int64_t r0 = r;
            const float *const x0 = p0 + r0 * s0_r0;
            const float *const x1 = p1 + r0 * s1_r0;
#line 41 "templates/cpu/column.c"
#pragma omp simd
            for (int64_t j = j0; j < j1; j++) {
#line 55 "lib/nn.lua"
                sum[0][j - j0] += x0[j];
                const float v1 = x0[j] * x1[j];
                sum[1][j - j0] += v1;
#line 44 "templates/cpu/column.c"
            }
        }
        for (int s = 0; s < SUMS; s++)
            for (int64_t j = j0; j < j1; j++)
                partial[((c * SUMS + s) * kept + k) * inner + j] =
                    sum[s][j - j0];
    }
#pragma omp parallel for schedule(static) if (chunks * kept * inner > 8192)
    for (int64_t t = 0; t < kept * tiles; t++) {
        const int64_t k = t / tiles, j0 = t % tiles * TILE;
        const int64_t j1 = j0 + TILE < inner ? j0 + TILE : inner;
        float sum[SUMS][TILE];
        for (int s = 0; s < SUMS; s++)
            for (int64_t j = 0; j < j1 - j0; j++)
                sum[s][j] = 0;
        for (int64_t c = 0; c < chunks; c++)
            for (int s = 0; s < SUMS; s++)
                for (int64_t j = j0; j < j1; j++)
                    sum[s][j - j0] +=
                        partial[((c * SUMS + s) * kept + k) * inner + j];
        const int64_t k0 = k;
        float *const x2 = p2;
        float *const x3 = p3;
        float *const x4 = p4;
        float *const x5 = p5;
#line 65 "templates/cpu/column.c"
#pragma omp simd
        for (int64_t j = j0; j < j1; j++) {
#line 55 "lib/nn.lua"
            const float v0 = sum[0][j - j0];
            x5[j] += v0;
            const float v2 = sum[1][j - j0];
            x4[j] += v2;
            const float v3 = v0 * 0.00520833349f;
            x2[j] = v3;
            const float v4 = v2 * 0.00520833349f;
            x3[j] = v4;
#line 68 "templates/cpu/column.c"
        }
    }
}
#undef NAME
#undef SUMS
#undef TILE
