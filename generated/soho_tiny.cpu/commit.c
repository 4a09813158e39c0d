/* made by sohoc from templates/cpu/commit.c for update
 * (soho_tiny.lua:35) */
#define NAME commit
#line 1 "templates/cpu/commit.c"
/* commit - ends an update: live becomes the last good state if everything was
 * finite; if not, the last good state comes back.
 *
 * arguments: live, good, step block (all written), number of floats */
#line 8 "templates/cpu/commit.c"
#include "prelude.h"

void
NAME(const SohoArg *a)
{
    SohoStep *step = a[2].p;
    float *to = step->finite ? a[1].p : a[0].p;
    const float *from = step->finite ? a[0].p : a[1].p;
    int64_t n = a[3].i;

#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < n; i++)
        to[i] = from[i];
    if (step->finite)
        step->count++;
    else
        step->skipped++;
}
#undef NAME
