/* pick_max - the element of t where z has its first maximum along the last
 * axis; NaN counts as the maximum.
 *
 * y [..] <- z [..,A], t [..,A];  RANK0 of y */
#ifndef NAME
#define NAME  pick_max
#define RANK0 1
#endif
#include "prelude.h"

ENTRY(NAME)
{
    float *y = a[0].p;
    const float *z = a[1].p, *t = a[2].p;
    int64_t n = count_of(a, 3, RANK0), width = a[3 + 2 * RANK0].i;

#pragma omp parallel for schedule(static) if (n * width > 8192)
    for (int64_t i = 0; i < n; i++)
        y[i] = t[i * width + first_max(z + i * width, width)];
}
