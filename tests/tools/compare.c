/* compare.c - compares what `soho-rt exec` wrote with what the oracle found.
 *
 *   compare NAME REFERENCE OUT.safetensors
 *
 * In: REFERENCE is a golden file (its grammar: tests/oracle/golden.py) or a
 * whole .safetensors file of the oracle.  Out: one line `ok NAME kind: ...` or
 * `not ok NAME kind: why` per kind of tensor.  Exit 1 where one is not ok.
 *
 * a is close to b where max|a-b| <= bound * max|b| + 1e-6, with max|b| of the
 * whole tensor; bound is 1e-5 for outputs, 1e-4 for all others.  A running mean
 * may be a sum of large numbers that is nothing but their rounding: there 1e-6
 * is meant of their standard deviation, if that is above 1.  Of a golden
 * tensor the sum, the squares and the maximum have to agree as well. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/random.h"
#include "runtime/run.h"

#define FLOOR 1e-6

/* X(name, bound) */
#define KINDS(X)                                                               \
    X(outputs, 1e-5)                                                           \
    X(gradients, 1e-4)                                                         \
    X(parameters, 1e-4)                                                        \
    X(moments, 1e-4)                                                           \
    X(statistics, 1e-4)                                                        \
    X(dictionary, 1e-4)
enum {
#define X(name, bound) K_##name,
    KINDS(X)
#undef X
        NKIND
};

static const struct {
    const char *name;
    f64 bound;
} kind_row[NKIND] = {
#define X(name, bound) {#name, bound},
    KINDS(X)
#undef X
};

/* What was found of one kind. */
static struct {
    u32 count, off;
    f64 worst; /* largest error, in units of what is allowed */
    char text[ERR_TEXT + 2 * PLAN_NAME]; /* where that was */
} found[NKIND];

static u64 seed;            /* of the golden file: where its elements are */
static const char *current; /* tensor */
static u32 kind;

static int
ends(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);

    return n >= m && !strcmp(s + n - m, end);
}

static void
begin(const char *name)
{
    current = name;
    kind = strchr(name, '@') || !strchr(name, '.') ? K_outputs
           : !strncmp(name, "grad.", 5)            ? K_gradients
           : !strncmp(name, "moment", 6)           ? K_moments
           : ends(name, ".running_mean") || ends(name, ".running_var")
               ? K_statistics
           : strstr(name, ".vq.") ? K_dictionary
                                  : K_parameters;
    found[kind].count++;
}

/* One comparison: `is`, element `at` or the `what` of the current tensor, with
 * what it should be. */
static int
check(const char *what, u64 at, f64 is, f64 want, f64 allowed)
{
    f64 error = fabs(is - want) / allowed;
    char element[32];

    if (!(error <= 1e30))
        error = 1e30; /* not a number */
    if (error > found[kind].worst) {
        found[kind].worst = error;
        snprintf(element, sizeof element, "element %" PRIu64, at);
        snprintf(found[kind].text, sizeof found[kind].text,
                 "%s: %s is %.9g, not %.9g", current, what ? what : element, is,
                 want);
    }
    return error <= 1;
}

static void
missing(const char *why)
{
    found[kind].worst = 2e30;
    snprintf(found[kind].text, sizeof found[kind].text, "%s %s", current, why);
    found[kind].off++;
}

static void
as_numbers(f32 *data, u64 count)
{
    i32 n;

    for (u64 i = 0; i < count; i++) {
        memcpy(&n, &data[i], sizeof n);
        data[i] = (f32)n;
    }
}

/* The elements of the current tensor, integers as numbers, to be freed; NULL:
 * noted as missing. */
static f32 *
elements(Tensors *file, u64 count)
{
    const TensorRow *row = tensors_find(file, current);
    f32 *data = row ? malloc(row->bytes + 1) : NULL;
    Err e = {0};

    if (!row)
        missing("is not there");
    else if ((row->dtype != DT_f32 && row->dtype != DT_i32) ||
             row->bytes != count * sizeof *data)
        missing("has another type or shape");
    else if (!data || tensors_read(&e, file, row, data))
        missing(data ? e.text : "is too large");
    else {
        if (row->dtype == DT_i32)
            as_numbers(data, count);
        return data;
    }
    free(data);
    return NULL;
}

/* What a difference may be where all numbers are 0. */
static f64 least = FLOOR;

static void
find_least(Tensors *out)
{
    static const char mean[] = "running_mean";
    char name[PLAN_NAME + 1];
    size_t n = strlen(current), end = sizeof mean - 1;
    const TensorRow *row;
    f32 *var;
    Err e = {0};

    least = FLOOR;
    if (n < end || n > PLAN_NAME || strcmp(current + n - end, mean))
        return;
    snprintf(name, sizeof name, "%.*srunning_var", (int)(n - end), current);
    row = tensors_find(out, name);
    var = row ? malloc(row->bytes + 1) : NULL;
    if (var && !tensors_read(&e, out, row, var))
        for (u64 i = 0; i < row->bytes / sizeof *var; i++)
            least = fmax(least, FLOOR * sqrt((f64)var[i]));
    free(var);
}

/* ------------------------------------------------------------ golden files */

typedef struct Golden {
    u64 count;
    f64 sum, squares, maximum;
    u32 n; /* elements that follow */
} Golden;

/* Sum, squares and maximum.  Errors within the bound of each element's size
 * change the sums by no more than this (Cauchy-Schwarz). */
static int
check_sums(const Golden *g, const f32 *x)
{
    f64 bound = kind_row[kind].bound, n = (f64)g->count;
    f64 sum = 0, squares = 0, maximum = 0;
    f64 length = sqrt(g->squares), far = bound * length + least * sqrt(n);

    for (u64 i = 0; i < g->count; i++) {
        sum += x[i];
        squares += (f64)x[i] * x[i];
        maximum = fmax(maximum, fabs((f64)x[i]));
    }
    return check("sum", 0, sum, g->sum, sqrt(n) * far) &
           check("squares", 0, squares, g->squares, far * (2 * length + far)) &
           check("maximum", 0, maximum, g->maximum, bound * g->maximum + least);
}

static u64
place(u32 site, const Golden *g, u32 i)
{
    return g->count <= g->n ? i
                            : random_word(seed, site, 0, i) * g->count >> 32;
}

/* Reads the elements of one tensor and compares; 0 at the file's end. */
static int
compare_golden(FILE *golden, Tensors *out)
{
    static char name[PLAN_NAME + 1];
    Golden g;
    int good;

    if (fscanf(golden, " tensor %255s %" SCNu64 " %lf %lf %lf %u", name,
               &g.count, &g.sum, &g.squares, &g.maximum, &g.n) != 6)
        return 0;
    begin(name);
    find_least(out);
    f32 *x = elements(out, g.count);
    u32 site = random_site(name);
    f64 allowed = kind_row[kind].bound * g.maximum + least, want;

    good = x ? check_sums(&g, x) : 1;
    for (u32 i = 0; i < g.n && fscanf(golden, "%lf", &want) == 1; i++)
        if (x)
            good &= check(NULL, place(site, &g, i), x[place(site, &g, i)], want,
                          allowed);
    found[kind].off += !good;
    free(x);
    return 1;
}

static int
compare_file(const char *path, Tensors *out)
{
    FILE *golden = fopen(path, "r");

    if (!golden || fscanf(golden, "seed %" SCNu64 "%*[^\n]", &seed) != 1) {
        fprintf(stderr, "compare: %s: no golden file\n", path);
        if (golden)
            fclose(golden);
        return SOHO_IO;
    }
    while (compare_golden(golden, out))
        ;
    fclose(golden);
    return 0;
}

/* ----------------------------------------------------------- whole tensors */

static void
compare_tensor(Tensors *reference, const TensorRow *row, Tensors *out)
{
    u64 n = row->bytes / sizeof(f32);
    f32 *b = malloc(row->bytes + 1), *a;
    f64 maximum = 0, allowed;
    int good = 1;
    Err e = {0};

    begin(row->name);
    find_least(out);
    if (!b || tensors_read(&e, reference, row, b))
        missing("cannot be read from the reference");
    else if (row->dtype == DT_i32)
        as_numbers(b, n);
    a = elements(out, n);
    if (a && b && !e.code) {
        for (u64 i = 0; i < n; i++)
            maximum = fmax(maximum, fabs((f64)b[i]));
        allowed = kind_row[kind].bound * maximum + least;
        for (u64 i = 0; i < n; i++)
            good &= check(NULL, i, a[i], b[i], allowed);
        found[kind].off += !good;
    }
    free(a);
    free(b);
}

static int
compare_whole(const char *path, Tensors *out)
{
    Tensors *reference = NULL;
    Err e = {0};

    if (tensors_open(&e, path, &reference)) {
        fprintf(stderr, "compare: %s\n", e.text);
        return e.code;
    }
    for (u32 i = 0; i < tensors_count(reference); i++)
        compare_tensor(reference, tensors_row(reference, i), out);
    tensors_close(reference);
    return 0;
}

static int
report(const char *name)
{
    int bad = 0;

    for (u32 k = 0; k < NKIND; k++) {
        if (!found[k].count)
            continue;
        if (found[k].off)
            printf("not ok %s %s: %u of %u tensors; worst: %s "
                   "(%.3g times what is allowed)\n",
                   name, kind_row[k].name, found[k].off, found[k].count,
                   found[k].text, found[k].worst);
        else
            printf("ok %s %s: %u tensors, worst %.2g of what is allowed\n",
                   name, kind_row[k].name, found[k].count, found[k].worst);
        bad |= found[k].off > 0;
    }
    return bad;
}

int
main(int argc, char **argv)
{
    Tensors *out = NULL;
    Err e = {0};
    int code;

    if (argc != 4) {
        fprintf(stderr, "usage: compare NAME REFERENCE OUT.safetensors\n");
        return SOHO_USAGE;
    }
    if (tensors_open(&e, argv[3], &out)) {
        fprintf(stderr, "compare: %s\n", e.text);
        return e.code;
    }
    code = ends(argv[2], ".golden") ? compare_file(argv[2], out)
                                    : compare_whole(argv[2], out);
    tensors_close(out);
    return code ? code : report(argv[1]);
}
