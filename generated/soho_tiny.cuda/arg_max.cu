/* made by sohoc from templates/cuda/arg_max.cu for arg_max
 * (lib/vqa.lua:34) */
#define NAME arg_max
#define RANK0 1
#define RANK1 2
#define BLOCK 256
#define ARGS 5
#line 1 "templates/cuda/arg_max.cu"
/* arg_max - index of the first maximum along the last axis; NaN counts as the
 * maximum.  A warp looks at a row.
 *
 * y [..] i32 <- z [..,A];  RANK0 of y */
#line 11 "templates/cuda/arg_max.cu"
#include "prelude.h"

ENTRY(NAME)
{
    int32_t *y = a[0].p;
    const float *z = a[1].p;
    int64_t n = count_of(a, 2, RANK0), width = a[2 + 2 * RANK0].i;

    FOR_EACH_WARP (row, n) {
        int64_t best = warp_first_max(z + row * width, width);

        if (threadIdx.x % WARP == 0)
            y[row] = (int32_t)best;
    }
}
#undef NAME
#undef RANK0
#undef RANK1
#undef BLOCK
#undef ARGS
