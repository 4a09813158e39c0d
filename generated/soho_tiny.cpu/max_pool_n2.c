/* made by sohoc from templates/cpu/max_pool.c for max_pool
 * (lib/neck.lua:8 < lib/neck.lua:36 < lib/vqa.lua:11 < lib/vqa.lua:22) */
#define NAME max_pool_n2
#define RANK0 4
#define RANK1 4
#define RANK2 4
#define KERNEL 2
#define STRIDE 2
#define PAD 0
#line 1 "templates/cpu/max_pool.c"
/* max_pool - maximum of a window, and its place in the window.
 *
 * y [B,h,w,C], place [B,h,w,C] u8 or NULL <- x [B,H,W,C]
 * KERNEL STRIDE PAD; h = (H + 2 PAD - KERNEL) / STRIDE + 1; KERNEL <= 15
 *
 * The first maximum in row-major order wins; NaN counts as larger than
 * everything.  place = row in the window * KERNEL + column. */
#line 14 "templates/cpu/max_pool.c"
#include "prelude.h"

#define window LOCAL(window)
#define CHUNK  64 /* channels at a time */

/* Channels c .. c+n-1, n <= CHUNK, of the window whose first row and column
 * are `top` and `left`, maybe outside of the image x. */
static void
window(const float *x, int64_t height, int64_t width, int64_t nc, int64_t top,
       int64_t left, int64_t n, float *y, uint8_t *place)
{
    int64_t skip_y = top < 0 ? -top : 0, skip_x = left < 0 ? -left : 0;
    int64_t end_y = clamp_i64(height - top, 0, KERNEL);
    int64_t end_x = clamp_i64(width - left, 0, KERNEL);
    float best[CHUNK];
    int32_t where[CHUNK];

    for (int k = 0; k < CHUNK; k++) {
        best[k] = -INFINITY;
        where[k] = (int32_t)(skip_y * KERNEL + skip_x);
    }
    for (int64_t i = skip_y; i < end_y; i++)
        for (int64_t j = skip_x; j < end_x; j++) {
            const float *from = x + ((top + i) * width + left + j) * nc;
            int32_t at = (int32_t)(i * KERNEL + j);

#pragma omp simd
            for (int64_t k = 0; k < n; k++) {
                float v = from[k];
                int32_t larger = (v > best[k]) | (v != v);

                where[k] = larger ? at : where[k];
                best[k] = larger ? v : best[k];
            }
        }
    for (int64_t k = 0; k < n; k++)
        y[k] = best[k];
    for (int64_t k = 0; place && k < n; k++)
        place[k] = (uint8_t)where[k];
}

ENTRY(NAME)
{
    float *y = a[0].p;
    uint8_t *place = a[1].p;
    const float *x = a[2].p;
    int64_t nimage = a[3].i, h = a[4].i, w = a[5].i, nc = a[6].i;
    int64_t height = a[12].i, width = a[13].i;

#pragma omp parallel for schedule(static)
    for (int64_t cell = 0; cell < nimage * h * w; cell++) {
        const float *image = x + cell / (h * w) * height * width * nc;
        int64_t top = cell / w % h * STRIDE - PAD;
        int64_t left = cell % w * STRIDE - PAD;

        for (int64_t c = 0; c < nc; c += CHUNK)
            window(image + c, height, width, nc, top, left,
                   nc - c < CHUNK ? nc - c : CHUNK, y + cell * nc + c,
                   place ? place + cell * nc + c : place);
    }
}
#undef NAME
#undef RANK0
#undef RANK1
#undef RANK2
#undef KERNEL
#undef STRIDE
#undef PAD
#undef window
#undef CHUNK
