/* formula.c - element-wise ops, views, reductions and copies in double, and
 * the loop over a phase.
 *
 * In: the values of a node's inputs.  Out: n->v. */
#include "tests/op/ref.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Coordinates of element i of a shape. */
static void
unravel(const Shape *s, int64_t i, int64_t *at)
{
    for (int k = s->rank; k-- > 0;) {
        at[k] = i % s->dim[k];
        i /= s->dim[k];
    }
}

static int64_t
ravel(const Shape *s, const int64_t *at)
{
    int64_t i = 0;

    for (int k = 0; k < s->rank; k++)
        i = i * s->dim[k] + at[k];
    return i;
}

/* The element of x that stands at place `at` of the wider shape y: axes are
 * aligned at the right, those of size 1 repeat. */
static int64_t
repeated(const Shape *x, const Shape *y, const int64_t *at)
{
    int64_t mine[REF_RANK];

    for (int k = 0; k < x->rank; k++)
        mine[k] = x->dim[k] == 1 ? 0 : at[k + y->rank - x->rank];
    return ravel(x, mine);
}

/* ------------------------------------------------------------ element-wise */

typedef double Scalar(double a, double b);

#define SCALAR(name, text)                                                     \
    static double f_##name(double a, double b)                                 \
    {                                                                          \
        (void)b;                                                               \
        return text;                                                           \
    }
SCALAR(add, a + b)
SCALAR(sub, a - b)
SCALAR(mul, a *b)
SCALAR(div, a / b)
SCALAR(maximum, fmax(a, b))
SCALAR(minimum, fmin(a, b))
SCALAR(greater, a > b)
SCALAR(equal, a == b)
SCALAR(floor, floor(a))
SCALAR(neg, -a)
SCALAR(exp, exp(a))
SCALAR(log, log(a))
SCALAR(sqrt, sqrt(a))
SCALAR(rsqrt, pow(a, -0.5))
SCALAR(sigmoid, 1 / (1 + exp(-a)))
SCALAR(relu, fmax(a, 0))
SCALAR(gelu, a *erfc(-a / M_SQRT2) / 2)
SCALAR(gelu_slope,
       erfc(-a / M_SQRT2) / 2 + a * exp(-a * a / 2) / sqrt(2 * M_PI))
SCALAR(softplus, a > 30 ? a + log1p(exp(-a)) : log1p(exp(a)))
SCALAR(gate, b > 0 ? a : 0)
SCALAR(float, a)
SCALAR(copy, a)
SCALAR(broadcast, a)

static const struct {
    const char *op;
    Scalar *f;
    int kink; /* 1: where a = b, 2: where a = 0, 3: where b = 0 */
} scalars[] = {
    {"add", f_add, 0},
    {"sub", f_sub, 0},
    {"mul", f_mul, 0},
    {"div", f_div, 0},
    {"maximum", f_maximum, 1},
    {"minimum", f_minimum, 1},
    {"greater", f_greater, 1},
    {"equal", f_equal, 0},
    {"floor", f_floor, 0},
    {"neg", f_neg, 0},
    {"exp", f_exp, 0},
    {"log", f_log, 0},
    {"sqrt", f_sqrt, 0},
    {"rsqrt", f_rsqrt, 0},
    {"sigmoid", f_sigmoid, 0},
    {"relu", f_relu, 2},
    {"gelu", f_gelu, 0},
    {"gelu_slope", f_gelu_slope, 0},
    {"softplus", f_softplus, 0},
    {"gate", f_gate, 3},
    {"float", f_float, 0},
    {"copy", f_copy, 0},
    {"broadcast", f_broadcast, 0},
};

static int
scalar_of(const char *op)
{
    for (int i = 0; i < (int)(sizeof scalars / sizeof *scalars); i++)
        if (!strcmp(scalars[i].op, op))
            return i;
    return -1;
}

static void
elementwise(Ref *r, RefNode *n)
{
    const Shape *y = &n->shape[0], *x0 = in_shape(r, n, 0);
    const Shape *x1 = n->nin > 1 ? in_shape(r, n, 1) : x0;
    const double *a = in_value(r, n, 0),
                 *b = n->nin > 1 ? in_value(r, n, 1) : a;
    int row = scalar_of(n->op), kink = scalars[row].kink;
    int64_t count = shape_count(y), at[REF_RANK];

    for (int64_t i = 0; i < count; i++) {
        unravel(y, i, at);
        double p = a[repeated(x0, y, at)], q = b[repeated(x1, y, at)];

        n->v[0][i] = scalars[row].f(p, q);
        if (kink)
            ref_branch(r, kink == 1 ? p > q : kink == 2 ? p > 0 : q > 0);
    }
}

/* ------------------------------------------------------------ views, moves */

static void
reshape(Ref *r, RefNode *n)
{
    memcpy(n->v[0], in_value(r, n, 0),
           (size_t)shape_count(&n->shape[0]) * sizeof(double));
}

static void
permute(Ref *r, RefNode *n)
{
    const Shape *x = in_shape(r, n, 0), *y = &n->shape[0];
    double order[REF_LIST];
    int64_t at[REF_RANK], from[REF_RANK], count = shape_count(y);

    attr_list(n, "order", order);
    for (int64_t i = 0; i < count; i++) {
        unravel(y, i, at);
        for (int k = 0; k < y->rank; k++)
            from[(int)order[k]] = at[k];
        n->v[0][i] = in_value(r, n, 0)[ravel(x, from)];
    }
}

static void
slice(Ref *r, RefNode *n)
{
    int dim = (int)attr_number(n, "dim", 0);
    int64_t first = (int64_t)attr_number(n, "first", 0), at[REF_RANK];
    int64_t count = shape_count(&n->shape[0]);

    for (int64_t i = 0; i < count; i++) {
        unravel(&n->shape[0], i, at);
        at[dim] += first;
        n->v[0][i] = in_value(r, n, 0)[ravel(in_shape(r, n, 0), at)];
    }
}

static void
pad(Ref *r, RefNode *n)
{
    int dim = (int)attr_number(n, "dim", 0);
    int64_t before = (int64_t)attr_number(n, "before", 0), at[REF_RANK];
    const Shape *x = in_shape(r, n, 0);
    int64_t count = shape_count(&n->shape[0]);

    for (int64_t i = 0; i < count; i++) {
        unravel(&n->shape[0], i, at);
        at[dim] -= before;
        bool inside = at[dim] >= 0 && at[dim] < x->dim[dim];
        n->v[0][i] = inside ? in_value(r, n, 0)[ravel(x, at)] : 0;
    }
}

static void
concat(Ref *r, RefNode *n)
{
    int dim = (int)attr_number(n, "dim", 0);
    int64_t at[REF_RANK], begin = 0;

    for (int k = 0; k < n->nin; k++) {
        const Shape *x = in_shape(r, n, k);

        for (int64_t i = 0; i < shape_count(x); i++) {
            unravel(x, i, at);
            at[dim] += begin;
            n->v[0][ravel(&n->shape[0], at)] = in_value(r, n, k)[i];
        }
        begin += x->dim[dim];
    }
}

/* -------------------------------------------------------------- reductions */

static void
reduce(Ref *r, RefNode *n)
{
    const Shape *x = in_shape(r, n, 0), *y = &n->shape[0];
    const double *v = in_value(r, n, 0);
    bool sum = !strcmp(n->op, "sum");
    int64_t count = shape_count(y), at[REF_RANK];
    int64_t *best = calloc((size_t)count, sizeof *best);

    for (int64_t i = 0; i < count; i++)
        n->v[0][i] = sum ? 0 : -INFINITY;
    for (int64_t i = 0; i < shape_count(x); i++) {
        unravel(x, i, at);
        int64_t k = repeated(y, x, at);
        if (sum) {
            n->v[0][k] += v[i];
        } else if (v[i] > n->v[0][k]) {
            n->v[0][k] = v[i];
            best[k] = i;
        }
    }
    for (int64_t i = 0; i < count && !sum; i++)
        ref_branch(r, (uint64_t)best[i]);
    free(best);
}

/* ------------------------------------------------------------------ leaves */

static void
literal(Ref *r, RefNode *n)
{
    (void)r;
    n->v[0][0] = (float)attr_number(n, "value", 0);
}

static void
load(Ref *r, RefNode *n)
{
    (void)r;
    memcpy(n->v[0], n->tensor->value,
           (size_t)shape_count(&n->shape[0]) * sizeof(double));
}

/* No gradient goes through what a phase remembers. */
static void
store(Ref *r, RefNode *n)
{
    size_t bytes = (size_t)shape_count(&n->shape[0]) * sizeof(double);

    if (r->moved)
        return;
    memcpy(n->v[0], in_value(r, n, 0), bytes);
    if (!n->tensor->next)
        n->tensor->next = malloc(bytes);
    memcpy(n->tensor->next, n->v[0], bytes);
}

/* Nothing moves behind it. */
static void
stop(Ref *r, RefNode *n)
{
    if (!r->moved)
        memcpy(n->v[0], in_value(r, n, 0),
               (size_t)shape_count(&n->shape[0]) * sizeof(double));
}

/* bf16 has 8 significant bits, f16 has 11, but none below 2^-24 and nothing
 * from 65520 on. */
static double
half_near(double x, bool f16)
{
    int bits = f16 ? 11 : 8, e;
    double near;

    frexp(x, &e);
    if (f16 && e < -13)
        e = -13;
    near = ldexp(nearbyint(ldexp(x, bits - e)), e - bits);
    return f16 && fabs(near) >= 65520 ? copysign(INFINITY, x) : near;
}

/* Ties to even; slopes go straight through. */
static void
half(Ref *r, RefNode *n)
{
    const double *x = in_value(r, n, 0);

    for (int64_t i = 0; i < shape_count(&n->shape[0]); i++)
        n->v[0][i] = r->moved ? x[i] : half_near(x[i], r->f16);
}

static void
iota(Ref *r, RefNode *n)
{
    (void)r;
    for (int64_t i = 0; i < n->shape[0].dim[0]; i++)
        n->v[0][i] = (double)i;
}

static void
input(Ref *r, RefNode *n)
{
    (void)r; /* the driver has filled it */
    (void)n;
}

static const struct {
    const char *op;
    RefOp *f;
} ops[] = {
    {"input", input},
    {"load", load},
    {"literal", literal},
    {"store", store},
    {"stop", stop},
    {"half", half},
    {"iota", iota},
    {"uniform", ref_uniform},
    {"reshape", reshape},
    {"permute", permute},
    {"slice", slice},
    {"pad", pad},
    {"concat", concat},
    {"sum", reduce},
    {"max", reduce},
    {"dropout", ref_dropout},
    {"matmul", ref_matmul},
    {"linear", ref_linear},
    {"softmax", ref_softmax},
    {"layer_norm", ref_layer_norm},
    {"batch_norm", ref_batch_norm},
    {"bce", ref_bce},
    {"cross_entropy", ref_cross_entropy},
    {"gather", ref_gather},
    {"scatter_add", ref_scatter_add},
    {"pick_max", ref_pick_max},
    {"arg_max", ref_arg_max},
    {"conv2d", ref_conv2d},
    {"conv2d_dx", ref_conv2d_dx},
    {"conv2d_dw", ref_conv2d_dw},
    {"max_pool", ref_max_pool},
    {"max_pool_dx", ref_max_pool_dx},
    {"normalise", ref_normalise},
    {"valid_mask", ref_valid_mask},
    {"sine_position", ref_sine_position},
};

static RefOp *
op_of(const char *op)
{
    if (scalar_of(op) >= 0)
        return elementwise;
    for (int i = 0; i < (int)(sizeof ops / sizeof *ops); i++)
        if (!strcmp(ops[i].op, op))
            return ops[i].f;
    fprintf(stderr, "the reference has no formula of op %s\n", op);
    exit(1);
}

void
ref_compute(Ref *r)
{
    r->branches = 0;
    for (int i = 0; i < r->now->nnode; i++) {
        RefNode *n = &r->now->node[i];

        if (!n->compute)
            n->compute = op_of(n->op);
        n->moved = n->tensor && n->tensor == r->moved;
        for (int k = 0; k < n->nin; k++)
            n->moved |= r->now->node[n->in[k].node].moved;
        if (!r->moved || n->moved)
            n->compute(r, n);
    }
}
