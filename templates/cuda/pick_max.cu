/* pick_max - the element of t where z has its first maximum along the last
 * axis; NaN counts as the maximum.  A warp looks at a row.
 *
 * y [..] <- z [..,A], t [..,A];  RANK0 of y */
#ifndef NAME
#define NAME  pick_max
#define BLOCK 256
#define ARGS  8
#define RANK0 1
#endif
#include "prelude.h"

ENTRY(NAME)
{
    float *y = a[0].p;
    const float *z = a[1].p, *t = a[2].p;
    int64_t n = count_of(a, 3, RANK0), width = a[3 + 2 * RANK0].i;

    FOR_EACH_WARP (row, n) {
        int64_t best = warp_first_max(z + row * width, width);

        if (threadIdx.x % WARP == 0)
            y[row] = t[row * width + best];
    }
}
