/* gradient.c - slopes by central differences of the whole phase. */
#include "tests/op/ref.h"

#include <stdlib.h>
#include <string.h>

/* The phase with element `at` of the moved tensor at x; its branches. */
static uint64_t
compute_at(Ref *r, int64_t at, double x)
{
    r->moved->value[at] = x;
    ref_compute(r);
    return r->branches;
}

bool
ref_slope(Ref *r, RefTensor *t, int64_t at, double h, RefVal y,
          const double *weight, double *slope)
{
    const RefNode *n = &r->now->node[y.node];
    int64_t count = shape_count(&n->shape[y.out]);
    double *above = malloc((size_t)count * sizeof *above), old = t->value[at];
    volatile double up = old + h, down = old - h; /* as they are stored */
    uint64_t upper, lower;

    r->moved = t;
    upper = compute_at(r, at, up);
    memcpy(above, n->v[y.out], (size_t)count * sizeof *above);
    lower = compute_at(r, at, down);
    *slope = 0;
    for (int64_t i = 0; i < count; i++)
        *slope += weight[i] * ((above[i] - n->v[y.out][i]) / (up - down));
    compute_at(r, at, old);
    r->moved = NULL;
    free(above);
    return upper == lower;
}
