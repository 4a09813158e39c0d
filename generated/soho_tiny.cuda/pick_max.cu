/* made by sohoc from templates/cuda/pick_max.cu for pick_max
 * (lib/heads.lua:26 < lib/heads.lua:30 < lib/vqa.lua:25) */
#define NAME pick_max
#define RANK0 1
#define RANK1 2
#define RANK2 2
#define BLOCK 256
#define ARGS 8
#line 1 "templates/cuda/pick_max.cu"
/* pick_max - the element of t where z has its first maximum along the last
 * axis; NaN counts as the maximum.  A warp looks at a row.
 *
 * y [..] <- z [..,A], t [..,A];  RANK0 of y */
#line 11 "templates/cuda/pick_max.cu"
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
#undef NAME
#undef RANK0
#undef RANK1
#undef RANK2
#undef BLOCK
#undef ARGS
