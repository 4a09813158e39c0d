/* scatter_add - gradient of gather: rows of dy summed into the rows of a table
 * that an index names.
 *
 * table [rows,C] <- dy [..,C], index [..] i32;  RANK1 of dy, RANK2 of the index
 * SKIP   an index that adds nothing (-1: none)
 * ACCUM  1: adds to what the table holds; 0: the other rows become 0
 *
 * A block owns some rows of the table and looks through all indices in order,
 * a shared list of them at a time: sums need no atomic operation, and their
 * bits depend on nothing but the input.  Indices are clamped as in gather. */
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

#define LIST 1024 /* indices at a time */

CUDA_KERNEL(NAME)
{
    float *table = a[0].p;
    const float *dy = a[1].p;
    const int32_t *index = a[2].p;
    int64_t nrow = a[3].i, nc = a[4].i, n = count_of(a, 5 + RANK1, RANK2);
    int64_t own = (nrow + gridDim.x - 1) / gridDim.x; /* rows of a block */
    int64_t begin = own * blockIdx.x;
    int64_t end = begin + own < nrow ? begin + own : nrow;
    SHARED(int32_t, list, LIST);

    for (int64_t i = begin * nc + threadIdx.x; !ACCUM && i < end * nc;
         i += BLOCK)
        table[i] = 0.0f;
    for (int64_t first = 0; first < n; first += LIST) {
        int64_t count = n - first < LIST ? n - first : LIST;

        SYNC();
        for (int64_t i = threadIdx.x; i < count; i += BLOCK)
            list[i] = index[first + i];
        SYNC();
        for (int64_t i = 0; i < count; i++) {
            int64_t row = clamp_i64(list[i], 0, nrow - 1);

            if (row < begin || row >= end || list[i] == (SKIP))
                continue;
            for (int64_t c = threadIdx.x; c < nc; c += BLOCK)
                table[row * nc + c] += dy[(first + i) * nc + c];
        }
    }
}
