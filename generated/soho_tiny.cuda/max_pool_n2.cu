/* made by sohoc from templates/cuda/max_pool.cu for max_pool
 * (lib/neck.lua:8 < lib/neck.lua:36 < lib/vqa.lua:11 < lib/vqa.lua:22) */
#define NAME max_pool_n2
#define RANK0 4
#define RANK1 4
#define RANK2 4
#define KERNEL 2
#define STRIDE 2
#define PAD 0
#define BLOCK 256
#define ARGS 15
#line 1 "templates/cuda/max_pool.cu"
/* max_pool - maximum of a window, and its place in the window.
 *
 * y [B,h,w,C], place [B,h,w,C] u8 or NULL <- x [B,H,W,C]
 * KERNEL STRIDE PAD; h = (H + 2 PAD - KERNEL) / STRIDE + 1; KERNEL <= 15
 *
 * The first maximum in row-major order wins; NaN counts as larger than
 * everything.  place = row in the window * KERNEL + column. */
#line 16 "templates/cuda/max_pool.cu"
#include "prelude.h"

CUDA_KERNEL(NAME)
{
    float *y = a[0].p;
    uint8_t *place = a[1].p;
    const float *x = a[2].p;
    int64_t nimage = a[3].i, h = a[4].i, w = a[5].i, nc = a[6].i;
    int64_t height = a[12].i, width = a[13].i;

    FOR_EACH (i, nimage * h * w * nc) {
        int64_t c = i % nc, cell = i / nc, image = cell / (h * w);
        int64_t top = cell / w % h * STRIDE - PAD,
                left = cell % w * STRIDE - PAD;
        int first =
            (top < 0 ? (int)-top * KERNEL : 0) + (left < 0 ? (int)-left : 0);
        float best = -INFINITY;
        int where = first;

        for (int k = 0; k < KERNEL * KERNEL; k++) {
            int64_t row = top + k / KERNEL, column = left + k % KERNEL;
            float v;

            if (row < 0 || row >= height || column < 0 || column >= width)
                continue;
            v = x[((image * height + row) * width + column) * nc + c];
            if (v > best || v != v) {
                best = v;
                where = k;
            }
        }
        y[i] = best;
        if (place)
            place[i] = (uint8_t)where;
    }
}
#undef NAME
#undef RANK0
#undef RANK1
#undef RANK2
#undef KERNEL
#undef STRIDE
#undef PAD
#undef BLOCK
#undef ARGS
