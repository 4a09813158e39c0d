/* row - element-wise work around sums and maxima along a row.
 *
 * A row of COLS elements stays in the first-level cache while up to four loops
 * walk over it; each loop may use what the reductions before it gave.
 * arguments: rows, then what slot `args` unpacks
 * slots: args   pointers, sizes and strides
 *        row    where row `row` lies in each operand; numbers of the row
 *        loop0  element j; feeds sums s0..s3 and maxima m0, m1
 *        after0 numbers made of s0..s3, m0, m1;  the same for 1, 2, 3 */
#ifndef NAME
#define NAME   row
#define COLS   768
#define LEVELS 3
#endif
#include "prelude.h"

ENTRY(NAME)
{
    const int64_t rows = a[0].i;
    //@slot args
#pragma omp parallel for schedule(static) if (rows * COLS > 8192)
    for (int64_t row = 0; row < rows; row++) {
        float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        float m0 = -INFINITY, m1 = -INFINITY;
        //@slot row
#pragma omp simd reduction(+ : s0, s1, s2, s3) reduction(max : m0, m1)
        for (int64_t j = 0; j < COLS; j++) {
            //@slot loop0
        }
        //@slot after0
#if LEVELS > 1
        s0 = s1 = s2 = s3 = 0, m0 = m1 = -INFINITY;
#pragma omp simd reduction(+ : s0, s1, s2, s3) reduction(max : m0, m1)
        for (int64_t j = 0; j < COLS; j++) {
            //@slot loop1
        }
        //@slot after1
#endif
#if LEVELS > 2
        s0 = s1 = s2 = s3 = 0, m0 = m1 = -INFINITY;
#pragma omp simd reduction(+ : s0, s1, s2, s3) reduction(max : m0, m1)
        for (int64_t j = 0; j < COLS; j++) {
            //@slot loop2
        }
        //@slot after2
#endif
#if LEVELS > 3
        s0 = s1 = s2 = s3 = 0, m0 = m1 = -INFINITY;
#pragma omp simd reduction(+ : s0, s1, s2, s3) reduction(max : m0, m1)
        for (int64_t j = 0; j < COLS; j++) {
            //@slot loop3
        }
        //@slot after3
#endif
        (void)s0, (void)s1, (void)s2, (void)s3, (void)m0, (void)m1;
    }
}
