/* made by sohoc from templates/cpu/zero_grad.c for zero_grad
 * (lib/nn.lua:94 < lib/vqa.lua:23) */
#define NAME zero_grad
#line 1 "templates/cpu/zero_grad.c"
/* zero_grad - all gradients become 0 at the start of an accumulation window.
 *
 * arguments: gradients (written), step block, number of floats */
#line 7 "templates/cpu/zero_grad.c"
#include "prelude.h"

void
NAME(const SohoArg *a)
{
    float *g = a[0].p;
    const SohoStep *step = a[1].p;
    int64_t n = step->window == 0 ? a[2].i : 0;

#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < n; i++)
        g[i] = 0.0f;
}
#undef NAME
