/* iota - 0, 1, 2, ... as numbers.
 *
 * y [count] */
#ifndef NAME
#define NAME iota
#endif
#include "prelude.h"

void
NAME(const SohoArg *a)
{
    float *y = a[0].p;
    int64_t n = a[1].i;

#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)i;
}
