/* measure.c - outputs, states and gradients of a plan beside the reference's.
 *
 * In: a Ref whose phase is computed and a plan that has run it.  Gradients are
 * compared at all elements of small tensors and at a few places of others; a
 * place where a kink lies within the difference is left out. */
#include "tests/op/measure.h"

#include <math.h>
#include <string.h>

void
worst_add(Worst *w, double a, double b, double floor)
{
    float limit = (float)b; /* what a float can hold of b */
    double off = fabs(a - b);

    w->n++;
    if (isinf(limit) && a == (double)limit)
        return;
    if (!isfinite(off)) {
        w->bad = true;
        return;
    }
    w->off = fmax(w->off, off);
    w->top = fmax(w->top, fabs(b));
    w->each = fmax(w->each, off / fmax(fabs(b), floor));
}

double
worst_error(const Worst *w, double least)
{
    return w->bad ? INFINITY : w->off / fmax(w->top, least);
}

/* Errors of one more tensor. */
static void
worst_join(Worst *to, const Worst *w)
{
    to->off = fmax(to->off, w->off);
    to->top = fmax(to->top, w->top);
    to->each = fmax(to->each, w->each);
    to->apart = fmax(to->apart, worst_error(w, 1e-30));
    to->n += w->n;
    to->kinks += w->kinks;
    to->bad |= w->bad;
}

const char *
measure_output(const Ref *r, RefVal *y)
{
    for (int k = 0; k < r->now->nout; k++)
        if (strcmp(r->now->out[k].name, "loss")) {
            *y = r->now->out[k].val;
            return r->now->out[k].name;
        }
    return "";
}

Worst
measure_values(const Ref *r, Soho *run, double floor)
{
    RefVal y = {0, 0};
    const char *name = measure_output(r, &y);
    const RefNode *n = &r->now->node[y.node];
    const float *got = play_door(run, r->now->name, name);
    Worst w = {.bad = !got};

    for (int64_t i = 0; got && i < shape_count(&n->shape[y.out]); i++)
        worst_add(&w, got[i], n->v[y.out][i], floor);
    return w;
}

bool
measure_reads(const RefPhase *p, const RefTensor *t)
{
    for (int i = 0; i < p->nnode; i++)
        if (p->node[i].tensor == t && !strcmp(p->node[i].op, "load"))
            return true;
    return false;
}

static Worst
gradient(Ref *r, Soho *run, Slopes s, RefTensor *t, const double *weight)
{
    const float *got = play_tensor(run, t->name, "grad.");
    int64_t count = shape_count(&t->shape), points = s.points;
    Worst w = {0};
    RefVal y = {0, 0};

    measure_output(r, &y);
    for (int64_t k = 0; k < (count < points ? count : points); k++) {
        uint32_t draw = ref_draw(PLAY_SEED, 77, 0, (uint32_t)k);
        int64_t at = count <= points ? k : draw % count;
        double h = s.steep ? 1e-5 * fabs(t->value[at]) : 1e-4, slope;

        if (ref_slope(r, t, at, h, y, weight, &slope))
            worst_add(&w, got ? got[at] : 0, slope, s.floor);
        else
            w.kinks++;
    }
    return w;
}

Worst
measure_gradients(Ref *r, Soho *run, Slopes s)
{
    const double *weight = NULL;
    Worst all = {0};

    for (int i = 0; i < r->now->nnode; i++)
        if (!strcmp(r->now->node[i].op, "input") &&
            !strcmp(attr_text(&r->now->node[i], "door"), "answers"))
            weight = r->now->node[i].v[0] + 1;
    for (int k = 0; k < r->ntensor; k++) {
        RefTensor *t = &r->tensor[k];

        if (!t->trainable || !measure_reads(r->now, t))
            continue;
        Worst w = gradient(r, run, s, t, weight);
        worst_join(&all, &w);
    }
    return all;
}
