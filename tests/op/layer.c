/* layer.c - products, normalisations, losses, tables, dropout in double. */
#include "tests/op/ref.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Elements of the last axis, and how many such rows there are. */
static int64_t
last(const Shape *s, int64_t *rows)
{
    int64_t n = s->dim[s->rank - 1];

    *rows = shape_count(s) / n;
    return n;
}

/* y [..,M,N] = a [..,M,K] b [..,K,N] */
void
ref_matmul(Ref *r, RefNode *n)
{
    const Shape *x = in_shape(r, n, 0), *y = &n->shape[0];
    const double *a = in_value(r, n, 0), *b = in_value(r, n, 1);
    int64_t m = x->dim[x->rank - 2], k = x->dim[x->rank - 1];
    int64_t w = y->dim[y->rank - 1], batches = shape_count(y) / (m * w);

    for (int64_t t = 0; t < batches; t++)
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < w; j++) {
                double sum = 0;

                for (int64_t p = 0; p < k; p++)
                    sum += a[(t * m + i) * k + p] * b[(t * k + p) * w + j];
                n->v[0][(t * m + i) * w + j] = sum;
            }
}

/* y [..,N] = x [..,K] times w [N,K] transposed, plus bias [N] */
void
ref_linear(Ref *r, RefNode *n)
{
    int64_t rows, k = last(in_shape(r, n, 0), &rows), w = n->shape[0].dim[0];
    const double *x = in_value(r, n, 0), *weight = in_value(r, n, 1);

    w = last(&n->shape[0], &rows);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < w; j++) {
            double sum = n->nin > 2 ? in_value(r, n, 2)[j] : 0;

            for (int64_t p = 0; p < k; p++)
                sum += x[i * k + p] * weight[j * k + p];
            n->v[0][i * w + j] = sum;
        }
}

void
ref_softmax(Ref *r, RefNode *n)
{
    int64_t rows, c = last(&n->shape[0], &rows);

    for (int64_t i = 0; i < rows; i++) {
        const double *x = in_value(r, n, 0) + i * c;
        double *y = n->v[0] + i * c, top = x[0], sum = 0;

        for (int64_t j = 1; j < c; j++)
            top = fmax(top, x[j]);
        for (int64_t j = 0; j < c; j++)
            sum += y[j] = exp(x[j] - top);
        for (int64_t j = 0; j < c; j++)
            y[j] /= sum;
    }
}

/* Mean and (biased) variance of `count` numbers that lie `step` apart. */
static void
moments(const double *x, int64_t count, int64_t step, double *mean, double *var)
{
    *mean = *var = 0;
    for (int64_t i = 0; i < count; i++)
        *mean += x[i * step] / (double)count;
    for (int64_t i = 0; i < count; i++)
        *var += pow(x[i * step] - *mean, 2) / (double)count;
}

void
ref_layer_norm(Ref *r, RefNode *n)
{
    int64_t rows, c = last(&n->shape[0], &rows);
    double eps = attr_number(n, "eps", 1e-5), mean, var;

    for (int64_t i = 0; i < rows; i++) {
        const double *x = in_value(r, n, 0) + i * c;

        moments(x, c, 1, &mean, &var);
        for (int64_t j = 0; j < c; j++)
            n->v[0][i * c + j] =
                (x[j] - mean) / sqrt(var + eps) * in_value(r, n, 1)[j] +
                in_value(r, n, 2)[j];
    }
}

/* Running statistic k of channel j moves towards `now`. */
static void
follow(Ref *r, RefNode *n, int k, int64_t j, double now)
{
    RefTensor *t = r->now->node[n->in[k].node].tensor;
    double momentum = attr_number(n, "momentum", 0.1);
    int64_t channels = shape_count(&t->shape);

    if (r->moved)
        return;
    if (!t->next)
        t->next = calloc((size_t)channels, sizeof *t->next);
    t->next[j] = (1 - momentum) * t->value[j] + momentum * now;
}

void
ref_batch_norm(Ref *r, RefNode *n)
{
    int64_t rows, c = last(&n->shape[0], &rows);
    double eps = attr_number(n, "eps", 1e-5);
    double all = (double)rows * attr_number(n, "copies", 1);
    const double *x = in_value(r, n, 0);

    for (int64_t j = 0; j < c; j++) {
        double mean = in_value(r, n, 3)[j], var = in_value(r, n, 4)[j];

        if (attr_number(n, "train", 0) != 0) {
            moments(x + j, rows, c, &mean, &var);
            follow(r, n, 3, j, mean);
            follow(r, n, 4, j, all > 1 ? var * all / (all - 1) : var);
        }
        for (int64_t i = 0; i < rows; i++)
            n->v[0][i * c + j] =
                (x[i * c + j] - mean) / sqrt(var + eps) * in_value(r, n, 1)[j] +
                in_value(r, n, 2)[j];
    }
}

/* -t ln s(z) - (1 - t) ln(1 - s(z)), where -ln s(z) = ln(1 + e^-z) */
void
ref_bce(Ref *r, RefNode *n)
{
    const double *z = in_value(r, n, 0), *t = in_value(r, n, 1);

    for (int64_t i = 0; i < shape_count(&n->shape[0]); i++) {
        double near = log1p(exp(-fabs(z[i])));
        double yes = near + fmax(-z[i], 0), no = near + fmax(z[i], 0);

        n->v[0][i] = t[i] * yes + (1 - t[i]) * no;
    }
}

/* ln sum e^z - z at the label; 0 where the label is negative */
void
ref_cross_entropy(Ref *r, RefNode *n)
{
    int64_t rows, c = last(in_shape(r, n, 0), &rows);

    for (int64_t i = 0; i < rows; i++) {
        const double *z = in_value(r, n, 0) + i * c;
        double label = in_value(r, n, 1)[i], top = z[0], sum = 0;

        for (int64_t j = 1; j < c; j++)
            top = fmax(top, z[j]);
        for (int64_t j = 0; j < c; j++)
            sum += exp(z[j] - top);
        n->v[0][i] = label < 0 ? 0 : top + log(sum) - z[(int64_t)label];
    }
}

/* --------------------------------------------------------------- by index */

/* Row `skip` of the table has no gradient: while an element is moved, it
 * stays as it was. */
void
ref_gather(Ref *r, RefNode *n)
{
    int64_t rows, c = last(in_shape(r, n, 0), &rows);
    int64_t skip = (int64_t)attr_number(n, "skip", -1);
    const double *table = in_value(r, n, 0), *index = in_value(r, n, 1);

    if (skip >= 0 && !r->moved) {
        if (!n->kept)
            n->kept = malloc((size_t)c * sizeof *n->kept);
        memcpy(n->kept, table + skip * c, (size_t)c * sizeof *n->kept);
    }
    for (int64_t i = 0; i < shape_count(in_shape(r, n, 1)); i++) {
        int64_t row = (int64_t)index[i];

        memcpy(n->v[0] + i * c, row == skip ? n->kept : table + row * c,
               (size_t)c * sizeof *table);
    }
}

void
ref_scatter_add(Ref *r, RefNode *n)
{
    int64_t count, c = last(&n->shape[0], &count);
    int64_t skip = (int64_t)attr_number(n, "skip", -1);
    const double *dy = in_value(r, n, 0), *index = in_value(r, n, 1);

    memset(n->v[0], 0, (size_t)(count * c) * sizeof *dy);
    for (int64_t i = 0; i < shape_count(in_shape(r, n, 1)); i++)
        for (int64_t j = 0; j < c && (int64_t)index[i] != skip; j++)
            n->v[0][(int64_t)index[i] * c + j] += dy[i * c + j];
}

static int64_t
first_top(Ref *r, const double *x, int64_t c)
{
    int64_t best = 0;

    for (int64_t j = 1; j < c; j++)
        if (x[j] > x[best])
            best = j;
    ref_branch(r, (uint64_t)best);
    return best;
}

void
ref_arg_max(Ref *r, RefNode *n)
{
    int64_t rows, c = last(in_shape(r, n, 0), &rows);

    for (int64_t i = 0; i < rows; i++)
        n->v[0][i] = (double)first_top(r, in_value(r, n, 0) + i * c, c);
}

void
ref_pick_max(Ref *r, RefNode *n)
{
    int64_t rows, c = last(in_shape(r, n, 0), &rows);

    for (int64_t i = 0; i < rows; i++)
        n->v[0][i] = in_value(
            r, n, 1)[i * c + first_top(r, in_value(r, n, 0) + i * c, c)];
}

/* ---------------------------------------------------------------- dropout */

/* Word i % 4 of the block with counter (i/4, 0, site, t). */
uint32_t
ref_draw(uint64_t seed, uint32_t site, uint32_t t, uint32_t i)
{
    uint32_t c[4] = {i / 4, 0, site, t};
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};

    for (int round = 0; round < 10; round++) {
        uint64_t p = (uint64_t)0xD2511F53 * c[0];
        uint64_t q = (uint64_t)0xCD9E8D57 * c[2];
        uint32_t next[4] = {(uint32_t)(q >> 32) ^ c[1] ^ key[0], (uint32_t)q,
                            (uint32_t)(p >> 32) ^ c[3] ^ key[1], (uint32_t)p};

        memcpy(c, next, sizeof c);
        key[0] += 0x9E3779B9;
        key[1] += 0xBB67AE85;
    }
    return c[i % 4];
}

static uint32_t
crc32(const char *s)
{
    uint32_t crc = ~0u;

    for (; *s; s++)
        for (int bit = 0; bit < 8; bit++) {
            uint32_t in = ((uint32_t)(uint8_t)*s >> bit & 1) ^ (crc & 1);

            crc = crc >> 1 ^ (in ? 0xEDB88320 : 0);
        }
    return ~crc;
}

static double
draw(const Ref *r, const RefNode *n, int64_t i)
{
    uint32_t site = crc32(attr_text(n, "site"));

    return ref_draw(r->seed, site, r->t, (uint32_t)i) / 256 * 0x1p-24;
}

void
ref_uniform(Ref *r, RefNode *n)
{
    for (int64_t i = 0; i < shape_count(&n->shape[0]); i++)
        n->v[0][i] = draw(r, n, i);
}

void
ref_dropout(Ref *r, RefNode *n)
{
    double p = attr_number(n, "p", 0);

    for (int64_t i = 0; i < shape_count(&n->shape[0]); i++)
        n->v[0][i] =
            draw(r, n, i) >= (float)p ? in_value(r, n, 0)[i] / (1 - p) : 0;
}
