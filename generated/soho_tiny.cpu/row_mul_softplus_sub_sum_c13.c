/* made by sohoc from templates/cpu/row.c for row_mul_softplus_sub_sum_c13
 * (lib/heads.lua:16 < lib/heads.lua:21 < lib/vqa.lua:30) */
#define NAME row_mul_softplus_sub_sum_c13
#define COLS 13
#define LEVELS 1
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
    float *const p2 = a[3].p;
    const int64_t s0_i0 = a[4].i;
    const int64_t s1_i0 = a[5].i;
    const int64_t s2_i0 = a[6].i;
#line 21 "templates/cpu/row.c"
#pragma omp parallel for schedule(static) if (rows * COLS > 8192)
    for (int64_t row = 0; row < rows; row++) {
        float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        float m0 = -INFINITY, m1 = -INFINITY;
        const int64_t i0 = row;
        const float *const x0 = p0 + i0 * s0_i0;
        const float *const x1 = p1 + i0 * s1_i0;
        float *const x2 = p2 + i0 * s2_i0;
#line 26 "templates/cpu/row.c"
#pragma omp simd reduction(+ : s0, s1, s2, s3) reduction(max : m0, m1)
        for (int64_t j = 0; j < COLS; j++) {
#line 16 "lib/heads.lua"
            const float v0 = x0[j] * x1[j];
            const float v1 = softplus_f32(x0[j]);
            const float v2 = v1 - v0;
#line 17 "lib/heads.lua"
            s0 += v2;
#line 29 "templates/cpu/row.c"
        }
#line 17 "lib/heads.lua"
        const float v3 = s0;
        x2[0] = v3;
#line 31 "templates/cpu/row.c"
#if LEVELS > 1
        s0 = s1 = s2 = s3 = 0, m0 = m1 = -INFINITY;
#pragma omp simd reduction(+ : s0, s1, s2, s3) reduction(max : m0, m1)
        for (int64_t j = 0; j < COLS; j++) {
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
