/* made by sohoc from templates/cpu/elem.c for elem_mul_add_relu of backbone.layer2.0.downsample.1
 * (lib/nn.lua:55 < lib/resnet.lua:104 < lib/resnet.lua:148 < lib/vqa.lua:10 < lib/vqa.lua:22) */
#define NAME elem_mul_add_relu_n3
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
    const float *const p4 = a[6].p;
    float *const p5 = a[7].p;
    float *const p6 = a[8].p;
    const int64_t s0_i0 = a[9].i;
    const int64_t s4_i0 = a[10].i;
    const int64_t s5_i0 = a[11].i;
    const int64_t s6_i0 = a[12].i;
#line 21 "templates/cpu/elem.c"
#pragma omp parallel for schedule(static) if (rows * inner > 8192)
    for (int64_t t = 0; t < rows * tiles; t++) {
        const int64_t row = t / tiles, j0 = t % tiles * TILE;
        const int64_t j1 = j0 + TILE < inner ? j0 + TILE : inner;
        (void)row;
        const int64_t i0 = row;
        const float *const x0 = p0 + i0 * s0_i0;
        const float *const x1 = p1;
        const float *const x2 = p2;
        const float *const x3 = p3;
        const float *const x4 = p4 + i0 * s4_i0;
        float *const x5 = p5 + i0 * s5_i0;
        float *const x6 = p6 + i0 * s6_i0;
#line 28 "templates/cpu/elem.c"
#pragma omp simd
        for (int64_t j = j0; j < j1; j++) {
#line 55 "lib/nn.lua"
            const float v0 = x0[j] * x1[j];
            x5[j] = v0;
            const float v1 = v0 * x2[j];
            const float v2 = v1 + x3[j];
#line 106 "lib/resnet.lua"
            const float v3 = x4[j] + v2;
            const float v4 = v3 > 0.0f ? v3 : 0.0f;
            x6[j] = v4;
#line 31 "templates/cpu/elem.c"
        }
    }
}
#undef NAME
#undef TILE
