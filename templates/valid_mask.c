/* valid_mask - 1 where a cell of the feature grid lies on the picture.
 *
 * y [B,h,w] f32 <- size [B,2] i32 (valid height, width)
 * IMAGE0 IMAGE1  padded height and width; SQUARE 1: the height serves for both
 *
 * A cell looks at one pixel, that of PyTorch's nearest resize: the float scale
 * in/out times the cell's index, rounded down. */
#ifndef NAME
#define NAME   valid_mask
#define BLOCK  256
#define ARGS   7
#define IMAGE0 608
#define IMAGE1 1024
#define SQUARE 0
#endif
#include "prelude.h"

#define pixel_of LOCAL(pixel_of)

/* Pixel that cell `at` of `out` looks at, in an image of `in`. */
static int64_t
pixel_of(int64_t at, int64_t in, int64_t out)
{
    float scale = (float)in / (float)out;
    int64_t pixel = (int64_t)((float)at * scale);

    return pixel < in - 1 ? pixel : in - 1;
}

ENTRY(NAME)
{
    float *y = a[0].p;
    const int32_t *size = a[1].p;
    int64_t nimage = a[2].i, h = a[3].i, w = a[4].i;
    int64_t height = IMAGE0, width = SQUARE ? IMAGE0 : IMAGE1;

    FOR_EACH (cell, nimage * h * w) {
        const int32_t *valid = size + cell / (h * w) * 2;
        int inside = pixel_of(cell / w % h, height, h) < valid[0] &&
                     pixel_of(cell % w, width, w) < valid[1];

        y[cell] = inside ? 1.0f : 0.0f;
    }
}
