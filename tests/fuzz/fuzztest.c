/* fuzztest.c - runs the random graphs of graphs.lua as several compilations
 * made them, and compares these with one another and with the reference.
 *
 *   fuzztest NAME GRAPH PLAN [=|~]OTHER...
 *
 * In: GRAPH, what `sohoc -d front` prints; PLAN and OTHER, plans of that model.
 * Out: a line `ok` or `not ok` for PLAN against the reference, and one per
 * OTHER: =OTHER must give PLAN's bits, ~OTHER its numbers but for the order in
 * which sums are taken.  An error is max|a-b| / max(1, max|b|): over a tensor,
 * and over all gradients of a graph, since some add up to almost nothing. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/op/measure.h"

enum { POINTS = 4, MOST_OTHERS = 8 };

static const double FORWARD = 1e-5, GRADIENT = 1e-5, REGROUPED = 1e-5;

/* What was found about one plan over all graphs. */
typedef struct Verdict {
    const char *name; /* of the plan's folder */
    Soho *run;
    bool exact;               /* the first plan's bits are expected */
    double forward, gradient; /* worst errors */
    int64_t tensors, equal;   /* compared; with the same bits */
    char why[400];            /* the first that is wrong */
} Verdict;

static void
blame(Verdict *v, const char *graph, const char *tensor, double error)
{
    if (!*v->why)
        snprintf(v->why, sizeof v->why, "graph %s: %s: error %.1e", graph,
                 tensor, error);
}

/* -------------------------------------------------------- against the formulas
 */

static void
check_reference(Ref *r, Verdict *v)
{
    RefVal y;
    const char *graph = measure_output(r, &y);
    Worst w = measure_values(r, v->run, 1);
    Worst g = measure_gradients(r, v->run, (Slopes){POINTS, 1, false});
    double forward = worst_error(&w, 1), gradient = worst_error(&g, 1);

    v->forward = fmax(v->forward, forward);
    v->gradient = fmax(v->gradient, gradient);
    v->tensors += 1 + g.n;
    if (!(forward <= FORWARD))
        blame(v, graph, "value", forward);
    if (!(gradient <= GRADIENT))
        blame(v, graph, "gradient", gradient);
}

/* ----------------------------------------------------- against one another */

static void
check_tensor(Verdict *v, const char *graph, const char *name, const float *a,
             const float *b, int64_t n)
{
    Worst w = {.bad = !a != !b};

    if (!a || !b) {
        if (w.bad)
            blame(v, graph, name, INFINITY);
        return;
    }
    v->tensors++;
    if (!memcmp(a, b, (size_t)n * sizeof *a)) {
        v->equal++;
        return;
    }
    for (int64_t i = 0; i < n; i++)
        worst_add(&w, a[i], b[i], 1);
    v->forward = fmax(v->forward, worst_error(&w, 1));
    if (v->exact || !(worst_error(&w, 1) <= REGROUPED))
        blame(v, graph, name, worst_error(&w, 1));
}

static void
check_other(const Ref *r, Soho *plan, Verdict *v)
{
    RefVal y;
    const char *graph = measure_output(r, &y), *phase = r->now->name;
    const Shape *s = &r->now->node[y.node].shape[y.out];

    check_tensor(v, graph, "value", play_door(v->run, phase, graph),
                 play_door(plan, phase, graph), shape_count(s));
    for (int k = 0; k < r->ntensor; k++) {
        const RefTensor *t = &r->tensor[k];
        const char *prefix = t->param ? "grad." : "";

        if (measure_reads(r->now, t))
            check_tensor(
                v, graph, t->name, play_tensor(v->run, t->name, prefix),
                play_tensor(plan, t->name, prefix), shape_count(&t->shape));
    }
}

/* ---------------------------------------------------------------------- main
 */

static void
run_graph(Ref *r, RefPhase *phase, Verdict *v, int n)
{
    r->now = phase;
    play_fill_doors(r);
    ref_compute(r);
    for (int i = 0; i < n; i++)
        play_run(r, v[i].run);
    check_reference(r, &v[0]);
    for (int i = 1; i < n; i++)
        check_other(r, v[0].run, &v[i]);
}

static void
report(const Ref *r, const char *name, const Verdict *v, bool first)
{
    if (*v->why)
        printf("not ok fuzz %s %s: %s\n", name, v->name, v->why);
    else if (first)
        printf("ok fuzz %s %s: %d graphs, %lld numbers, forward %.1e, "
               "gradient %.1e\n",
               name, v->name, r->nphase, (long long)v->tensors, v->forward,
               v->gradient);
    else
        printf("ok fuzz %s %s: %lld tensors, %lld bit for bit, worst %.1e\n",
               name, v->name, (long long)v->tensors, (long long)v->equal,
               v->forward);
}

int
main(int argc, char **argv)
{
    Verdict v[MOST_OTHERS + 1];
    int n = argc - 3;
    static Ref *r; /* needed to the end, so never freed */

    if (n < 1 || n > MOST_OTHERS) {
        fprintf(stderr, "usage: fuzztest NAME GRAPH PLAN [=|~]OTHER...\n");
        return 2;
    }
    r = ref_read(argv[2]);
    r->seed = PLAY_SEED;
    play_fill(r);
    for (int i = 0; i < n; i++) {
        const char *folder = argv[3 + i] + (i > 0), *slash;
        char path[500];

        snprintf(path, sizeof path, "%s/plan.bin", folder);
        slash = strrchr(folder, '/');
        v[i] = (Verdict){.name = slash ? slash + 1 : folder,
                         .run = play_open(path),
                         .exact = argv[3 + i][0] == '='};
        play_put(r, v[i].run);
    }
    for (int i = 0; i < r->nphase; i++)
        run_graph(r, &r->phase[i], v, n);
    for (int i = 0; i < n; i++) {
        report(r, argv[1], &v[i], i == 0);
        soho_close(v[i].run);
    }
    return 0;
}
