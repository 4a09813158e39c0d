/* scatter_add - gradient of gather: rows of dy summed into the rows of a
 * table that an index names.
 *
 * table [rows,C] <- dy [..,C], index [..] i32;  RANK1 of dy, RANK2 of the index
 * SKIP   an index that adds nothing (-1: none)
 * ACCUM  1: adds to what the table holds; 0: the other rows become 0
 *
 * Each thread owns columns and goes through all indices in order, so the sums
 * do not depend on the number of threads.  Indices are clamped as in gather. */
#ifndef NAME
#define NAME  scatter_add
#define RANK1 3
#define RANK2 2
#define SKIP  -1
#define ACCUM 0
#endif
#include <string.h>

#include "prelude.h"

#define columns LOCAL(columns)
#define CHUNK   64 /* columns */

static void
columns(float *table, int64_t nrow, int64_t nc, const float *dy,
        const int32_t *index, int64_t n, int64_t count)
{
    for (int64_t i = 0; i < n; i++) {
        float *sum = table + clamp_i64(index[i], 0, nrow - 1) * nc;
        const float *from = dy + i * nc;

        if (index[i] == (SKIP))
            continue;
#pragma omp simd
        for (int64_t c = 0; c < count; c++)
            sum[c] += from[c];
    }
}

ENTRY(NAME)
{
    float *table = a[0].p;
    const float *dy = a[1].p;
    const int32_t *index = a[2].p;
    int64_t nrow = a[3].i, nc = a[4].i;
    int64_t n = count_of(a, 5 + RANK1, RANK2);

#if !ACCUM
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < nrow; i++)
        memset(table + i * nc, 0, (size_t)nc * sizeof *table);
#endif
#pragma omp parallel for schedule(static)
    for (int64_t c = 0; c < nc; c += CHUNK)
        columns(table + c, nrow, nc, dy + c, index, n,
                nc - c < CHUNK ? nc - c : CHUNK);
}
