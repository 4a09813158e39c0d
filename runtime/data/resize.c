/* resize.c - OpenCV's bilinear resize of 8-bit RGB, bit for bit.
 *
 * In: rows of RGB.  Out: rows of RGB of another size.  Weights are whole
 * numbers of 1/2048; a row is first stretched sideways (sums of 19 bits, kept
 * without their lowest 4), then two such rows are blended.  Exactly half the
 * size in both directions is the mean of 2 x 2, the same size is a copy.
 *
 * scratch: i32 left[nw] | u16 weight[nw*2] | u16 near[nw*3] | u16 far[nw*3] */
#include "runtime/data/data.h"

#include <math.h>
#include <string.h>

enum { ONE = 2048 };

/* Where output index d falls between input indices: *at (from -1 up) and the
 * weights of it and of the next one.  OpenCV's types matter here: the place
 * is computed in double, rounded to float, and split there. */
static void
locate(i32 d, i32 from, i32 to, i32 *at, u16 weight[2], int clamp)
{
    f64 scale = 1.0 / (to / (f64)from);
    f32 f = (f32)((d + 0.5) * scale - 0.5);
    i32 s = (i32)floorf(f);

    f -= (f32)s;
    if (clamp && s < 0) {
        s = 0;
        f = 0;
    }
    if (clamp && s >= from - 1) {
        s = from - 1;
        f = 0;
    }
    *at = s;
    weight[0] = (u16)lrintf((1.0f - f) * ONE);
    weight[1] = (u16)lrintf(f * ONE);
}

/* One input row stretched to nw pixels, in units of 16/2048. */
static void
stretch(const u8 *row, i32 w, u16 *to, i32 nw, const i32 *left,
        const u16 *weight)
{
    for (i32 x = 0; x < nw; x++) {
        const u8 *a = row + (i64)left[x] * 3;
        const u8 *b = left[x] + 1 < w ? a + 3 : a;
        i32 wa = weight[2 * x], wb = weight[2 * x + 1];

        for (int c = 0; c < 3; c++)
            to[3 * x + c] = (u16)((a[c] * wa + b[c] * wb) >> 4);
    }
}

static void
blend(const u16 *upper, const u16 *lower, u16 wu, u16 wl, u8 *to, i32 n)
{
#pragma omp simd
    for (i32 i = 0; i < n; i++)
        to[i] = (u8)(((wu * upper[i] >> 16) + (wl * lower[i] >> 16) + 2) >> 2);
}

static void
halve(const u8 *rgb, i32 w, u8 *to, i32 nh, i32 nw, u64 row_bytes)
{
    u64 row = (u64)w * 3;

    for (i32 y = 0; y < nh; y++, to += row_bytes) {
        const u8 *a = rgb + 2 * (u64)y * row;

        for (i32 x = 0; x < nw; x++, a += 6)
            for (int c = 0; c < 3; c++)
                to[3 * x + c] =
                    (u8)((a[c] + a[c + 3] + a[row + c] + a[row + c + 3] + 2) >>
                         2);
    }
}

u64
resize_scratch(i32 h, i32 w, i32 nh, i32 nw)
{
    (void)h, (void)w, (void)nh;
    return (u64)nw * (2 * 3 * sizeof(u16) + sizeof(i32) + 2 * sizeof(u16));
}

/* The general case.  Going down, last time's lower row is mostly the upper one
 * now, or both are the same as before. */
static void
resize_linear(const u8 *rgb, i32 h, i32 w, u8 *to, i32 nh, i32 nw,
              u64 row_bytes, void *scratch)
{
    i32 *left = scratch;
    u16 *weight = (u16 *)(left + nw);
    u16 *upper = weight + 2 * (i64)nw, *lower = upper + 3 * (i64)nw;
    i32 upper_at = -1, lower_at = -1;

    for (i32 x = 0; x < nw; x++)
        locate(x, w, nw, &left[x], weight + 2 * x, 1);
    for (i32 y = 0; y < nh; y++, to += row_bytes) {
        u16 part[2];
        i32 s, next;

        locate(y, h, nh, &s, part, 0);
        next = s + 1 < h ? s + 1 : h - 1;
        s = s < 0 ? 0 : s;
        if (s == lower_at) {
            u16 *swap = upper;

            upper = lower, lower = swap;
            lower_at = upper_at, upper_at = s;
        }
        if (s != upper_at)
            stretch(rgb + (i64)s * w * 3, w, upper, nw, left, weight);
        if (next != lower_at)
            stretch(rgb + (i64)next * w * 3, w, lower, nw, left, weight);
        upper_at = s, lower_at = next;
        blend(upper, lower, part[0], part[1], to, nw * 3);
    }
}

void
resize_u8(const u8 *rgb, i32 h, i32 w, u8 *to, i32 nh, i32 nw, u64 row_bytes,
          void *scratch)
{
    if (h == nh && w == nw) {
        for (i32 y = 0; y < nh; y++)
            memcpy(to + (u64)y * row_bytes, rgb + (u64)y * (u64)w * 3,
                   (u64)w * 3);
    } else if (h == 2 * nh && w == 2 * nw) {
        halve(rgb, w, to, nh, nw, row_bytes);
    } else {
        resize_linear(rgb, h, w, to, nh, nw, row_bytes, scratch);
    }
}
