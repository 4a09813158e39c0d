/* max_pool_dx - gradient of max_pool: each input collects from the windows
 * whose maximum it was, in row-major order of the windows.
 *
 * dx [B,H,W,C] <- dy [B,h,w,C], place [B,h,w,C] u8 as max_pool writes it
 * KERNEL STRIDE PAD */
#ifndef NAME
#define NAME   max_pool_dx
#define KERNEL 3
#define STRIDE 2
#define PAD    1
#endif
#include "prelude.h"

#define first_window LOCAL(first_window)
#define end_window   LOCAL(end_window)

/* First window that reaches row (column) `at`, of n. */
static int64_t
first_window(int64_t at, int64_t n)
{
    int64_t reach = at + PAD - KERNEL + STRIDE;

    return reach < 0 ? 0 : clamp_i64(reach / STRIDE, 0, n);
}

/* One past the last window that does. */
static int64_t
end_window(int64_t at, int64_t n)
{
    return clamp_i64((at + PAD) / STRIDE + 1, 0, n);
}

ENTRY(NAME)
{
    float *dx = a[0].p;
    const float *dy = a[1].p;
    const uint8_t *place = a[2].p;
    int64_t nimage = a[3].i, height = a[4].i, width = a[5].i, nc = a[6].i;
    int64_t h = a[8].i, w = a[9].i;

#pragma omp parallel for schedule(static)
    for (int64_t cell = 0; cell < nimage * height * width; cell++) {
        int64_t y = cell / width % height, x = cell % width;
        int64_t image = cell / (height * width) * h * w;
        float *sum = dx + cell * nc;

        for (int64_t c = 0; c < nc; c++)
            sum[c] = 0.0f;
        for (int64_t i = first_window(y, h); i < end_window(y, h); i++)
            for (int64_t j = first_window(x, w); j < end_window(x, w); j++) {
                int64_t from = (image + i * w + j) * nc;
                const float *g = dy + from;
                const uint8_t *at = place + from;
                uint8_t own = (uint8_t)((y + PAD - i * STRIDE) * KERNEL + x +
                                        PAD - j * STRIDE);

#pragma omp simd
                for (int64_t c = 0; c < nc; c++)
                    sum[c] += at[c] == own ? g[c] : 0.0f;
            }
    }
}
