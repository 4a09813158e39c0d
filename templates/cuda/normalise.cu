/* normalise - pixels to numbers: (x - mean) / std per channel in the valid part
 * of each picture, 0 beyond it.
 *
 * y [B,H,W,3] <- x [B,H,W,3] u8, size [B,2] i32 (valid height, width)
 * MEAN0 MEAN1 MEAN2 STD0 STD1 STD2; HALF_OUT  1: y is bf16 */
#ifndef NAME
#define NAME  normalise
#define BLOCK 256
#define ARGS  13
#define MEAN0 123.675
#define MEAN1 116.28
#define MEAN2 103.53
#define STD0  58.395
#define STD1  57.12
#define STD2  57.375
#define INDEX uint32_t
#define HALF_OUT 0
#endif
#include "prelude.h"

CUDA_KERNEL(NAME)
{
    ELEMENT(HALF_OUT) *y = a[0].p;
    const uint8_t *x = a[1].p;
    const int32_t *size = a[2].p;
    const INDEX nimage = a[3].i, height = a[4].i, width = a[5].i;

    FOR_INDEX (i, nimage * height * width * 3) {
        const INDEX c = i % 3, column = i / 3 % width, row = i / 3 / width;
        const int32_t *valid = size + row / height * 2;
        float mean = (float)(c == 0 ? MEAN0 : c == 1 ? MEAN1 : MEAN2);
        float std = (float)(c == 0 ? STD0 : c == 1 ? STD1 : STD2);
        bool inside = row % height < valid[0] && column < valid[1];

        put(&y[i], inside ? ((float)x[i] - mean) / std : 0.0f);
    }
}
