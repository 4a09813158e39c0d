/* sine_position - where a grid cell lies, as sines of growing wavelength.
 *
 * y [B,h,w,CHANNELS] <- mask [B,h,w], 1 on the picture
 *
 * The first half of the channels tells the row, the second the column.  A
 * cell's row v is the sum of the mask down to it over the column's sum, times 2
 * pi; channel i of a half is sin (even i) or cos (odd i) of v / t_i with t_i =
 * 10000^(2 floor(i/2) / half).  A block has a cell at a time. */
#ifndef NAME
#define NAME     sine_position
#define BLOCK    256
#define ARGS     9
#define CHANNELS 768
#endif
#include "prelude.h"

#define HALF (CHANNELS / 2)

ENTRY(NAME)
{
    float *y = a[0].p;
    const float *mask = a[1].p;
    int64_t nimage = a[2].i, h = a[3].i, w = a[4].i;

    for (int64_t cell = blockIdx.x; cell < nimage * h * w; cell += gridDim.x) {
        int64_t row = cell / w % h, column = cell % w;
        const float *corner = mask + cell / (h * w) * (h * w);
        float down = turn_at(corner + column, h, w, row);
        float across = turn_at(corner + row * w, w, 1, column);

        for (int i = threadIdx.x; i < HALF; i += BLOCK) {
            float t = (float)pow(1e4, (double)(i / 2 * 2) / HALF);
            float *out = y + cell * CHANNELS + i;

            out[0] = turn_f32(down / t, (uint32_t)i & 1);
            out[HALF] = turn_f32(across / t, (uint32_t)i & 1);
        }
    }
}
