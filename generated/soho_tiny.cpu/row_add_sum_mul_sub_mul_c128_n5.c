/* made by sohoc from templates/cpu/row.c for row_add_sum_mul_sub_mul_c128
 * (lib/bert.lua:28 < lib/bert.lua:33 < lib/bert.lua:61 < lib/vqa.lua:14 < lib/vqa.lua:29) */
#define NAME row_add_sum_mul_sub_mul_c128_n5
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
    const int64_t s0_i0 = a[6].i;
    const int64_t s1_i0 = a[7].i;
    const int64_t s4_i0 = a[8].i;
#line 21 "templates/cpu/row.c"
#pragma omp parallel for schedule(static) if (rows * COLS > 8192)
    for (int64_t row = 0; row < rows; row++) {
        float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        float m0 = -INFINITY, m1 = -INFINITY;
        const int64_t i0 = row;
        const float *const x0 = p0 + i0 * s0_i0;
        const float *const x1 = p1 + i0 * s1_i0;
        const float *const x2 = p2;
        const float *const x3 = p3;
        float *const x4 = p4 + i0 * s4_i0;
#line 28 "lib/bert.lua"
        float t0[COLS];
#line 65 "lib/nn.lua"
        float t3[COLS];
#line 26 "templates/cpu/row.c"
#pragma omp simd reduction(+ : s0, s1, s2, s3) reduction(max : m0, m1)
        for (int64_t j = 0; j < COLS; j++) {
#line 28 "lib/bert.lua"
            const float v0 = x0[j] + x1[j];
            t0[j] = v0;
#line 65 "lib/nn.lua"
            s0 += v0;
#line 29 "templates/cpu/row.c"
        }
#line 65 "lib/nn.lua"
        const float v1 = s0;
        const float v2 = v1 * 0.0078125f;
#line 31 "templates/cpu/row.c"
#if LEVELS > 1
        s0 = s1 = s2 = s3 = 0, m0 = m1 = -INFINITY;
#pragma omp simd reduction(+ : s0, s1, s2, s3) reduction(max : m0, m1)
        for (int64_t j = 0; j < COLS; j++) {
#line 65 "lib/nn.lua"
            const float v3 = t0[j] - v2;
            t3[j] = v3;
            const float v4 = v3 * v3;
            s0 += v4;
#line 36 "templates/cpu/row.c"
        }
#line 65 "lib/nn.lua"
        const float v5 = s0;
        const float v6 = v5 * 0.0078125f;
        const float v7 = v6 + 9.99999996e-13f;
        const float v8 = rsqrt_f32(v7);
#line 38 "templates/cpu/row.c"
#endif
#if LEVELS > 2
        s0 = s1 = s2 = s3 = 0, m0 = m1 = -INFINITY;
#pragma omp simd reduction(+ : s0, s1, s2, s3) reduction(max : m0, m1)
        for (int64_t j = 0; j < COLS; j++) {
#line 65 "lib/nn.lua"
            const float v9 = t3[j] * v8;
            const float v10 = v9 * x2[j];
            const float v11 = v10 + x3[j];
            x4[j] = v11;
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
