/* gather - rows of a table by index.
 *
 * y [..,C] <- table [N,C], index [..] i32;  RANK0 of y, RANK2 of the index
 *
 * An index beyond the table is the loader's to refuse; here it is clamped, so
 * that nothing outside the table is ever read. */
#ifndef NAME
#define NAME  gather
#define RANK0 3
#define RANK2 2
#endif
#include <string.h>

#include "prelude.h"

ENTRY(NAME)
{
    float *y = a[0].p;
    const float *table = a[1].p;
    const int32_t *index = a[2].p;
    int64_t nrow = a[3 + RANK0].i, nc = a[4 + RANK0].i;
    int64_t n = count_of(a, 5 + RANK0, RANK2);

#pragma omp parallel for schedule(static) if (n * nc > 8192)
    for (int64_t i = 0; i < n; i++)
        memcpy(y + i * nc, table + clamp_i64(index[i], 0, nrow - 1) * nc,
               (size_t)nc * sizeof *y);
}
