/* optest.c - runs every case of ops.lua and compares it with the reference.
 *
 *   optest [-t|-b|-h] GRAPH PLAN [OP...]
 *
 * In: GRAPH, what `sohoc -d front` prints, and PLAN, what sohoc made of the
 * same model; OP: those alone.  Out: a line `ok` or `not ok` per op; -t: a
 * table with a line per case.  Exit 1 where an error is too large.
 *
 * An error is max|a-b| / max|b| over the tensor.  For cases named *.range it is
 * taken element by element, max of |a-b| / max(|b|, floor), so that small
 * numbers count as much as large ones.  The loss may cancel out and is not
 * looked at; op sum is tested by itself. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/op/measure.h"

enum { POINTS = 24, RANGE_POINTS = 240 };

/* -b, -h: two units of rounding, of numbers with play_bits significant bits. */
static double half_bound;

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

typedef struct Case {
    const char *name;
    char op[40];
    double forward, gradient;
    int64_t elements, slopes;
    const char *why; /* NULL: fine */
} Case;

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
            worst_add(&w, got[i], t->next[i], 1e-37);
        c->forward = fmax(c->forward, worst_error(&w, 1e-30));
        c->elements += w.n;
        free(t->next);
        t->next = NULL;
    }
}

static void
check_gradients(Ref *r, Soho *run, Case *c)
{
    int b = bound_of(c->op);
    Slopes s = {is_range(c) ? RANGE_POINTS : POINTS, bounds[b].slope_floor,
                bounds[b].steep};
    Worst w = measure_gradients(r, run, s);

    c->gradient = w.bad ? INFINITY : is_range(c) ? w.each : w.apart;
    c->slopes = w.n;
}

static Case
run_case(Ref *r, Soho *run, RefPhase *phase)
{
    Case c = {.name = ""};
    RefVal y;
    Worst w;
    int b;

    r->now = phase;
    c.name = measure_output(r, &y);
    snprintf(c.op, sizeof c.op, "%.*s", (int)strcspn(c.name, "."), c.name);
    b = bound_of(c.op);
    play_fill_doors(r);
    ref_compute(r);
    play_run(r, run);
    w = measure_values(r, run, bounds[b].floor);
    c.forward = is_range(&c) && !w.bad ? w.each : worst_error(&w, 1e-30);
    c.elements = w.n;
    check_states(r, run, &c);
    if (!strcmp(phase->kind, "train"))
        check_gradients(r, run, &c);
    if (!(c.forward <= (half_bound > 0 ? half_bound : bounds[b].forward)))
        c.why = "forward";
    else if (!(c.gradient <=
               (half_bound > 0 ? half_bound : bounds[b].gradient)))
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
        printf("ok op %s: %d case%s, forward %.1e, gradient %.1e\n",
               c[first].op, cases, cases == 1 ? "" : "s", forward, gradient);
    else
        printf("not ok op %s: %s: %s error %.1e\n", c[first].op, worst->name,
               worst->why,
               *worst->why == 'f' ? worst->forward : worst->gradient);
    return !worst;
}

/* Cases *.range take what f32 holds. */
static bool
wider_than_f16(const RefPhase *p)
{
    const char *name = play_case(p);

    return strstr(name, ".range") && strncmp(name, "half.", 5) &&
           strncmp(name, "bce.", 4);
}

/* Is the phase's case about one of these ops?  Of none: yes. */
static bool
is_wanted(const RefPhase *p, char *const *op, int n)
{
    const char *name = play_case(p);

    for (int i = 0; i < n; i++)
        if (!strncmp(name, op[i], strlen(op[i])) && name[strlen(op[i])] == '.')
            return true;
    return !n;
}

static int
report(const Case *c, int n, bool table)
{
    bool good = true;

    if (table)
        printf("%-28s %8s %9s %8s %9s\n", "case", "elements", "forward",
               "slopes", "gradient");
    for (int i = 0; i < n; i++)
        if (table)
            print_case(&c[i]);
        else
            good &= print_op(c, n, i);
    return !good;
}

int
main(int argc, char **argv)
{
    const char *option = argc > 3 && argv[1][0] == '-' ? argv[1] : "";
    bool table = !strcmp(option, "-t");
    bool bf16 = !strcmp(option, "-b"), f16 = !strcmp(option, "-h");
    char **file = argv + 1 + !!*option, **op = file + 2;
    Case *c;
    Soho *run;
    static Ref *r; /* needed to the end, so never freed */
    int n = 0, bad;

    if (argc < op - argv || (*option && !table && !bf16 && !f16)) {
        fprintf(stderr, "usage: optest [-t|-b|-h] GRAPH PLAN [OP...]\n");
        return 2;
    }
    play_bits = bf16 ? 8 : f16 ? 11 : 24;
    half_bound = bf16 || f16 ? ldexp(2, -play_bits) : 0;
    r = ref_read(file[0]);
    run = play_open(file[1]);
    r->seed = PLAY_SEED;
    r->f16 = f16;
    play_fill(r);
    play_put(r, run);
    c = calloc((size_t)r->nphase + 1, sizeof *c);
    for (int i = 0; i < r->nphase; i++)
        if (is_wanted(&r->phase[i], op, (int)(argv + argc - op)) &&
            (!f16 || !wider_than_f16(&r->phase[i])))
            c[n++] = run_case(r, run, &r->phase[i]);
    bad = report(c, n, table);
    free(c);
    soho_close(run);
    return bad;
}
