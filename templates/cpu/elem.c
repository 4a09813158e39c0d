/* elem - one number per element of a space, in one pass over memory.
 *
 * The space is rows x inner; a row's place in each operand is decoded from its
 * number, the inner axis is walked in tiles.
 * arguments: rows, inner, then what slot `args` unpacks
 * slots: args  pointers, sizes and strides
 *        row   where row `row` lies in each operand
 *        tile  random numbers of elements j0 .. j1-1
 *        body  element j */
#ifndef NAME
#define NAME elem
#define TILE 2048
#endif
#include "prelude.h"

ENTRY(NAME)
{
    const int64_t rows = a[0].i, inner = a[1].i;
    const int64_t tiles = (inner + TILE - 1) / TILE;
    //@slot args
#pragma omp parallel for schedule(static) if (rows * inner > 8192)
    for (int64_t t = 0; t < rows * tiles; t++) {
        const int64_t row = t / tiles, j0 = t % tiles * TILE;
        const int64_t j1 = j0 + TILE < inner ? j0 + TILE : inner;
        (void)row;
        //@slot row
        //@slot tile
#pragma omp simd
        for (int64_t j = j0; j < j1; j++) {
            //@slot body
        }
    }
}
