/* made by sohoc from templates/cuda/max_pool.cu for max_pool
 * (lib/neck.lua:8 < lib/neck.lua:36 < lib/vqa.lua:11 < lib/vqa.lua:22) */
#define NAME max_pool_n2
#define RANK0 4
#define RANK1 4
#define RANK2 4
#define KERNEL 2
#define STRIDE 2
#define PAD 0
#define HALF_OUT 0
#define HALF_IN 0
#define INDEX uint32_t
#define BLOCK 256
#define ARGS 15
#line 1 "templates/cuda/max_pool.cu"
/* max_pool - maximum of a window, and its place in the window.
 *
 * y [B,h,w,C], place [B,h,w,C] u8 or NULL <- x [B,H,W,C]
 * KERNEL STRIDE PAD; h = (H + 2 PAD - KERNEL) / STRIDE + 1; KERNEL <= 15
 * HALF_IN HALF_OUT  1: x, y is bf16
 *
 * The first maximum in row-major order wins; NaN counts as larger than
 * everything.  place = row in the window * KERNEL + column. */
#line 20 "templates/cuda/max_pool.cu"
#include "prelude.h"

CUDA_KERNEL(NAME)
{
    ELEMENT(HALF_OUT) *y = a[0].p;
    uint8_t *place = a[1].p;
    const ELEMENT(HALF_IN) *x = a[2].p;
    const INDEX nimage = a[3].i, h = a[4].i, w = a[5].i, nc = a[6].i;
    const int height = (int)a[12].i, width = (int)a[13].i;

    FOR_INDEX (i, nimage * h * w * nc) {
        const INDEX c = i % nc, cell = i / nc, image = cell / (h * w);
        const int top = (int)(cell / w % h) * STRIDE - PAD;
        const int left = (int)(cell % w) * STRIDE - PAD;
        int where = (top < 0 ? -top * KERNEL : 0) + (left < 0 ? -left : 0);
        float best = -INFINITY;

        for (int k = 0; k < KERNEL * KERNEL; k++) {
            const int row = top + k / KERNEL, column = left + k % KERNEL;
            float v;

            if (row < 0 || row >= height || column < 0 || column >= width)
                continue;
            v = value_of(x[((image * height + row) * width + column) * nc + c]);
            if (v > best || v != v) {
                best = v;
                where = k;
            }
        }
        put(&y[i], best);
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
#undef HALF_OUT
#undef HALF_IN
#undef INDEX
#undef BLOCK
#undef ARGS
