/* made by sohoc from templates/cuda/grad_norm_part.cu for update
 * (soho_tiny.lua) */
#define NAME grad_norm_part
#define BLOCK 256
#define ARGS 3
#line 1 "templates/cuda/grad_norm_part.cu"
/* grad_norm_part - squares of the whole gradient, summed in double over a fixed
 * number of parts: the number of blocks does not matter.
 *
 * arguments: sums of the parts [PARTS] double (written), gradients, number of
 * floats */
#line 11 "templates/cuda/grad_norm_part.cu"
#include "prelude.h"

#define PARTS 256

ENTRY(NAME)
{
    double *part = a[0].p;
    const float *g = a[1].p;
    int64_t n = a[2].i, size = (n + PARTS - 1) / PARTS;
    SHARED(double, sums, BLOCK);

    for (int64_t p = blockIdx.x; p < PARTS; p += gridDim.x) {
        int64_t end = (p + 1) * size < n ? (p + 1) * size : n;
        double sum = 0.0;

        for (int64_t i = p * size + threadIdx.x; i < end; i += BLOCK)
            sum += (double)g[i] * (double)g[i];
        sums[threadIdx.x] = sum;
        for (int half = BLOCK / 2; half; half /= 2) {
            SYNC();
            if ((int)threadIdx.x < half)
                sums[threadIdx.x] += sums[threadIdx.x + half];
        }
        if (threadIdx.x == 0)
            part[p] = sums[0];
        SYNC();
    }
}
#undef NAME
#undef BLOCK
#undef ARGS
#undef PARTS
