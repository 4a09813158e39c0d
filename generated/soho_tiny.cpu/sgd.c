/* made by sohoc from templates/sgd.c for update
 * (soho_tiny.lua:35) */
#define NAME sgd
#define LR 0.01
#define MOMENTUM 0.90000000000000002
#define DECAY 0.0001
#define DAMPENING 0
#define NESTEROV 0
#define MOVES 0
#define LR_ADD 0
#line 1 "templates/sgd.c"
/* sgd - gradient descent with momentum and weight decay added to the gradient.
 * The first momentum is the gradient itself, whatever DAMPENING says.
 *
 * arguments: p, g, m (p, m written), step block, number of floats
 * LR MOMENTUM DECAY
 * DAMPENING  what a later gradient lacks as it joins the momentum
 * NESTEROV   1: the gradient plus what the momentum is going to be
 * MOVES      1: the momentum has a schedule
 * LR_ADD     1: the schedule adds to every group's rate */
#line 22 "templates/sgd.c"
#include "prelude.h"

ENTRY(NAME)
{
    float *p = a[0].p, *m = a[2].p;
    const float *g = a[1].p;
    const SohoStep *step = a[3].p;
    int64_t n = step->finite ? a[4].i : 0;
    double all = (LR) * (double)step->lr;
    float rate, clip = step->clip;
    float keep = (float)((MOMENTUM) * (MOVES ? (double)step->momentum : 1.0));
    float join = step->count ? (float)(1.0 - (DAMPENING)) : 1.0f;

    if (LR_ADD)
        all += step->lr_add;
    rate = (float)all;
    FOR_EACH (i, n) {
        float d = g[i] * clip + (float)(DECAY)*p[i];
        float moved = m[i] * keep + d * join;

        m[i] = moved;
        p[i] -= rate * (NESTEROV ? d + keep * moved : moved);
    }
}
#undef NAME
#undef LR
#undef MOMENTUM
#undef DECAY
#undef DAMPENING
#undef NESTEROV
#undef MOVES
#undef LR_ADD
#undef BLOCK
#undef ARGS
