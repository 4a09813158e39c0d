/* row - element-wise work around sums and maxima along a row.
 *
 * LANES threads share a row of COLS elements: a warp, or the whole block.  Each
 * walks over every LANES-th element in up to four loops, which may use what the
 * reductions before them gave; what a later loop reads again stays in
 * registers.
 *
 * arguments: rows, then what slot `args` unpacks
 * slots: args   pointers, sizes and strides
 *        row    where row `row` lies in each operand; numbers of the row
 *        loop0  element j, the e-th of this thread; feeds sums s0..s3 and
 *               maxima m0, m1
 *        after0 numbers made of s0..s3, m0, m1;  the same for 1, 2, 3 */
#ifndef NAME
#define NAME   row
#define BLOCK  256
#define ARGS   1
#define COLS   768
#define LEVELS 3
#define LANES  256
#define PER    3
#define UNROLL 3
#endif
#include "prelude.h"

#if LANES == 32
#define row_sum(x) warp_sum(x)
#define row_max(x) warp_max(x)
#else
#define row_sum(x) block_sum(x)
#define row_max(x) block_max(x)
#endif
#define TOGETHER (BLOCK / LANES) /* rows of a block */

ENTRY(NAME)
{
    const int64_t rows = a[0].i;
    const int lane = (int)threadIdx.x % LANES;
    //@slot args
    for (int64_t row = (int64_t)blockIdx.x * TOGETHER + threadIdx.x / LANES;
         row < rows; row += (int64_t)gridDim.x * TOGETHER) {
        float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        float m0 = -INFINITY, m1 = -INFINITY;
        //@slot row
#pragma unroll UNROLL
        for (int e = 0; e < PER; e++) {
            const int j = e * LANES + lane;
            if (j < COLS) {
                //@slot loop0
            }
        }
        //@slot after0
#if LEVELS > 1
        s0 = s1 = s2 = s3 = 0, m0 = m1 = -INFINITY;
#pragma unroll UNROLL
        for (int e = 0; e < PER; e++) {
            const int j = e * LANES + lane;
            if (j < COLS) {
                //@slot loop1
            }
        }
        //@slot after1
#endif
#if LEVELS > 2
        s0 = s1 = s2 = s3 = 0, m0 = m1 = -INFINITY;
#pragma unroll UNROLL
        for (int e = 0; e < PER; e++) {
            const int j = e * LANES + lane;
            if (j < COLS) {
                //@slot loop2
            }
        }
        //@slot after2
#endif
#if LEVELS > 3
        s0 = s1 = s2 = s3 = 0, m0 = m1 = -INFINITY;
#pragma unroll UNROLL
        for (int e = 0; e < PER; e++) {
            const int j = e * LANES + lane;
            if (j < COLS) {
                //@slot loop3
            }
        }
        //@slot after3
#endif
        (void)s0, (void)s1, (void)s2, (void)s3, (void)m0, (void)m1;
    }
}
