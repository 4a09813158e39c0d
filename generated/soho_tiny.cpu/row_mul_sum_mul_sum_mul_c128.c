/* made by sohoc from templates/cpu/row.c for row_mul_sum_mul_sum_mul_c128 of language.bert.encoder.layer.1.output.LayerNorm
 * (lib/nn.lua:65 < lib/bert.lua:61 < lib/vqa.lua:14 < lib/vqa.lua:22) */
#define NAME row_mul_sum_mul_sum_mul_c128
#define COLS 128
#define LEVELS 2
#line 1 "templates/cpu/row.c"
/* row - element-wise work around sums and maxima along a row.
 *
 * A row of COLS elements stays in the first-level cache while up to four loops
 * walk over it; each loop may use what the reductions before it gave.
 * arguments: rows, then what slot `args` unpacks
 * slots: args   pointers, sizes and strides
 *        row    where row `row` lies in each operand; numbers of the row
 *        loop0  element j; feeds sums s0..s3 and maxima m0, m1
 *        after0 numbers made of s0..s3, m0, m1;  the same for 1, 2, 3 */
#line 15 "templates/cpu/row.c"
#include "prelude.h"

ENTRY(NAME)
{
    const int64_t rows = a[0].i;
    const float *const p0 = a[1].p;
    const float *const p1 = a[2].p;
    const float *const p2 = a[3].p;
    const float *const p3 = a[4].p;
    float *const p4 = a[5].p;
    float *const p5 = a[6].p;
    float *const p6 = a[7].p;
    const SohoStep *const step = a[8].p;
    const int64_t d11_i0 = a[9].i;
    const int64_t s0_i0 = a[10].i;
    const int64_t s2_i0 = a[11].i;
    const int64_t s3_i0 = a[12].i;
    const int64_t s4_i0 = a[13].i;
    const int64_t s5_i0 = a[14].i;
    const int64_t s6_i0 = a[15].i;
#line 21 "templates/cpu/row.c"
#pragma omp parallel for schedule(static) if (rows * COLS > 8192)
    for (int64_t row = 0; row < rows; row++) {
        float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        float m0 = -INFINITY, m1 = -INFINITY;
        const int64_t i0 = row;
        const int64_t d11 = 0 + i0 * d11_i0;
        const float *const x0 = p0 + i0 * s0_i0;
        const float *const x1 = p1;
        const float *const x2 = p2 + i0 * s2_i0;
        const float *const x3 = p3 + i0 * s3_i0;
        float *const x4 = p4 + i0 * s4_i0;
        float *const x5 = p5 + i0 * s5_i0;
        float *const x6 = p6 + i0 * s6_i0;
#line 65 "lib/nn.lua"
        float t0[COLS];
#line 71 "lib/nn.lua"
        float u11[COLS];
        philox_fill(u11, d11 + 0, COLS, 0x501e2d44u, step);
#line 26 "templates/cpu/row.c"
#pragma omp simd reduction(+ : s0, s1, s2, s3) reduction(max : m0, m1)
        for (int64_t j = 0; j < COLS; j++) {
#line 65 "lib/nn.lua"
            const float v0 = x0[j] * x1[j];
            t0[j] = v0;
            s0 += v0;
            const float v3 = v0 * x2[j];
            s1 += v3;
            const float v10 = x0[j] * x2[j];
            x5[j] = v10;
#line 29 "templates/cpu/row.c"
        }
#line 65 "lib/nn.lua"
        const float v1 = s0;
        const float v2 = v1 * 0.0078125f;
        const float v4 = s1;
        const float v5 = v4 * 0.0078125f;
#line 31 "templates/cpu/row.c"
#if LEVELS > 1
        s0 = s1 = s2 = s3 = 0, m0 = m1 = -INFINITY;
#pragma omp simd reduction(+ : s0, s1, s2, s3) reduction(max : m0, m1)
        for (int64_t j = 0; j < COLS; j++) {
#line 65 "lib/nn.lua"
            const float v6 = x2[j] * v5;
            const float v7 = t0[j] - v2;
            const float v8 = v7 - v6;
            const float v9 = v8 * x3[0];
            x4[j] = v9;
#line 71 "lib/nn.lua"
            const float v11 = u11[j] >= 0.0500000007f ? v9 * 1.05263162f : 0.0f;
            x6[j] = v11;
#line 36 "templates/cpu/row.c"
        }
#line 38 "templates/cpu/row.c"
#endif
#if LEVELS > 2
        s0 = s1 = s2 = s3 = 0, m0 = m1 = -INFINITY;
#pragma omp simd reduction(+ : s0, s1, s2, s3) reduction(max : m0, m1)
        for (int64_t j = 0; j < COLS; j++) {
#line 44 "templates/cpu/row.c"
        }
#line 46 "templates/cpu/row.c"
#endif
#if LEVELS > 3
        s0 = s1 = s2 = s3 = 0, m0 = m1 = -INFINITY;
#pragma omp simd reduction(+ : s0, s1, s2, s3) reduction(max : m0, m1)
        for (int64_t j = 0; j < COLS; j++) {
#line 52 "templates/cpu/row.c"
        }
#line 54 "templates/cpu/row.c"
#endif
        (void)s0, (void)s1, (void)s2, (void)s3, (void)m0, (void)m1;
    }
}
#undef NAME
#undef COLS
#undef LEVELS
