/* made by sohoc from templates/cpu/row.c for row_dropout_add_sum_mul_sub_c128 of language.bert.encoder.layer.1.attention.output.dropout
 * (lib/nn.lua:71 < lib/bert.lua:27 < lib/bert.lua:33 < lib/bert.lua:61 < lib/vqa.lua:14 < lib/vqa.lua:22) */
#define NAME row_dropout_add_sum_mul_sub_c128_n3
#define COLS 128
#define LEVELS 3
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
    const int64_t d0_i0 = a[9].i;
    const int64_t s0_i0 = a[10].i;
    const int64_t s1_i0 = a[11].i;
    const int64_t s4_i0 = a[12].i;
    const int64_t s5_i0 = a[13].i;
    const int64_t s6_i0 = a[14].i;
#line 21 "templates/cpu/row.c"
#pragma omp parallel for schedule(static) if (rows * COLS > 8192)
    for (int64_t row = 0; row < rows; row++) {
        float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        float m0 = -INFINITY, m1 = -INFINITY;
        const int64_t i0 = row;
        const int64_t d0 = 0 + i0 * d0_i0;
        const float *const x0 = p0 + i0 * s0_i0;
        const float *const x1 = p1 + i0 * s1_i0;
        const float *const x2 = p2;
        const float *const x3 = p3;
        float *const x4 = p4 + i0 * s4_i0;
        float *const x5 = p5 + i0 * s5_i0;
        float *const x6 = p6 + i0 * s6_i0;
#line 71 "lib/nn.lua"
        float u0[COLS];
        philox_fill(u0, d0 + 0, COLS, 0xb7a989d8u, step);
#line 28 "lib/bert.lua"
        float t1[COLS];
#line 65 "lib/nn.lua"
        float t4[COLS];
#line 26 "templates/cpu/row.c"
#pragma omp simd reduction(+ : s0, s1, s2, s3) reduction(max : m0, m1)
        for (int64_t j = 0; j < COLS; j++) {
#line 71 "lib/nn.lua"
            const float v0 = u0[j] >= 0.0500000007f ? x0[j] * 1.05263162f : 0.0f;
#line 28 "lib/bert.lua"
            const float v1 = v0 + x1[j];
            t1[j] = v1;
#line 65 "lib/nn.lua"
            s0 += v1;
#line 29 "templates/cpu/row.c"
        }
#line 65 "lib/nn.lua"
        const float v2 = s0;
        const float v3 = v2 * 0.0078125f;
#line 31 "templates/cpu/row.c"
#if LEVELS > 1
        s0 = s1 = s2 = s3 = 0, m0 = m1 = -INFINITY;
#pragma omp simd reduction(+ : s0, s1, s2, s3) reduction(max : m0, m1)
        for (int64_t j = 0; j < COLS; j++) {
#line 65 "lib/nn.lua"
            const float v4 = t1[j] - v3;
            t4[j] = v4;
            const float v5 = v4 * v4;
            s0 += v5;
#line 36 "templates/cpu/row.c"
        }
#line 65 "lib/nn.lua"
        const float v6 = s0;
        const float v7 = v6 * 0.0078125f;
        const float v8 = v7 + 9.99999996e-13f;
        const float v9 = rsqrt_f32(v8);
        x4[0] = v9;
#line 38 "templates/cpu/row.c"
#endif
#if LEVELS > 2
        s0 = s1 = s2 = s3 = 0, m0 = m1 = -INFINITY;
#pragma omp simd reduction(+ : s0, s1, s2, s3) reduction(max : m0, m1)
        for (int64_t j = 0; j < COLS; j++) {
#line 65 "lib/nn.lua"
            const float v10 = t4[j] * v9;
            x5[j] = v10;
            const float v11 = v10 * x2[j];
            const float v12 = v11 + x3[j];
            x6[j] = v12;
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
