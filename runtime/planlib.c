/* planlib.c - the rows of library calls: sane sizes, and the bytes that each
 * operand touches.
 *
 * In: GEMMS and CONVS rows of a plan being read.  Out: SOHO_BAD, or operands
 * that the steps' arguments are compared with.  All sums are checked: a row
 * cannot wrap around 64 bits. */
#include "runtime/planread.h"

#include <inttypes.h>

/* Largest dimension, and largest stride in elements, of a row. */
#define MAX_DIM    ((i64)1 << 31)
#define MAX_STRIDE ((i64)1 << 40)

enum {
    POSTS = POST_accum | POST_bias | POST_add | POST_relu | POST_gelu |
            POST_packed | POST_tf32,
    CONV_POSTS = POSTS | POST_varies
};

/* Bytes from the first to the last element touched; UINT64_MAX where that is
 * more than 64 bits hold. */
static u64
extent(u32 n, const i64 *dim, const i64 *stride, u32 dtype)
{
    u64 last = 0, bytes;

    for (u32 i = 0; i < n; i++) {
        u64 step;

        if (__builtin_mul_overflow((u64)(dim[i] - 1), (u64)stride[i], &step) ||
            __builtin_add_overflow(last, step, &last))
            return UINT64_MAX;
    }
    if (__builtin_add_overflow(last, 1, &last) ||
        __builtin_mul_overflow(last, dtype_bytes(dtype), &bytes))
        return UINT64_MAX;
    return bytes;
}

/* Bytes of a dense tensor. */
static u64
dense(u32 n, const i64 *dim, u32 dtype)
{
    u64 bytes = dtype_bytes(dtype);

    for (u32 i = 0; i < n; i++)
        if (__builtin_mul_overflow(bytes, (u64)dim[i], &bytes))
            return UINT64_MAX;
    return bytes;
}

static u64
gemm_extent(const PlanGemm *g, i64 rows, i64 cols, const i64 stride[4],
            u32 dtype)
{
    i64 dim[4] = {g->nb[0], g->nb[1], rows, cols};

    return extent(4, dim, stride, dtype);
}

/* Element types of a library call: the CPU's know one. */
static int
check_dtypes(const Reader *r, u32 section, u32 i, const u8 dtype[4])
{
    int cuda = r->plan->head->target == TARGET_cuda;

    for (u32 k = 0; k < 4; k++)
        if (dtype[k] != DT_f32 && !(cuda && dtype_half(dtype[k])))
            return plan_refuse(r, section, i, "dtype %u of operand %u",
                               dtype[k], k);
    return 0;
}

int
plan_gemm_row(const Reader *r, u32 i)
{
    const PlanGemm *g = &r->plan->gemm[i];
    const i64 dim[5] = {g->nb[0], g->nb[1], g->m, g->n, g->k};
    const i64 *stride[3] = {g->a_stride, g->b_stride, g->c_stride};
    const i64 c_dim[4] = {g->nb[0], g->nb[1], g->m, g->n};

    for (u32 k = 0; k < 5; k++)
        CHECK(r, GEMMS, i, dim[k] >= 1 && dim[k] <= MAX_DIM,
              "size %u is %" PRId64 ", expected 1 to 2^31", k, dim[k]);
    for (u32 k = 0; k < 12; k++)
        CHECK(r, GEMMS, i,
              stride[k / 4][k % 4] >= 0 && stride[k / 4][k % 4] <= MAX_STRIDE,
              "stride %u of %c is %" PRId64 ", expected 0 to 2^40", k % 4,
              "abc"[k / 4], stride[k / 4][k % 4]);
    for (u32 k = 0; k < 4; k++)
        CHECK(r, GEMMS, i, c_dim[k] == 1 || g->c_stride[k] > 0,
              "stride %u of the result is 0", k);
    CHECK(r, GEMMS, i, !(g->post & ~(u32)POSTS), "post-operations 0x%x",
          g->post);
    TRY(check_dtypes(r, SEC_GEMMS, i, g->dtype));
    CHECK(r, GEMMS, i,
          (g->post & (POST_relu | POST_gelu)) != (POST_relu | POST_gelu),
          "both relu and gelu");
    if (r->plan->head->target == TARGET_cpu)
        CHECK(r, GEMMS, i, !g->packed == !(g->post & POST_packed),
              "%" PRIu64 " packed bytes do not fit post-operations 0x%x",
              g->packed, g->post);
    return 0;
}

/* Output size along one side, 0 if the window does not fit. */
static i64
out_size(i64 in, i64 pad, i64 window, i64 dilation, i64 stride)
{
    i64 reach = (window - 1) * dilation + 1;

    return in + pad < reach ? 0 : (in + pad - reach) / stride + 1;
}

static int
conv_shapes(const Reader *r, u32 i)
{
    const PlanConv *c = &r->plan->conv[i];
    i64 oh = out_size(c->h, c->pad[0] + c->pad[2], c->kh, c->dilation[0],
                      c->stride[0]);
    i64 ow = out_size(c->w, c->pad[1] + c->pad[3], c->kw, c->dilation[1],
                      c->stride[1]);

    CHECK(r, CONVS, i, c->oh == oh && c->ow == ow,
          "result %" PRId64 " x %" PRId64 ", expected %" PRId64 " x %" PRId64,
          c->oh, c->ow, oh, ow);
    CHECK(r, CONVS, i, c->ci % c->groups == 0 && c->co % c->groups == 0,
          "%" PRId64 " groups do not divide %" PRId64 " and %" PRId64
          " channels",
          c->groups, c->ci, c->co);
    return 0;
}

int
plan_conv_row(const Reader *r, u32 i)
{
    const PlanConv *c = &r->plan->conv[i];
    const i64 size[14] = {
        c->n,         c->h,           c->w,           c->ci,    c->oh,
        c->ow,        c->co,          c->kh,          c->kw,    c->stride[0],
        c->stride[1], c->dilation[0], c->dilation[1], c->groups};
    static const u32 posts[3] = {CONV_POSTS,
                                 POST_packed | POST_tf32 | POST_varies,
                                 POST_accum | POST_tf32 | POST_varies};

    for (u32 k = 0; k < 14; k++)
        CHECK(r, CONVS, i, size[k] >= 1 && size[k] <= MAX_DIM,
              "size %u is %" PRId64 ", expected 1 to 2^31", k, size[k]);
    /* below and right a stride may leave pixels out: less than one step */
    for (u32 k = 0; k < 4; k++)
        CHECK(r, CONVS, i,
              c->pad[k] > (k < 2 ? -1 : -c->stride[k % 2]) &&
                  c->pad[k] <= MAX_DIM,
              "padding %u is %" PRId64 ", expected %" PRId64 " to 2^31", k,
              c->pad[k], k < 2 ? 0 : 1 - c->stride[k % 2]);
    TRY(conv_shapes(r, i));
    TRY(check_dtypes(r, SEC_CONVS, i, c->dtype));
    CHECK(r, CONVS, i, c->spare == 0, "spare is %u", c->spare);
    CHECK(r, CONVS, i, c->dir < 3, "direction %u, expected 0 to 2", c->dir);
    CHECK(r, CONVS, i, !(c->post & ~posts[c->dir]),
          "post-operations 0x%x in direction %u", c->post, c->dir);
    CHECK(r, CONVS, i,
          (c->post & (POST_relu | POST_gelu)) != (POST_relu | POST_gelu),
          "both relu and gelu");
    if (r->plan->head->target == TARGET_cpu && c->dir < 2)
        CHECK(r, CONVS, i, !c->packed == !(c->post & POST_packed),
              "%" PRIu64 " packed bytes do not fit post-operations 0x%x",
              c->packed, c->post);
    return 0;
}

/* --------------------------------------------------------------- operands */

static u32
push(Operand *o, u32 n, const char *what, u32 mode, u64 bytes)
{
    o[n] = (Operand){what, mode, bytes};
    return n + 1;
}

static u32
gemm_operands(const PlanGemm *g, Operand *o)
{
    const u8 *type = g->dtype;
    u64 c = gemm_extent(g, g->m, g->n, g->c_stride, type[0]);
    u32 n = 0;

    n = push(o, n, "result", g->post & POST_accum ? ACCESS_rw : ACCESS_w, c);
    n = push(o, n, "a", ACCESS_r,
             gemm_extent(g, g->m, g->k, g->a_stride, type[1]));
    if (g->post & POST_packed)
        n = push(o, n, "packed b", ACCESS_r, g->packed);
    else
        n = push(o, n, "b", ACCESS_r,
                 gemm_extent(g, g->k, g->n, g->b_stride, type[2]));
    if (g->post & POST_bias)
        n = push(o, n, "bias", ACCESS_r, dense(1, &g->n, type[3]));
    if (g->post & POST_add)
        n = push(o, n, "residual", ACCESS_r,
                 gemm_extent(g, g->m, g->n, g->c_stride, type[3]));
    return g->scratch ? push(o, n, "scratch", ACCESS_w, g->scratch) : n;
}

static u64
conv_w_bytes(const PlanConv *c, u32 dtype)
{
    i64 dim[4] = {c->co, c->ci / c->groups, c->kh, c->kw};

    return dense(4, dim, dtype);
}

static u32
conv_operands(const PlanConv *c, Operand *o)
{
    static const char *const names[3][3] = {
        {"y", "x", "w"}, {"dx", "dy", "w"}, {"dw", "x", "dy"}};
    i64 x_dim[4] = {c->n, c->h, c->w, c->ci};
    i64 y_dim[4] = {c->n, c->oh, c->ow, c->co};
    i64 w_dim[4] = {c->co, c->ci / c->groups, c->kh, c->kw};
    const i64 *dim[3][3] = {
        {y_dim, x_dim, w_dim}, {x_dim, y_dim, w_dim}, {w_dim, x_dim, y_dim}};
    u32 n = 0, out = c->post & POST_accum ? ACCESS_rw : ACCESS_w;

    for (u32 k = 0; k < 3; k++)
        n = push(o, n, names[c->dir][k], k ? ACCESS_r : out,
                 k == 2 && c->packed && c->dir < 2
                     ? c->packed
                     : dense(4, dim[c->dir][k], c->dtype[k]));
    if (c->post & POST_bias)
        n = push(o, n, "bias", ACCESS_r, dense(1, &c->co, c->dtype[3]));
    if (c->post & POST_add)
        n = push(o, n, "residual", ACCESS_r, dense(4, y_dim, c->dtype[3]));
    if (c->dir == 2 && c->packed)
        n = push(o, n, "packed dw", ACCESS_w, c->packed);
    return c->scratch ? push(o, n, "scratch", ACCESS_w, c->scratch) : n;
}

u32
plan_operands(const Plan *plan, const PlanStep *step, Operand *o)
{
    const PlanGemm *g = &plan->gemm[step->what];
    const PlanConv *c = &plan->conv[step->what];

    switch (step->kind) {
    case ST_gemm:
        return gemm_operands(g, o);
    case ST_conv:
        return conv_operands(c, o);
    case ST_pack_gemm:
        push(o, 0, "packed b", ACCESS_w, g->packed);
        return push(o, 1, "b", ACCESS_r,
                    gemm_extent(g, g->k, g->n, g->b_stride, g->dtype[2]));
    case ST_pack_conv:
        push(o, 0, "packed w", ACCESS_w, c->packed);
        return push(o, 1, "w", ACCESS_r, conv_w_bytes(c, c->dtype[2]));
    }
    return 0;
}
