/* window.c - convolutions, pooling and picture ops in double. */
#include "tests/op/ref.h"

#include <math.h>
#include <string.h>

/* ------------------------------------------------------------- convolution */

/* What the three sums of a convolution run over. */
typedef struct Conv {
    const Shape *x, *w, *y;
    int64_t stride, pad, dilation, groups;
} Conv;

/* One product of the sum: y[out] += x[in] * w[weight]. */
typedef void Term(int64_t out, int64_t in, int64_t weight, void *user);

/* One output, one tap: row and column on the picture, or not at all. */
static void
terms_at(const Conv *c, const int64_t at[4], Term *term, void *user)
{
    int64_t per = c->w->dim[1], outs = c->w->dim[0] / c->groups;
    int64_t out =
        ((at[0] * c->y->dim[1] + at[1]) * c->y->dim[2] + at[2]) * c->y->dim[3] +
        at[3];

    for (int64_t ky = 0; ky < c->w->dim[2]; ky++)
        for (int64_t kx = 0; kx < c->w->dim[3]; kx++)
            for (int64_t k = 0; k < per; k++) {
                int64_t row = at[1] * c->stride - c->pad + ky * c->dilation;
                int64_t col = at[2] * c->stride - c->pad + kx * c->dilation;
                int64_t channel = at[3] / outs * per + k;

                if (row < 0 || row >= c->x->dim[1] || col < 0 ||
                    col >= c->x->dim[2])
                    continue;
                term(out,
                     ((at[0] * c->x->dim[1] + row) * c->x->dim[2] + col) *
                             c->x->dim[3] +
                         channel,
                     ((at[3] * per + k) * c->w->dim[2] + ky) * c->w->dim[3] +
                         kx,
                     user);
            }
}

static void
all_terms(const RefNode *n, Conv c, Term *term, void *user)
{
    int64_t at[4];

    c.stride = (int64_t)attr_number(n, "stride", 1);
    c.pad = (int64_t)attr_number(n, "pad", 0);
    c.dilation = (int64_t)attr_number(n, "dilation", 1);
    c.groups = (int64_t)attr_number(n, "groups", 1);
    for (at[0] = 0; at[0] < c.y->dim[0]; at[0]++)
        for (at[1] = 0; at[1] < c.y->dim[1]; at[1]++)
            for (at[2] = 0; at[2] < c.y->dim[2]; at[2]++)
                for (at[3] = 0; at[3] < c.y->dim[3]; at[3]++)
                    terms_at(&c, at, term, user);
}

/* The array that is summed up, and the two factors. */
typedef struct Sums {
    double *to;
    const double *a, *b;
} Sums;

static void
forward(int64_t out, int64_t in, int64_t weight, void *user)
{
    const Sums *s = user;

    s->to[out] += s->a[in] * s->b[weight];
}

static void
to_input(int64_t out, int64_t in, int64_t weight, void *user)
{
    const Sums *s = user;

    s->to[in] += s->a[out] * s->b[weight];
}

static void
to_weight(int64_t out, int64_t in, int64_t weight, void *user)
{
    const Sums *s = user;

    s->to[weight] += s->a[in] * s->b[out];
}

static Sums
sums_of(Ref *r, RefNode *n)
{
    memset(n->v[0], 0, (size_t)shape_count(&n->shape[0]) * sizeof(double));
    return (Sums){n->v[0], in_value(r, n, 0), in_value(r, n, 1)};
}

void
ref_conv2d(Ref *r, RefNode *n)
{
    Sums s = sums_of(r, n);

    all_terms(
        n,
        (Conv){in_shape(r, n, 0), in_shape(r, n, 1), &n->shape[0], 0, 0, 0, 0},
        forward, &s);
}

void
ref_conv2d_dx(Ref *r, RefNode *n)
{
    Sums s = sums_of(r, n);

    all_terms(
        n,
        (Conv){&n->shape[0], in_shape(r, n, 1), in_shape(r, n, 0), 0, 0, 0, 0},
        to_input, &s);
}

void
ref_conv2d_dw(Ref *r, RefNode *n)
{
    Sums s = sums_of(r, n);

    all_terms(
        n,
        (Conv){in_shape(r, n, 0), &n->shape[0], in_shape(r, n, 1), 0, 0, 0, 0},
        to_weight, &s);
}

/* ------------------------------------------------------------------ pooling */

/* Index in x of place `place` of a window, or -1 beyond the picture. */
static int64_t
pooled(const RefNode *n, const Shape *x, const Shape *y, int64_t out,
       int64_t place)
{
    int64_t kernel = (int64_t)attr_number(n, "kernel", 1);
    int64_t stride = (int64_t)attr_number(n, "stride", 1);
    int64_t pad = (int64_t)attr_number(n, "pad", 0);
    int64_t channel = out % y->dim[3], cell = out / y->dim[3];
    int64_t col = cell % y->dim[2] * stride - pad + place % kernel;
    int64_t row = cell / y->dim[2] % y->dim[1] * stride - pad + place / kernel;
    int64_t image = cell / y->dim[2] / y->dim[1];

    if (row < 0 || row >= x->dim[1] || col < 0 || col >= x->dim[2])
        return -1;
    return ((image * x->dim[1] + row) * x->dim[2] + col) * x->dim[3] + channel;
}

void
ref_max_pool(Ref *r, RefNode *n)
{
    const Shape *x = in_shape(r, n, 0);
    const double *v = in_value(r, n, 0);
    int64_t kernel = (int64_t)attr_number(n, "kernel", 1);

    for (int64_t i = 0; i < shape_count(&n->shape[0]); i++) {
        n->v[0][i] = -INFINITY;
        for (int64_t k = 0; k < kernel * kernel; k++) {
            int64_t at = pooled(n, x, &n->shape[0], i, k);

            if (at >= 0 && v[at] > n->v[0][i]) {
                n->v[0][i] = v[at];
                n->v[1][i] = (double)k;
            }
        }
        ref_branch(r, (uint64_t)n->v[1][i]);
    }
}

void
ref_max_pool_dx(Ref *r, RefNode *n)
{
    const Shape *y = in_shape(r, n, 0);

    memset(n->v[0], 0, (size_t)shape_count(&n->shape[0]) * sizeof(double));
    for (int64_t i = 0; i < shape_count(y); i++) {
        int64_t place = (int64_t)in_value(r, n, 1)[i];
        int64_t at = pooled(n, &n->shape[0], y, i, place);

        if (at >= 0)
            n->v[0][at] += in_value(r, n, 0)[i];
    }
}

/* ----------------------------------------------------------------- pictures */

void
ref_normalise(Ref *r, RefNode *n)
{
    const Shape *x = in_shape(r, n, 0), *y = &n->shape[0];
    const double *size = in_value(r, n, 1);
    int64_t cell = (int64_t)attr_number(n, "cell", 1);
    int64_t before = (int64_t)attr_number(n, "before", 0);
    double mean[REF_LIST], std[REF_LIST];

    attr_list(n, "mean", mean);
    attr_list(n, "std", std);
    for (int64_t i = 0; i < shape_count(y); i++)
        n->v[0][i] = 0;
    for (int64_t i = 0; i < shape_count(x); i++) {
        int64_t c = i % 3, col = i / 3 % x->dim[2];
        int64_t row = i / 3 / x->dim[2] % x->dim[1];
        int64_t image = i / 3 / x->dim[2] / x->dim[1];
        bool inside =
            (double)row < size[2 * image] && (double)col < size[2 * image + 1];

        int64_t to = (image * y->dim[1] + row / cell + before) * y->dim[2] +
                     col / cell + before;
        int64_t place = (row % cell * cell + col % cell) * 3 + c;

        n->v[0][to * y->dim[3] + place] =
            inside ? (in_value(r, n, 0)[i] - mean[c]) / std[c] : 0;
    }
}

/* Cell (row, col) of the grid shows pixel floor(cell * size / cells). */
void
ref_valid_mask(Ref *r, RefNode *n)
{
    const Shape *y = &n->shape[0];
    const double *size = in_value(r, n, 0);
    double image[REF_LIST];

    attr_list(n, "image", image);
    if (attr_number(n, "square", 0) != 0)
        image[1] = image[0];
    for (int64_t i = 0; i < shape_count(y); i++) {
        int64_t col = i % y->dim[2], row = i / y->dim[2] % y->dim[1];
        int64_t b = i / y->dim[2] / y->dim[1];

        n->v[0][i] =
            row * (int64_t)image[0] / y->dim[1] < (int64_t)size[2 * b] &&
            col * (int64_t)image[1] / y->dim[2] < (int64_t)size[2 * b + 1];
    }
}

/* 2 pi times the share of the mask's line up to and including its cell `at`. */
static double
turn(const double *mask, int64_t n, int64_t step, int64_t at)
{
    double sum = 0, all = 0;

    for (int64_t i = 0; i < n; i++) {
        all += mask[i * step];
        sum += i <= at ? mask[i * step] : 0;
    }
    return sum / (all + 1e-6) * 2 * M_PI;
}

void
ref_sine_position(Ref *r, RefNode *n)
{
    const Shape *x = in_shape(r, n, 0);
    int64_t c = n->shape[0].dim[3], half = c / 2;

    for (int64_t i = 0; i < shape_count(&n->shape[0]); i++) {
        int64_t k = i % c % half, cell = i / c;
        int64_t col = cell % x->dim[2], row = cell / x->dim[2] % x->dim[1];
        const double *image = in_value(r, n, 0) + cell / x->dim[2] / x->dim[1] *
                                                      x->dim[1] * x->dim[2];
        double angle = i % c < half
                           ? turn(image + col, x->dim[1], x->dim[2], row)
                           : turn(image + row * x->dim[2], x->dim[2], 1, col);

        angle /= pow(10000, 2 * floor((double)k / 2) / (double)half);
        n->v[0][i] = k % 2 ? cos(angle) : sin(angle);
    }
}
