/* made by sohoc from templates/cpu/elem.c for elem_gelu_gelu_slope
 * (lib/bert.lua:34 < lib/bert.lua:61 < lib/vqa.lua:14 < lib/vqa.lua:22) */
#define NAME elem_gelu_gelu_slope
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
    float *const p1 = a[3].p;
    float *const p2 = a[4].p;
#line 21 "templates/cpu/elem.c"
#pragma omp parallel for schedule(static) if (rows * inner > 8192)
    for (int64_t t = 0; t < rows * tiles; t++) {
        const int64_t row = t / tiles, j0 = t % tiles * TILE;
        const int64_t j1 = j0 + TILE < inner ? j0 + TILE : inner;
        (void)row;
        const float *const x0 = p0;
        float *const x1 = p1;
        float *const x2 = p2;
#line 28 "templates/cpu/elem.c"
#pragma omp simd
        for (int64_t j = j0; j < j1; j++) {
#line 34 "lib/bert.lua"
            const float v0 = gelu_f32(x0[j]);
            x1[j] = v0;
            const float v1 = gelu_slope_f32(x0[j]);
            x2[j] = v1;
#line 31 "templates/cpu/elem.c"
        }
    }
}
#undef NAME
#undef TILE
