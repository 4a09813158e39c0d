/* arg_max - index of the first maximum along the last axis; NaN counts as the
 * maximum.
 *
 * y [..] i32 <- z [..,A];  RANK0 of y */
#ifndef NAME
#define NAME  arg_max
#define RANK0 1
#endif
#include "prelude.h"

ENTRY(NAME)
{
    int32_t *y = a[0].p;
    const float *z = a[1].p;
    int64_t n = count_of(a, 2, RANK0), width = a[2 + 2 * RANK0].i;

#pragma omp parallel for schedule(static) if (n * width > 8192)
    for (int64_t i = 0; i < n; i++)
        y[i] = (int32_t)first_max(z + i * width, width);
}
