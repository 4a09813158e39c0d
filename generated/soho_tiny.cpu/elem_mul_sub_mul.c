/* made by sohoc from templates/cpu/elem.c for elem_mul_sub_mul of neck.conv.bn
 * (lib/nn.lua:55 < lib/neck.lua:36 < lib/vqa.lua:11 < lib/vqa.lua:22) */
#define NAME elem_mul_sub_mul
#define TILE 2048
#line 1 "templates/cpu/elem.c"
/* elem - one number per element of a space, in one pass over memory.
 *
 * The space is rows x inner; a row's place in each operand is decoded from its
 * number, the inner axis is walked in tiles.
 * arguments: rows, inner, then what slot `args` unpacks
 * slots: args  pointers, sizes and strides
 *        row   where row `row` lies in each operand
 *        tile  random numbers of elements j0 .. j1-1
 *        body  element j */
#line 14 "templates/cpu/elem.c"
#include "prelude.h"

ENTRY(NAME)
{
    const int64_t rows = a[0].i, inner = a[1].i;
    const int64_t tiles = (inner + TILE - 1) / TILE;
    const float *const p0 = a[2].p;
    const float *const p1 = a[3].p;
    const float *const p2 = a[4].p;
    const float *const p3 = a[5].p;
    float *const p4 = a[6].p;
    const int64_t s0_i0 = a[7].i;
    const int64_t s2_i0 = a[8].i;
    const int64_t s4_i0 = a[9].i;
#line 21 "templates/cpu/elem.c"
#pragma omp parallel for schedule(static) if (rows * inner > 8192)
    for (int64_t t = 0; t < rows * tiles; t++) {
        const int64_t row = t / tiles, j0 = t % tiles * TILE;
        const int64_t j1 = j0 + TILE < inner ? j0 + TILE : inner;
        (void)row;
        const int64_t i0 = row;
        const float *const x0 = p0 + i0 * s0_i0;
        const float *const x1 = p1;
        const float *const x2 = p2 + i0 * s2_i0;
        const float *const x3 = p3;
        float *const x4 = p4 + i0 * s4_i0;
#line 28 "templates/cpu/elem.c"
#pragma omp simd
        for (int64_t j = j0; j < j1; j++) {
#line 55 "lib/nn.lua"
            const float v0 = x0[j] * x1[j];
            const float v1 = x2[j] - v0;
            const float v2 = v1 * x3[j];
            x4[j] = v2;
#line 31 "templates/cpu/elem.c"
        }
    }
}
#undef NAME
#undef TILE
