/* made by sohoc from templates/cpu/normalise.c for image
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
#define CELL 1
#define BEFORE 0
#define AFTER 0
#define CHANNELS 3
#line 1 "templates/cpu/normalise.c"
/* normalise - pixels to numbers: (x - mean) / std per channel in the valid
 * part of each picture, 0 beyond it.
 *
 * y [B,BEFORE+H/CELL+AFTER,..,CHANNELS] f32 <- x [B,H,W,3] u8, size [B,2] i32
 * (valid height, width)
 * MEAN0 MEAN1 MEAN2 STD0 STD1 STD2
 * CELL  pixels of CELL x CELL lie beside each other; 1: as they are */
#line 19 "templates/cpu/normalise.c"
#include "prelude.h"

#define pixels LOCAL(pixels)

/* One row of n numbers; 48 = 16 pixels, so that channels line up. */
static void
pixels(float *y, const uint8_t *x, int64_t n)
{
    static const float mean[3] = {(float)MEAN0, (float)MEAN1, (float)MEAN2};
    static const float std[3] = {(float)STD0, (float)STD1, (float)STD2};
    float m[48], s[48];

    for (int k = 0; k < 48; k++) {
        m[k] = mean[k % 3];
        s[k] = std[k % 3];
    }
    for (int64_t i = 0; i < n; i += 48) {
        int64_t count = n - i < 48 ? n - i : 48;

#pragma omp simd
        for (int64_t k = 0; k < count; k++)
            y[i + k] = ((float)x[i + k] - m[k]) / s[k];
    }
}

#if CELL == 1
ENTRY(NAME)
{
    float *y = a[0].p;
    const uint8_t *x = a[1].p;
    const int32_t *size = a[2].p;
    int64_t nimage = a[3].i, height = a[4].i, width = a[5].i;

#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < nimage * height; row++) {
        const int32_t *valid = size + row / height * 2;
        int64_t n = 3 * clamp_i64(valid[1], 0, width);

        if (row % height >= valid[0])
            n = 0;
        pixels(y + row * width * 3, x + row * width * 3, n);
        for (int64_t i = n; i < 3 * width; i++)
            y[row * width * 3 + i] = 0.0f;
    }
}
#else
ENTRY(NAME)
{
    float *y = a[0].p;
    const uint8_t *x = a[1].p;
    const int32_t *size = a[2].p;
    int64_t rows = a[4].i, columns = a[5].i, channels = a[6].i;
    int64_t height = a[8].i, width = a[9].i;

#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < a[3].i * rows * columns; i++) {
        int64_t image = i / (rows * columns);
        int64_t top = (i / columns % rows - BEFORE) * CELL;
        int64_t left = (i % columns - BEFORE) * CELL;
        float *to = y + i * channels;

        for (int64_t k = 0; k < channels; k++)
            to[k] = 0.0f;
        for (int64_t k = 0; k < CELL * CELL; k++) {
            int64_t row = top + k / CELL, column = left + k % CELL;

            if (row >= 0 && row < height && row < size[2 * image] &&
                column >= 0 && column < width && column < size[2 * image + 1])
                pixels(to + 3 * k,
                       x + ((image * height + row) * width + column) * 3, 3);
        }
    }
}
#endif
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
#undef pixels
