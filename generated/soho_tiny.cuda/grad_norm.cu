/* made by sohoc from templates/cuda/grad_norm.cu for update
 * (soho_tiny.lua) */
#define NAME grad_norm
#define LIMIT 20
#define BLOCK 256
#define ARGS 2
#line 1 "templates/cuda/grad_norm.cu"
/* grad_norm - length of the whole gradient, and what follows from it.
 *
 * arguments: step block (written), sums of squares [PARTS] double, which
 * grad_norm_part made
 * LIMIT  longest gradient that is left as it is, 0: any
 *
 * Writes step->grad_norm, step->finite and step->clip, the coefficient that the
 * optimisers multiply gradients by: min(1, LIMIT / (norm + 1e-6)). */
#line 15 "templates/cuda/grad_norm.cu"
#include "prelude.h"

#define PARTS 256

ENTRY(NAME)
{
    SohoStep *step = a[0].p;
    const double *part = a[1].p;
    double sum = 0.0, norm;

    if (blockIdx.x || threadIdx.x)
        return;
    for (int i = 0; i < PARTS; i++)
        sum += part[i];
    norm = sqrt(sum);
    step->grad_norm = (float)norm;
    step->finite = fabsf(step->grad_norm) < INFINITY ? 1 : 0;
    step->clip = (float)clip_of(norm, LIMIT);
}
#undef NAME
#undef LIMIT
#undef BLOCK
#undef ARGS
#undef PARTS
