/* resize.c - the resize against its formula, pixel by pixel, at odd sizes; the
 * size that keeps the aspect ratio. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "runtime/data/data.h"

static void
fill(u8 *rows, u64 n)
{
    u32 x = 12345;

    for (u64 i = 0; i < n; i++) {
        x = x * 1664525u + 1013904223u;
        rows[i] = (u8)(x >> 24);
    }
}

/* One axis of the formula: input places and weights of output d. */
static void
axis(int d, int from, int to, int across, int at[2], int weight[2])
{
    float f = (float)((d + 0.5) * (1.0 / (to / (double)from)) - 0.5);
    int s = (int)floorf(f);

    f -= (float)s;
    if (across && (s < 0 || s >= from - 1)) {
        s = s < 0 ? 0 : from - 1;
        f = 0;
    }
    weight[0] = (int)rintf((1 - f) * 2048);
    weight[1] = (int)rintf(f * 2048);
    at[0] = s < 0 ? 0 : s;
    at[1] = s + 1 < from ? s + 1 : from - 1;
}

static int
formula(const u8 *rgb, int h, int w, int nh, int nw, int y, int x, int c)
{
    int sx[2], sy[2], a[2], b[2], sum[2];

    if (h == nh && w == nw)
        return rgb[(y * w + x) * 3 + c];
    if (h == 2 * nh && w == 2 * nw) {
        const u8 *p = rgb + (2 * y * w + 2 * x) * 3 + c;

        return (p[0] + p[3] + p[3 * w] + p[3 * w + 3] + 2) >> 2;
    }
    axis(x, w, nw, 1, sx, a);
    axis(y, h, nh, 0, sy, b);
    for (int i = 0; i < 2; i++)
        sum[i] = rgb[(sy[i] * w + sx[0]) * 3 + c] * a[0] +
                 rgb[(sy[i] * w + sx[1]) * 3 + c] * a[1];
    return (((b[0] * (sum[0] >> 4)) >> 16) + ((b[1] * (sum[1] >> 4)) >> 16) +
            2) >>
           2;
}

static int
resizes(int h, int w, int nh, int nw)
{
    u64 row = (u64)nw * 3 + 5; /* five bytes beside the picture stay */
    u8 *rgb = malloc((u64)(h * w * 3)), *to = malloc((u64)nh * row);
    void *scratch = malloc(resize_scratch(h, w, nh, nw));
    int good = 1;

    fill(rgb, (u64)(h * w * 3));
    memset(to, 77, (u64)nh * row);
    resize_u8(rgb, h, w, to, nh, nw, row, scratch);
    for (int y = 0; y < nh; y++) {
        for (int i = 0; i < nw * 3; i++)
            good &= to[(u64)y * row + (u64)i] ==
                    formula(rgb, h, w, nh, nw, y, i / 3, i % 3);
        for (int i = 0; i < 5; i++)
            good &= to[(u64)y * row + (u64)nw * 3 + (u64)i] == 77;
    }
    free(rgb);
    free(to);
    free(scratch);
    return good;
}

static void
resizing(void)
{
    static const struct {
        const char *name;
        int h, w, nh, nw;
    } job[] = {
        {"resize/one-pixel-grows", 1, 1, 7, 5},
        {"resize/to-one-pixel", 13, 11, 1, 1},
        {"resize/one-row", 1, 17, 1, 40},
        {"resize/one-row-grows", 1, 17, 9, 6},
        {"resize/one-column", 19, 1, 31, 1},
        {"resize/primes-up", 31, 37, 61, 67},
        {"resize/primes-down", 61, 67, 31, 37},
        {"resize/far-down", 97, 89, 3, 2},
        {"resize/half", 62, 46, 31, 23},
        {"resize/half-one-way", 62, 46, 31, 46},
        {"resize/half-other-way", 62, 46, 62, 23},
        {"resize/double", 31, 23, 62, 46},
        {"resize/same", 31, 23, 31, 23},
        {"resize/third", 93, 69, 31, 23},
        {"resize/up-and-down", 40, 90, 80, 45},
    };

    for (u32 i = 0; i < countof(job); i++)
        check(resizes(job[i].h, job[i].w, job[i].nh, job[i].nw), job[i].name,
              "differs from the formula");
}

static void
targets(void)
{
    static const struct {
        i32 h, w, longest, shortest, nh, nw;
    } job[] = {
        {480, 640, 1000, 600, 600, 800},   {576, 768, 1333, 400, 400, 533},
        {300, 1500, 1000, 600, 200, 1000}, {600, 1000, 1000, 600, 600, 1000},
        {1, 65500, 1000, 600, 1, 1000},    {7, 3, 1000, 600, 1000, 429},
    };
    int good = 1;

    for (u32 i = 0; i < countof(job); i++) {
        i32 nh, nw;

        image_target(job[i].h, job[i].w, job[i].longest, job[i].shortest, &nh,
                     &nw);
        good &= nh == job[i].nh && nw == job[i].nw;
        image_target(job[i].w, job[i].h, job[i].longest, job[i].shortest, &nw,
                     &nh);
        good &= nh == job[i].nh && nw == job[i].nw;
    }
    check(good, "image/target", "another size");
}

int
main(void)
{
    resizing();
    targets();
    return failed;
}
