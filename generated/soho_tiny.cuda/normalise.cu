/* made by sohoc from templates/cuda/normalise.cu for image
 * (lib/image.lua:7 < lib/vqa.lua:9 < lib/vqa.lua:22) */
#define NAME normalise
#define RANK0 4
#define RANK1 4
#define RANK2 2
#define MEAN0 123.675
#define MEAN1 116.28
#define MEAN2 103.53
#define MEAN_N 3
#define STD0 58.395000000000003
#define STD1 57.119999999999997
#define STD2 57.375
#define STD_N 3
#define CELL 2
#define BEFORE 2
#define AFTER 1
#define CHANNELS 16
#define HALF_OUT 0
#define HALF_IN 0
#define INDEX uint32_t
#define BLOCK 256
#define ARGS 13
#line 1 "templates/cuda/normalise.cu"
/* normalise - pixels to numbers: (x - mean) / std per channel in the valid part
 * of each picture, 0 beyond it.
 *
 * y [B,BEFORE+H/CELL+AFTER,..,CHANNELS] <- x [B,H,W,3] u8, size [B,2] i32
 * (valid height, width); pixels of CELL x CELL lie beside each other, in the
 * first of CHANNELS; MEAN0 MEAN1 MEAN2 STD0 STD1 STD2; HALF_OUT  1: y is of
 * halves.  A thread has a cell. */
#line 24 "templates/cuda/normalise.cu"
#include "prelude.h"

#define VECTOR    (CHANNELS % 8 == 0 ? 8 : 1)
#define normal_of LOCAL(normal_of)

INLINE float
normal_of(uint8_t x, int c)
{
    const float mean = (float)(c == 0 ? MEAN0 : c == 1 ? MEAN1 : MEAN2);
    const float std = (float)(c == 0 ? STD0 : c == 1 ? STD1 : STD2);

    return ((float)x - mean) / std;
}

ENTRY(NAME)
{
    ELEMENT(HALF_OUT) *y = a[0].p;
    const uint8_t *x = a[1].p;
    const int32_t *size = a[2].p;
    const INDEX nimage = a[3].i, rows = a[4].i, columns = a[5].i;
    const int height = (int)a[8].i, width = (int)a[9].i;

    FOR_INDEX(cell, nimage * rows * columns)
    {
        const INDEX image = cell / columns / rows;
        const int32_t *valid = size + image * 2;
        const int top = ((int)(cell / columns % rows) - BEFORE) * CELL;
        const int left = ((int)(cell % columns) - BEFORE) * CELL;
        const int bottom = valid[0] < height ? valid[0] : height;
        const int right = valid[1] < width ? valid[1] : width;

#pragma unroll
        for (int first = 0; first < CHANNELS; first += VECTOR) {
            Vector<ELEMENT(HALF_OUT), VECTOR> v;

#pragma unroll
            for (int e = 0; e < VECTOR; e++) {
                const int k = (first + e) / 3, c = (first + e) % 3;
                const int row = top + k / CELL, column = left + k % CELL;
                const bool is = k < CELL * CELL && row >= 0 && row < bottom &&
                                column >= 0 && column < right;
                const INDEX at = (image * height + row) * width + column;

                put(&v.at[e], is ? normal_of(x[at * 3 + c], c) : 0.0f);
            }
            save_vector(y + (int64_t)cell * CHANNELS + first, v);
        }
    }
}
#undef NAME
#undef RANK0
#undef RANK1
#undef RANK2
#undef MEAN0
#undef MEAN1
#undef MEAN2
#undef MEAN_N
#undef STD0
#undef STD1
#undef STD2
#undef STD_N
#undef CELL
#undef BEFORE
#undef AFTER
#undef CHANNELS
#undef HALF_OUT
#undef HALF_IN
#undef INDEX
#undef BLOCK
#undef ARGS
#undef VECTOR
#undef normal_of
