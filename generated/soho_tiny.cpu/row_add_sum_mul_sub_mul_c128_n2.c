/* made by sohoc from templates/cpu/row.c for row_add_sum_mul_sub_mul_c128
 * (lib/bert.lua:46 < lib/bert.lua:56 < lib/vqa.lua:14 < lib/vqa.lua:22) */
#define NAME row_add_sum_mul_sub_mul_c128_n2
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
    const float *const p4 = a[5].p;
    float *const p5 = a[6].p;
    float *const p6 = a[7].p;
    float *const p7 = a[8].p;
    const SohoStep *const step = a[9].p;
    const int64_t i_n1 = a[10].i;
    const int64_t d13_i0 = a[11].i;
    const int64_t d13_i1 = a[12].i;
    const int64_t s0_i0 = a[13].i;
    const int64_t s0_i1 = a[14].i;
    const int64_t s1_i1 = a[15].i;
    const int64_t s5_i0 = a[16].i;
    const int64_t s5_i1 = a[17].i;
    const int64_t s6_i0 = a[18].i;
    const int64_t s6_i1 = a[19].i;
    const int64_t s7_i0 = a[20].i;
    const int64_t s7_i1 = a[21].i;
#line 21 "templates/cpu/row.c"
#pragma omp parallel for schedule(static) if (rows * COLS > 8192)
    for (int64_t row = 0; row < rows; row++) {
        float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        float m0 = -INFINITY, m1 = -INFINITY;
        const int64_t i1 = row % i_n1;
        const int64_t i_q1 = row / i_n1;
        const int64_t i0 = i_q1;
        const int64_t d13 = 0 + i0 * d13_i0 + i1 * d13_i1;
        const float *const x0 = p0 + i0 * s0_i0 + i1 * s0_i1;
        const float *const x1 = p1 + i1 * s1_i1;
        const float *const x2 = p2;
        const float *const x3 = p3;
        const float *const x4 = p4;
        float *const x5 = p5 + i0 * s5_i0 + i1 * s5_i1;
        float *const x6 = p6 + i0 * s6_i0 + i1 * s6_i1;
        float *const x7 = p7 + i0 * s7_i0 + i1 * s7_i1;
#line 46 "lib/bert.lua"
        float t1[COLS];
#line 65 "lib/nn.lua"
        float t4[COLS];
#line 71 "lib/nn.lua"
        float u13[COLS];
        philox_fill(u13, d13 + 0, COLS, 0xf16c17b3u, step);
#line 26 "templates/cpu/row.c"
#pragma omp simd reduction(+ : s0, s1, s2, s3) reduction(max : m0, m1)
        for (int64_t j = 0; j < COLS; j++) {
#line 46 "lib/bert.lua"
            const float v0 = x0[j] + x1[j];
            const float v1 = v0 + x2[j];
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
        x5[0] = v9;
#line 38 "templates/cpu/row.c"
#endif
#if LEVELS > 2
        s0 = s1 = s2 = s3 = 0, m0 = m1 = -INFINITY;
#pragma omp simd reduction(+ : s0, s1, s2, s3) reduction(max : m0, m1)
        for (int64_t j = 0; j < COLS; j++) {
#line 65 "lib/nn.lua"
            const float v10 = t4[j] * v9;
            x6[j] = v10;
            const float v11 = v10 * x3[j];
            const float v12 = v11 + x4[j];
#line 71 "lib/nn.lua"
            const float v13 = u13[j] >= 0.0500000007f ? v12 * 1.05263162f : 0.0f;
            x7[j] = v13;
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
