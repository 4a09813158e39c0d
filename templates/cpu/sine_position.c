/* sine_position - where a grid cell lies, as sines of growing wavelength.
 *
 * y [B,h,w,CHANNELS] <- mask [B,h,w], 1 on the picture
 *
 * The first half of the channels tells the row, the second the column.  A
 * cell's row v is the sum of the mask down to it over the column's sum, times
 * 2 pi; channel i of a half is sin (even i) or cos (odd i) of v / t_i with
 * t_i = 10000^(2 floor(i/2) / half). */
#ifndef NAME
#define NAME     sine_position
#define CHANNELS 768
#endif
#include "prelude.h"

#define waves LOCAL(waves)
#define HALF  (CHANNELS / 2)
#define CHUNK 256

/* Channels first .. first+n-1 of one half, first even. */
static void
waves(float *y, float v, const float *t, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        y[i] = turn_f32(v / t[i], (uint32_t)i & 1);
}

ENTRY(NAME)
{
    float *y = a[0].p;
    const float *mask = a[1].p;
    int64_t nimage = a[2].i, h = a[3].i, w = a[4].i;

    for (int64_t first = 0; first < HALF; first += CHUNK) {
        int64_t n = HALF - first < CHUNK ? HALF - first : CHUNK;
        float t[CHUNK];

        for (int64_t i = 0; i < n; i++)
            t[i] = (float)pow(1e4, (double)((first + i) / 2 * 2) / HALF);
#pragma omp parallel for schedule(static)
        for (int64_t cell = 0; cell < nimage * h * w; cell++) {
            int64_t row = cell / w % h, column = cell % w;
            const float *corner = mask + cell / (h * w) * (h * w);
            float *out = y + cell * CHANNELS + first;

            waves(out, turn_at(corner + column, h, w, row), t, n);
            waves(out + HALF, turn_at(corner + row * w, w, 1, column), t, n);
        }
    }
}
