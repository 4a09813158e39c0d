/* made by sohoc from templates/cpu/row.c for row_add_mul_sum_mul_sum_c128 of language.bert.encoder.layer.0.intermediate.dense
 * (lib/nn.lua:20 < lib/bert.lua:34 < lib/bert.lua:61 < lib/vqa.lua:14 < lib/vqa.lua:22) */
#define NAME row_add_mul_sum_mul_sum_c128_n3
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
    const float *const p4 = a[5].p;
    float *const p5 = a[6].p;
    float *const p6 = a[7].p;
    float *const p7 = a[8].p;
    float *const p8 = a[9].p;
    const SohoStep *const step = a[10].p;
    const int64_t d12_i0 = a[11].i;
    const int64_t s0_i0 = a[12].i;
    const int64_t s1_i0 = a[13].i;
    const int64_t s3_i0 = a[14].i;
    const int64_t s4_i0 = a[15].i;
    const int64_t s5_i0 = a[16].i;
    const int64_t s6_i0 = a[17].i;
    const int64_t s7_i0 = a[18].i;
    const int64_t s8_i0 = a[19].i;
#line 21 "templates/cpu/row.c"
#pragma omp parallel for schedule(static) if (rows * COLS > 8192)
    for (int64_t row = 0; row < rows; row++) {
        float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        float m0 = -INFINITY, m1 = -INFINITY;
        const int64_t i0 = row;
        const int64_t d12 = 0 + i0 * d12_i0;
        const float *const x0 = p0 + i0 * s0_i0;
        const float *const x1 = p1 + i0 * s1_i0;
        const float *const x2 = p2;
        const float *const x3 = p3 + i0 * s3_i0;
        const float *const x4 = p4 + i0 * s4_i0;
        float *const x5 = p5 + i0 * s5_i0;
        float *const x6 = p6 + i0 * s6_i0;
        float *const x7 = p7 + i0 * s7_i0;
        float *const x8 = p8 + i0 * s8_i0;
#line 65 "lib/nn.lua"
        float t1[COLS];
#line 71 "lib/nn.lua"
        float u12[COLS];
        philox_fill(u12, d12 + 0, COLS, 0x50b42f4fu, step);
#line 26 "templates/cpu/row.c"
#pragma omp simd reduction(+ : s0, s1, s2, s3) reduction(max : m0, m1)
        for (int64_t j = 0; j < COLS; j++) {
#line 20 "lib/nn.lua"
            const float v0 = x0[j] + x1[j];
            x5[j] = v0;
#line 65 "lib/nn.lua"
            const float v1 = v0 * x2[j];
            t1[j] = v1;
            s0 += v1;
            const float v4 = v1 * x3[j];
            s1 += v4;
            const float v11 = v0 * x3[j];
            x7[j] = v11;
#line 29 "templates/cpu/row.c"
        }
#line 65 "lib/nn.lua"
        const float v2 = s0;
        const float v3 = v2 * 0.0078125f;
        const float v5 = s1;
        const float v6 = v5 * 0.0078125f;
#line 31 "templates/cpu/row.c"
#if LEVELS > 1
        s0 = s1 = s2 = s3 = 0, m0 = m1 = -INFINITY;
#pragma omp simd reduction(+ : s0, s1, s2, s3) reduction(max : m0, m1)
        for (int64_t j = 0; j < COLS; j++) {
#line 65 "lib/nn.lua"
            const float v7 = x3[j] * v6;
            const float v8 = t1[j] - v3;
            const float v9 = v8 - v7;
            const float v10 = v9 * x4[0];
            x6[j] = v10;
#line 71 "lib/nn.lua"
            const float v12 = u12[j] >= 0.0500000007f ? v10 * 1.05263162f : 0.0f;
            x8[j] = v12;
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
