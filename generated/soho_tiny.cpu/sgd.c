/* made by sohoc from templates/cpu/sgd.c for update
 * (soho_tiny.lua:34) */
#define NAME sgd
#define LR 0.01
#define MOMENTUM 0.90000000000000002
#define DECAY 0.0001
#line 1 "templates/cpu/sgd.c"
/* sgd - gradient descent with momentum and weight decay added to the gradient.
 * No dampening: the first momentum is the gradient itself.
 *
 * arguments: p, g, m (p, m written), step block, number of floats
 * LR MOMENTUM DECAY */
#line 12 "templates/cpu/sgd.c"
#include "prelude.h"

void
NAME(const SohoArg *a)
{
    float *p = a[0].p, *m = a[2].p;
    const float *g = a[1].p;
    const SohoStep *step = a[3].p;
    int64_t n = step->finite ? a[4].i : 0;
    float rate = (float)((LR) * (double)step->lr), clip = step->clip;

#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < n; i++) {
        float d = g[i] * clip + (float)(DECAY)*p[i];

        m[i] = m[i] * (float)(MOMENTUM) + d;
        p[i] -= rate * m[i];
    }
}
#undef NAME
#undef LR
#undef MOMENTUM
#undef DECAY
