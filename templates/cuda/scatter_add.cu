/* scatter_add - gradient of gather: rows of dy summed into the rows of a table
 * that an index names.
 *
 * table [rows,C] <- dy [..,C], index [..] i32;  RANK1 of dy, RANK2 of the index
 * SKIP   an index that adds nothing (-1: none)
 * ACCUM  1: adds to what the table holds; 0: the other rows become 0
 *
 * A block owns some rows of the table.  Its warps look through all indices, a
 * list of them at a time, and mark those of its rows; then the block adds what
 * is marked, in order: sums need no atomic operation, and their bits depend on
 * nothing but the input.  Indices are clamped as in gather. */
#ifndef NAME
#define NAME  scatter_add
#define BLOCK 256
#define ARGS  10
#define RANK1 3
#define RANK2 2
#define SKIP  -1
#define ACCUM 0
#endif
#include "prelude.h"

#define LIST  1024 /* indices at a time */
#define marks LOCAL(marks)

/* Bits of 32 indices from `first` on: which of them name a row of the block? */
static uint32_t
marks(const int32_t *index, int64_t first, int64_t n, int64_t nrow,
      int64_t begin, int64_t end)
{
    const int lane = (int)threadIdx.x % WARP;
    const int32_t i = first + lane < n ? index[first + lane] : (SKIP);
    const int64_t row = clamp_i64(i, 0, nrow - 1);
    const bool mine =
        first + lane < n && i != (SKIP) && row >= begin && row < end;

    return warp_or(mine ? 1u << lane : 0u);
}

ENTRY(NAME)
{
    float *table = a[0].p;
    const float *dy = a[1].p;
    const int32_t *index = a[2].p;
    int64_t nrow = a[3].i, nc = a[4].i, n = count_of(a, 5 + RANK1, RANK2);
    int64_t own = (nrow + gridDim.x - 1) / gridDim.x; /* rows of a block */
    int64_t begin = own * blockIdx.x;
    int64_t end = begin + own < nrow ? begin + own : nrow;
    SHARED(uint32_t, mark, LIST / WARP);

    for (int64_t i = begin * nc + threadIdx.x; !ACCUM && i < end * nc;
         i += BLOCK)
        table[i] = 0.0f;
    for (int64_t first = 0; first < n; first += LIST) {
        SYNC();
        for (int w = (int)threadIdx.x / WARP; w < LIST / WARP;
             w += BLOCK / WARP) {
            uint32_t m = marks(index, first + w * WARP, n, nrow, begin, end);

            if (threadIdx.x % WARP == 0)
                mark[w] = m;
        }
        SYNC();
        for (int w = 0; w < LIST / WARP; w++)
            for (uint32_t m = mark[w]; m; m &= m - 1) {
                int64_t from = first + w * WARP + __ffs((int)m) - 1;
                int64_t row = clamp_i64(index[from], 0, nrow - 1);

                for (int64_t c = threadIdx.x; c < nc; c += BLOCK)
                    table[row * nc + c] += dy[from * nc + c];
            }
    }
}
