/* made by sohoc from templates/cpu/elem.c for elem_copy of language.bert.encoder.layer.1.attention.self.key
 * (lib/nn.lua:20 < lib/bert.lua:15 < lib/bert.lua:32 < lib/bert.lua:61 < lib/vqa.lua:14 < lib/vqa.lua:22) */
#define NAME elem_copy_n2
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
    const int64_t i_n1 = a[4].i;
    const int64_t s0_i0 = a[5].i;
    const int64_t s0_i1 = a[6].i;
    const int64_t s0_j = a[7].i;
    const int64_t s1_i0 = a[8].i;
    const int64_t s1_i1 = a[9].i;
#line 21 "templates/cpu/elem.c"
#pragma omp parallel for schedule(static) if (rows * inner > 8192)
    for (int64_t t = 0; t < rows * tiles; t++) {
        const int64_t row = t / tiles, j0 = t % tiles * TILE;
        const int64_t j1 = j0 + TILE < inner ? j0 + TILE : inner;
        (void)row;
        const int64_t i1 = row % i_n1;
        const int64_t i_q1 = row / i_n1;
        const int64_t i0 = i_q1;
        const float *const x0 = p0 + i0 * s0_i0 + i1 * s0_i1;
        float *const x1 = p1 + i0 * s1_i0 + i1 * s1_i1;
#line 28 "templates/cpu/elem.c"
#pragma omp simd
        for (int64_t j = j0; j < j1; j++) {
#line 20 "lib/nn.lua"
            const float v0 = x0[j * s0_j];
            x1[j] = v0;
#line 31 "templates/cpu/elem.c"
        }
    }
}
#undef NAME
#undef TILE
