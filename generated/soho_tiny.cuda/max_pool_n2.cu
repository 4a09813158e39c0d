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
#define VECTOR 8
#define BLOCK 256
#define ARGS 15
#line 1 "templates/cuda/max_pool.cu"
/* max_pool - maximum of a window, and its place in the window.
 *
 * y [B,h,w,C], place [B,h,w,C] u8 or NULL <- x [B,H,W,C]
 * KERNEL STRIDE PAD; h = (H + 2 PAD - KERNEL) / STRIDE + 1; KERNEL <= 15
 * HALF_IN HALF_OUT  1: x, y is of halves
 * VECTOR  channels of a thread, which divide C
 *
 * The first maximum in row-major order wins; NaN counts as larger than
 * everything.  place = row in the window * KERNEL + column. */
#line 22 "templates/cuda/max_pool.cu"
#include "prelude.h"

ENTRY(NAME)
{
    ELEMENT(HALF_OUT) *y = a[0].p;
    uint8_t *place = a[1].p;
    const ELEMENT(HALF_IN) *x = a[2].p;
    const INDEX nimage = a[3].i, h = a[4].i, w = a[5].i, nc = a[6].i / VECTOR;
    const int height = (int)a[12].i, width = (int)a[13].i;

    FOR_INDEX(i, nimage * h * w * nc)
    {
        const INDEX c = i % nc, cell = i / nc, image = cell / (h * w);
        const int top = (int)(cell / w % h) * STRIDE - PAD;
        const int left = (int)(cell % w) * STRIDE - PAD;
        const int first =
            (top < 0 ? -top * KERNEL : 0) + (left < 0 ? -left : 0);
        Vector<ELEMENT(HALF_OUT), VECTOR> best;
        Vector<uint8_t, VECTOR> where;
        float most[VECTOR];

        for (int e = 0; e < VECTOR; e++)
            most[e] = -INFINITY, where.at[e] = (uint8_t)first;
        for (int k = 0; k < KERNEL * KERNEL; k++) {
            const int row = top + k / KERNEL, column = left + k % KERNEL;

            if (row < 0 || row >= height || column < 0 || column >= width)
                continue;
            const auto v = load_vector<VECTOR>(
                x +
                (((image * height + row) * width + column) * nc + c) * VECTOR);
            for (int e = 0; e < VECTOR; e++) {
                const float now = value_of(v.at[e]);

                if (now > most[e] || now != now)
                    most[e] = now, where.at[e] = (uint8_t)k;
            }
        }
        for (int e = 0; e < VECTOR; e++)
            put(&best.at[e], most[e]);
        save_vector(y + i * VECTOR, best);
        if (place)
            save_vector(place + i * VECTOR, where);
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
#undef VECTOR
#undef BLOCK
#undef ARGS
