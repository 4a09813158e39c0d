/* optest.c - runs every case of ops.lua and compares it with the reference.
 *
 *   optest [-t] GRAPH PLAN
 *
 * In: GRAPH, what `sohoc -d front` prints, and PLAN, what sohoc made of the
 * same model.  Out: a line `ok` or `not ok` per op; -t: a table with a line
 * per case.  Exit 1 where an error is too large.
 *
 * An error is max|a-b| / max|b| over the tensor.  For cases named *.range it is
 * taken element by element, max of |a-b| / max(|b|, floor), so that small
 * numbers count as much as large ones.  Gradients are compared at all elements
 * of small tensors and at POINTS places of others; a place where a kink lies
 * within the difference is left out. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/op/play.h"

enum { POINTS = 24, MOST_OPS = 64 };

/* What the errors of an op may be, where it is not DEFAULT, and where wide
 * cases stop to count small numbers. */
static const struct {
    const char *op;
    double forward, gradient, floor, slope_floor;
    bool steep; /* near 0: the difference is relative to the element */
} bounds[] = {
    {"", 1e-6, 1e-6, 1e-37, 1e-37, false}, /* a few roundings of 6e-8 */
    {"log", 1e-6, 1e-6, 1e-37, 1e-37, true},
    {"sqrt", 1e-6, 1e-6, 1e-37, 1e-37, true},
    {"rsqrt", 1e-6, 1e-6, 1e-37, 1e-37, true},
    {"sigmoid", 1e-6, 1e-6, 1e-37, 1, false}, /* y (1 - y) next to 1 */
    {"gelu", 1e-6, 1e-6, 1e-37, 1, false},    /* its slope is good to 2e-7 */
    {"gelu_slope", 1e-6, 1e-6, 1, 1, false},
    {"bce", 1e-6, 1e-6, 100, 1, false}, /* softplus(z) - z t, |z| < 100 */
};

/* Errors found so far in one tensor. */
typedef struct Worst {
    double off, top; /* max|a-b|, max|b| */
    double each;     /* max |a-b| / max(|b|, floor) */
    int64_t n, kinks;
    bool bad; /* a NaN or an infinity where none should be */
} Worst;

typedef struct Case {
    const char *name;
    char op[40];
    double forward, gradient;
    int64_t elements, slopes, kinks;
    const char *why; /* NULL: fine */
} Case;

static void
compare(Worst *w, double a, double b, double floor)
{
    double off = fabs(a - (isinf((float)b) ? (double)(float)b : b));

    w->n++;
    if (isinf((float)b) && a == (float)b)
        return;
    if (!isfinite(off)) {
        w->bad = true;
        return;
    }
    w->off = fmax(w->off, off);
    w->top = fmax(w->top, fabs(b));
    w->each = fmax(w->each, off / fmax(fabs(b), floor));
}

static double
error_of(const Worst *w, bool range)
{
    if (w->bad)
        return INFINITY;
    if (range)
        return w->each;
    return w->off == 0 ? 0 : w->off / fmax(w->top, 1e-30);
}

static int
bound_of(const char *op)
{
    for (int i = 1; i < (int)(sizeof bounds / sizeof *bounds); i++)
        if (!strcmp(bounds[i].op, op))
            return i;
    return 0;
}

static bool
is_range(const Case *c)
{
    return strstr(c->name, ".range") != NULL;
}

/* -------------------------------------------------------------- one case */

static void
check_outputs(Ref *r, Soho *run, Case *c)
{
    double floor = bounds[bound_of(c->op)].floor;

    for (int k = 0; k < r->now->nout; k++) {
        RefVal v = r->now->out[k].val;
        const RefNode *n = &r->now->node[v.node];
        const float *got = play_door(run, r->now->name, r->now->out[k].name);
        Worst w = {0};

        if (!strcmp(r->now->out[k].name, "loss"))
            continue; /* may cancel out; `sum` is tested by itself */
        for (int64_t i = 0; i < shape_count(&n->shape[v.out]); i++)
            compare(&w, got[i], n->v[v.out][i], floor);
        c->forward = fmax(c->forward, error_of(&w, is_range(c)));
        c->elements += w.n;
    }
}

/* States that the phase wrote; in later micro-batches they move on. */
static void
check_states(Ref *r, Soho *run, Case *c)
{
    for (int k = 0; k < r->ntensor && r->accumulate == 1; k++) {
        RefTensor *t = &r->tensor[k];
        const float *got = play_tensor(run, t->name, "");
        Worst w = {0};

        if (!t->next)
            continue;
        for (int64_t i = 0; i < shape_count(&t->shape); i++)
            compare(&w, got[i], t->next[i], 1e-37);
        c->forward = fmax(c->forward, error_of(&w, false));
        c->elements += w.n;
        free(t->next);
        t->next = NULL;
    }
}

static void
check_gradient(Ref *r, Soho *run, Case *c, RefTensor *t, RefVal y,
               const double *weight)
{
    const float *got = play_tensor(run, t->name, "grad.");
    int b = bound_of(c->op);
    int64_t count = shape_count(&t->shape);
    int64_t most = is_range(c) ? 10 * POINTS : POINTS;
    int64_t points = count < most ? count : most;
    Worst w = {0};

    for (int64_t k = 0; k < points; k++) {
        int64_t at = count <= most
                         ? k
                         : (int64_t)(ref_draw(PLAY_SEED, 77, 0, (uint32_t)k) %
                                     (uint64_t)count);
        double slope;
        double h = bounds[b].steep ? 1e-5 * fabs(t->value[at]) : 1e-4;

        if (!ref_slope(r, t, at, h, y, weight, &slope))
            c->kinks++;
        else
            compare(&w, got ? got[at] : 0, slope, bounds[b].slope_floor);
    }
    c->gradient = fmax(c->gradient, error_of(&w, is_range(c)));
    c->slopes += w.n;
}

/* Does the phase read the tensor? */
static bool
reads(const RefPhase *p, const RefTensor *t)
{
    for (int i = 0; i < p->nnode; i++)
        if (p->node[i].tensor == t && !strcmp(p->node[i].op, "load"))
            return true;
    return false;
}

static void
check_gradients(Ref *r, Soho *run, Case *c)
{
    RefVal y = {0, 0};
    const double *weight = NULL;

    for (int k = 0; k < r->now->nout; k++)
        if (strcmp(r->now->out[k].name, "loss"))
            y = r->now->out[k].val;
    for (int i = 0; i < r->now->nnode; i++)
        if (!strcmp(r->now->node[i].op, "input") &&
            !strcmp(attr_text(&r->now->node[i], "door"), "answers"))
            weight = r->now->node[i].v[0] + 1;
    for (int k = 0; k < r->ntensor; k++)
        if (r->tensor[k].trainable && reads(r->now, &r->tensor[k]))
            check_gradient(r, run, c, &r->tensor[k], y, weight);
}

static Case
run_case(Ref *r, Soho *run, RefPhase *phase)
{
    Case c = {.name = phase->name};
    int b;

    for (int k = 0; k < phase->nout; k++)
        if (strcmp(phase->out[k].name, "loss"))
            c.name = phase->out[k].name;
    snprintf(c.op, sizeof c.op, "%.*s", (int)strcspn(c.name, "."), c.name);
    r->now = phase;
    play_fill_doors(r);
    ref_compute(r);
    play_run(r, run);
    check_outputs(r, run, &c);
    check_states(r, run, &c);
    if (!strcmp(phase->kind, "train"))
        check_gradients(r, run, &c);
    b = bound_of(c.op);
    if (!(c.forward <= bounds[b].forward))
        c.why = "forward";
    else if (!(c.gradient <= bounds[b].gradient))
        c.why = "gradient";
    return c;
}

/* ------------------------------------------------------------------- report */

static void
print_case(const Case *c)
{
    printf("%-28s %8lld %9.1e", c->name, (long long)c->elements, c->forward);
    if (c->slopes)
        printf(" %8lld %9.1e", (long long)c->slopes, c->gradient);
    else
        printf(" %8s %9s", "", "");
    printf("  %s%s\n", c->why ? "TOO LARGE: " : "ok", c->why ? c->why : "");
}

/* One line for all cases of the op of case `first`. */
static bool
print_op(const Case *c, int n, int first)
{
    const Case *worst = NULL;
    double forward = 0, gradient = 0;
    int cases = 0;

    for (int i = 0; i < n; i++) {
        if (strcmp(c[i].op, c[first].op))
            continue;
        if (i < first)
            return true; /* already said */
        cases++;
        forward = fmax(forward, c[i].forward);
        gradient = fmax(gradient, c[i].gradient);
        if (c[i].why && !worst)
            worst = &c[i];
    }
    if (!worst)
        printf("ok op %s: %d cases, forward %.1e, gradient %.1e\n", c[first].op,
               cases, forward, gradient);
    else
        printf("not ok op %s: %s: %s error %.1e\n", c[first].op, worst->name,
               worst->why,
               *worst->why == 'f' ? worst->forward : worst->gradient);
    return !worst;
}

int
main(int argc, char **argv)
{
    bool table = argc == 4 && !strcmp(argv[1], "-t"), good = true;
    Case *c;
    Soho *run;
    Ref *r;
    int n = 0;

    if (argc != 3 + table) {
        fprintf(stderr, "usage: optest [-t] GRAPH PLAN\n");
        return 2;
    }
    r = ref_read(argv[1 + table]);
    run = play_open(argv[2 + table]);
    r->seed = PLAY_SEED;
    play_fill(r);
    play_put(r, run);
    c = calloc((size_t)r->nphase + 1, sizeof *c);
    for (int i = 0; i < r->nphase; i++)
        c[n++] = run_case(r, run, &r->phase[i]);
    if (table)
        printf("%-28s %8s %9s %8s %9s\n", "case", "elements", "forward",
               "slopes", "gradient");
    for (int i = 0; i < n; i++)
        if (table)
            print_case(&c[i]);
        else
            good &= print_op(c, n, i);
    free(c);
    soho_close(run);
    return !good;
}
