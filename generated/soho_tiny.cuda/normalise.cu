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
#define BLOCK 256
#define ARGS 13
#line 1 "templates/cuda/normalise.cu"
/* normalise - pixels to numbers: (x - mean) / std per channel in the valid part
 * of each picture, 0 beyond it.
 *
 * y [B,H,W,3] f32 <- x [B,H,W,3] u8, size [B,2] i32 (valid height, width)
 * MEAN0 MEAN1 MEAN2 STD0 STD1 STD2 */
#line 17 "templates/cuda/normalise.cu"
#include "prelude.h"

CUDA_KERNEL(NAME)
{
    float *y = a[0].p;
    const uint8_t *x = a[1].p;
    const int32_t *size = a[2].p;
    int64_t nimage = a[3].i, height = a[4].i, width = a[5].i;

    FOR_EACH (i, nimage * height * width * 3) {
        int64_t c = i % 3, column = i / 3 % width, row = i / 3 / width;
        const int32_t *valid = size + row / height * 2;
        float mean = (float)(c == 0 ? MEAN0 : c == 1 ? MEAN1 : MEAN2);
        float std = (float)(c == 0 ? STD0 : c == 1 ? STD1 : STD2);
        bool inside = row % height < valid[0] && column < valid[1];

        y[i] = inside ? ((float)x[i] - mean) / std : 0.0f;
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
#undef BLOCK
#undef ARGS
