/* reference.c - the emulated device's products and convolutions, from the
 * definitions in soho/plan.h: straight loops, sums in double. */
#include "emulate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of a half: the exponent of its least normal number, and its digits behind the
 * point. */
typedef struct Half {
    int least, digits;
} Half;

static Half
half_of(u8 dtype)
{
    return dtype == DT_f16 ? (Half){-14, 10} : (Half){-126, 7};
}

static double
f16_value(int bits)
{
    int power = bits >> 10 & 31, rest = bits & 1023;
    double x = power == 31 ? (rest ? NAN : INFINITY)
                           : ldexp(power ? rest + 1024 : rest,
                                   (power ? power : 1) - 15 - 10);

    return bits & 0x8000 ? -x : x;
}

static double
get(uint64_t at, i64 i, u8 dtype)
{
    const void *p = (const void *)(uintptr_t)at;
    u32 bits;
    f32 x;

    if (dtype == DT_f32)
        return ((const f32 *)p)[i];
    if (dtype == DT_f16)
        return f16_value(((const u16 *)p)[i]);
    bits = (u32)((const u16 *)p)[i] << 16;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void
put(uint64_t at, i64 i, u8 dtype, double value)
{
    void *p = (void *)(uintptr_t)at;
    Half h = half_of(dtype);
    double x = fabs((f32)value);
    int sign = signbit(value) ? 0x8000 : 0, power = 0, most = 3 - 2 * h.least;
    i64 bits;

    if (dtype == DT_f32) {
        ((f32 *)p)[i] = (f32)value;
        return;
    }
    if (x != x) {
        ((u16 *)p)[i] = 0x7fff;
        return;
    }
    frexp(x, &power);
    power = x < ldexp(1, h.least) ? h.least : power - 1;
    bits = isinf(x) ? (i64)most << h.digits
                    : (i64)nearbyint(ldexp(x, h.digits - power)) +
                          ((i64)(power - h.least) << h.digits);
    if (bits > (i64)most << h.digits)
        bits = (i64)most << h.digits;
    ((u16 *)p)[i] = (u16)(sign | bits);
}

/* Bias, residual and activation of element i, channel `channel`. */
static double
finish(double x, u32 post, const u8 dtype[4], const uint64_t *extra, i64 i,
       i64 channel)
{
    if (post & POST_bias)
        x += get(*extra++, channel, dtype[3]);
    if (post & POST_add)
        x += get(*extra, i, dtype[3]);
    if (post & POST_relu)
        x = x > 0 ? x : 0;
    if (post & POST_gelu)
        x = 0.5 * x * (1 + erf(x / sqrt(2)));
    return x;
}

/* Row i of one batch: for each k a whole row of b, so that memory is walked in
 * order. */
static void
gemm_row(const PlanGemm *g, const uint64_t *at, i64 a, i64 b, i64 c,
         double *sum)
{
    for (i64 j = 0; j < g->n; j++)
        sum[j] = 0;
    for (i64 k = 0; k < g->k; k++) {
        double x = get(at[1], a + k * g->a_stride[3], g->dtype[1]);

        for (i64 j = 0; j < g->n; j++)
            sum[j] +=
                x * get(at[2], b + k * g->b_stride[2] + j * g->b_stride[3],
                        g->dtype[2]);
    }
    for (i64 j = 0; j < g->n; j++) {
        i64 to = c + j * g->c_stride[3];
        double old = g->post & POST_accum ? get(at[0], to, g->dtype[0]) : 0;

        put(at[0], to, g->dtype[0],
            finish(old + sum[j], g->post, g->dtype, at + 3, to, j));
    }
}

int
reference_gemm(const Work *w)
{
    const PlanGemm *g = w->row;
    double *sum = malloc((size_t)g->n * sizeof *sum);

    if (!sum)
        return OUT_OF_MEMORY;
    for (i64 p = 0; p < g->nb[0]; p++)
        for (i64 q = 0; q < g->nb[1]; q++)
            for (i64 i = 0; i < g->m; i++)
                gemm_row(g, w->word,
                         p * g->a_stride[0] + q * g->a_stride[1] +
                             i * g->a_stride[2],
                         p * g->b_stride[0] + q * g->b_stride[1],
                         p * g->c_stride[0] + q * g->c_stride[1] +
                             i * g->c_stride[2],
                         sum);
    free(sum);
    return SUCCESS;
}

/* Calls each(x, w, y, context) for all pairs that a convolution multiplies:
 * offsets of x [n,h,w,ci], w [co,kh,kw,ci/groups], y [n,oh,ow,co], with the
 * channels of a group beside each other. */
typedef void Pair(const PlanConv *c, const uint64_t *at, i64 x, i64 w, i64 y,
                  double *sum);

static void
walk(const PlanConv *c, const uint64_t *at, Pair *each, double *sum)
{
    i64 ci = c->ci / c->groups, co = c->co / c->groups;

    for (i64 m = 0; m < c->n * c->oh * c->ow; m++)
        for (i64 k = 0; k < c->kh * c->kw; k++) {
            i64 row = m / c->ow % c->oh * c->stride[0] - c->pad[0] +
                      k / c->kw * c->dilation[0];
            i64 column = m % c->ow * c->stride[1] - c->pad[1] +
                         k % c->kw * c->dilation[1];
            i64 image = m / (c->oh * c->ow);

            if (row < 0 || row >= c->h || column < 0 || column >= c->w)
                continue;
            for (i64 o = 0; o < c->co; o++)
                each(c, at,
                     ((image * c->h + row) * c->w + column) * c->ci +
                         o / co * ci,
                     (o * c->kh * c->kw + k) * ci, m * c->co + o, sum);
        }
}

static void
forward(const PlanConv *c, const uint64_t *at, i64 x, i64 w, i64 y, double *sum)
{
    for (i64 i = 0; i < c->ci / c->groups; i++)
        sum[y] +=
            get(at[1], x + i, c->dtype[1]) * get(at[2], w + i, c->dtype[2]);
}

static void
to_x(const PlanConv *c, const uint64_t *at, i64 x, i64 w, i64 y, double *sum)
{
    double dy = get(at[1], y, c->dtype[1]);

    for (i64 i = 0; i < c->ci / c->groups; i++)
        sum[x + i] += dy * get(at[2], w + i, c->dtype[2]);
}

static void
to_w(const PlanConv *c, const uint64_t *at, i64 x, i64 w, i64 y, double *sum)
{
    double dy = get(at[2], y, c->dtype[2]);

    for (i64 i = 0; i < c->ci / c->groups; i++)
        sum[w + i] += dy * get(at[1], x + i, c->dtype[1]);
}

int
reference_conv(const Work *w)
{
    static Pair *const pair[] = {forward, to_x, to_w};
    const PlanConv *c = w->row;
    const i64 count[] = {c->n * c->oh * c->ow * c->co,
                         c->n * c->h * c->w * c->ci,
                         c->co * c->kh * c->kw * (c->ci / c->groups)};
    double *sum = calloc((size_t)count[c->dir], sizeof *sum);

    if (!sum)
        return OUT_OF_MEMORY;
    walk(c, w->word, pair[c->dir], sum);
    for (i64 i = 0; i < count[c->dir]; i++)
        put(w->word[0], i, c->dtype[0],
            finish(sum[i], c->post & ~(u32)POST_packed, c->dtype, w->word + 3,
                   i, i % c->co));
    free(sum);
    return SUCCESS;
}
