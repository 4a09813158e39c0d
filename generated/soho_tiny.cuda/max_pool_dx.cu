/* made by sohoc from templates/cuda/max_pool_dx.cu for max_pool_dx
 * (lib/neck.lua:8 < lib/neck.lua:36 < lib/vqa.lua:11 < lib/vqa.lua:22) */
#define NAME max_pool_dx
#define RANK0 4
#define RANK1 4
#define RANK2 4
#define KERNEL 2
#define STRIDE 2
#define PAD 0
#define HALF_OUT 0
#define HALF_IN 0
#define INDEX uint32_t
#define BLOCK 256
#define ARGS 15
#line 1 "templates/cuda/max_pool_dx.cu"
/* max_pool_dx - gradient of max_pool: each input collects from the windows
 * whose maximum it was, in row-major order of the windows.
 *
 * dx [B,H,W,C] <- dy [B,h,w,C], place [B,h,w,C] u8 as max_pool writes it
 * KERNEL STRIDE PAD; HALF_IN HALF_OUT  1: dy, dx is of halves */
#line 17 "templates/cuda/max_pool_dx.cu"
#include "prelude.h"

#define first_window LOCAL(first_window)
#define end_window   LOCAL(end_window)

/* First window that reaches row (column) `at`, of n. */
static int
first_window(int at, int n)
{
    int reach = at + PAD - KERNEL + STRIDE;

    return reach < 0 ? 0 : (int)clamp_i64(reach / STRIDE, 0, n);
}

/* One past the last window that does. */
static int
end_window(int at, int n)
{
    return (int)clamp_i64((at + PAD) / STRIDE + 1, 0, n);
}

ENTRY(NAME)
{
    ELEMENT(HALF_OUT) *dx = a[0].p;
    const ELEMENT(HALF_IN) *dy = a[1].p;
    const uint8_t *place = a[2].p;
    const INDEX nimage = a[3].i, height = a[4].i, width = a[5].i, nc = a[6].i;
    const int h = (int)a[8].i, w = (int)a[9].i;

    FOR_INDEX(at, nimage * height * width * nc)
    {
        const INDEX c = at % nc, cell = at / nc;
        const INDEX image = cell / (height * width) * h * w;
        const int y = (int)(cell / width % height), x = (int)(cell % width);
        float sum = 0.0f;

        for (int i = first_window(y, h); i < end_window(y, h); i++)
            for (int j = first_window(x, w); j < end_window(x, w); j++) {
                const INDEX from = (image + i * w + j) * nc + c;
                const int own =
                    (y + PAD - i * STRIDE) * KERNEL + x + PAD - j * STRIDE;

                sum += place[from] == own ? value_of(dy[from]) : 0.0f;
            }
        put(&dx[at], sum);
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
#undef BLOCK
#undef ARGS
#undef first_window
#undef end_window
