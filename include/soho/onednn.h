/* onednn.h - one GEMM or CONV row of a plan as a oneDNN primitive descriptor.
 *
 * In: PlanGemm, PlanConv.  Out: primitive descriptors, memory descriptors,
 * bytes and form of packed weights, bytes of scratch.
 *
 * The compiler asks oneDNN for sizes, the runtime runs the calls: both must
 * come from one text, so this header holds code.  Rules: f32; scratch is given
 * by the caller; activations are plain (rows by strides, NHWC); weights are in
 * oneDNN's own form where the row says POST_packed; a reference
 * implementation is refused, never run slowly without a word.
 *
 * Implementations and sizes depend on the instruction set and on the number of
 * threads: call onednn_set_cpu() before anything else. */
#ifndef SOHO_ONEDNN_H
#define SOHO_ONEDNN_H

#include <omp.h>
#include <string.h>

#include <oneapi/dnnl/dnnl.h>

#include "soho/plan.h"

enum {
    ONEDNN_OK,
    ONEDNN_NONE,  /* oneDNN has no implementation, or refuses the shapes */
    ONEDNN_REF,   /* only a reference implementation */
    ONEDNN_POSTS, /* a post-operation that this direction does not have */
    ONEDNN_CPU    /* too late or unknown instruction set */
};

/* What such a code means, for messages. */
static inline const char *
onednn_reason(int code)
{
    static const char *const reason[] = {
        "fine", "oneDNN has no implementation for it",
        "oneDNN has only a reference implementation for it",
        "this direction has no such post-operation",
        "the instruction set was already chosen or is unknown"};

    return reason[code];
}

/* Limits oneDNN to the plan's instruction set (CPU_*) and threads, so that a
 * machine with more chooses the same implementations. */
static inline int
onednn_set_cpu(u32 cpu, u32 threads)
{
    dnnl_cpu_isa_t isa =
        cpu == CPU_avx512 ? dnnl_cpu_isa_avx512_core : dnnl_cpu_isa_avx2;

    omp_set_dynamic(0);
    omp_set_num_threads((int)threads);
    return dnnl_set_max_cpu_isa(isa) == dnnl_success ||
                   dnnl_get_effective_cpu_isa() == isa
               ? ONEDNN_OK
               : ONEDNN_CPU;
}

/* ------------------------------------------------------------ descriptors */

/* Number of batch dimensions of the product: 0, 1 or 2.  Two are folded into
 * one where all three operands allow it. */
static inline int
onednn_gemm_lead(const PlanGemm *g)
{
    i64 n = g->nb[1];

    if (g->nb[0] == 1 && n == 1)
        return 0;
    if (g->nb[0] == 1 || n == 1)
        return 1;
    return g->a_stride[0] == n * g->a_stride[1] &&
                   g->b_stride[0] == n * g->b_stride[1] &&
                   g->c_stride[0] == n * g->c_stride[1]
               ? 1
               : 2;
}

/* One operand: batches, then rows x cols.  A batch stride of 0 is a broadcast
 * operand.  Strides of dimensions of size 1 mean nothing in the plan but much
 * to oneDNN: they are set as in a dense tensor. */
static inline int
onednn_operand(dnnl_memory_desc_t *md, const PlanGemm *g, i64 rows, i64 cols,
               const i64 stride[4])
{
    int lead = onednn_gemm_lead(g), rank = lead + 2;
    dnnl_dims_t dim, step;
    i64 row = stride[2], col = stride[3], dense;

    if (cols == 1)
        col = 1;
    if (rows == 1)
        row = col == 1 ? cols : 1;
    dim[lead] = rows, step[lead] = row;
    dim[lead + 1] = cols, step[lead + 1] = col;
    dense = max_i64(rows * row, cols * col);
    if (lead == 1) {
        dim[0] = g->nb[0] * g->nb[1];
        step[0] = g->nb[1] == 1 ? stride[0] : stride[1];
    } else if (lead == 2) {
        dim[0] = g->nb[0], step[0] = stride[0];
        dim[1] = g->nb[1], step[1] = stride[1];
    }
    for (int d = 0; d < lead; d++)
        dense = max_i64(dense, dim[d] * step[d]);
    for (int d = 0; d < lead; d++)
        if (step[d] == 0)
            dim[d] = 1, step[d] = dense;
    return dnnl_memory_desc_init_by_strides(md, rank, dim, dnnl_f32, step) ==
                   dnnl_success
               ? ONEDNN_OK
               : ONEDNN_NONE;
}

/* b of a gemm in its plain form, as strides say. */
static inline int
onednn_gemm_b(const PlanGemm *g, dnnl_memory_desc_t *md)
{
    return onednn_operand(md, g, g->k, g->n, g->b_stride);
}

/* [n,h,w,c] plain: described as n c h w with channels innermost. */
static inline void
onednn_nhwc(dnnl_memory_desc_t *md, i64 n, i64 h, i64 w, i64 c)
{
    dnnl_dims_t dim = {n, c, h, w};

    dnnl_memory_desc_init_by_tag(md, 4, dim, dnnl_f32, dnnl_nhwc);
}

/* Weights of a convolution: plain OIHW (grouped: GOIHW), or oneDNN's choice. */
static inline void
onednn_conv_w(const PlanConv *c, int any, dnnl_memory_desc_t *md)
{
    i64 groups = c->groups;
    dnnl_dims_t plain = {c->co, c->ci, c->kh, c->kw};
    dnnl_dims_t grouped = {groups, c->co / groups, c->ci / groups, c->kh,
                           c->kw};

    if (groups == 1)
        dnnl_memory_desc_init_by_tag(md, 4, plain, dnnl_f32,
                                     any ? dnnl_format_tag_any : dnnl_oihw);
    else
        dnnl_memory_desc_init_by_tag(md, 5, grouped, dnnl_f32,
                                     any ? dnnl_format_tag_any : dnnl_goihw);
}

/* -------------------------------------------------- primitive descriptors */

/* User scratch and the post-operations in the order of the plan: sum, bias
 * (not a post-op for oneDNN), residual like `c`, activation. */
static inline int
onednn_attr(dnnl_primitive_attr_t *attr, u32 post, const dnnl_memory_desc_t *c)
{
    dnnl_post_ops_t ops = NULL;
    int bad = dnnl_primitive_attr_create(attr) != dnnl_success;

    if (bad)
        return ONEDNN_NONE;
    bad |= dnnl_primitive_attr_set_scratchpad_mode(
               *attr, dnnl_scratchpad_mode_user) != dnnl_success;
    bad |= dnnl_post_ops_create(&ops) != dnnl_success;
    if (!bad && post & POST_accum)
        bad |= dnnl_post_ops_append_sum(ops, 1) != dnnl_success;
    if (!bad && post & POST_add)
        bad |= dnnl_post_ops_append_binary(ops, dnnl_binary_add, c) !=
               dnnl_success;
    if (!bad && post & (POST_relu | POST_gelu))
        bad |= dnnl_post_ops_append_eltwise(
                   ops, 1,
                   post & POST_relu ? dnnl_eltwise_relu : dnnl_eltwise_gelu_erf,
                   0, 0) != dnnl_success;
    if (!bad)
        bad |= dnnl_primitive_attr_set_post_ops(*attr, ops) != dnnl_success;
    dnnl_post_ops_destroy(ops);
    if (bad)
        dnnl_primitive_attr_destroy(*attr);
    return bad ? ONEDNN_NONE : ONEDNN_OK;
}

/* Name of the implementation, "brgconv:avx512_core". */
static inline const char *
onednn_impl(const_dnnl_primitive_desc_t pd)
{
    const char *name = "?";

    dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, (void *)&name);
    return name;
}

/* The best implementation; a reference one is refused. */
static inline int
onednn_create(dnnl_engine_t engine, const_dnnl_op_desc_t desc, u32 post,
              const dnnl_memory_desc_t *c, dnnl_primitive_desc_t *pd)
{
    dnnl_primitive_attr_t attr;
    dnnl_status_t status;

    if (onednn_attr(&attr, post, c))
        return ONEDNN_NONE;
    status = dnnl_primitive_desc_create(pd, desc, attr, engine, NULL);
    dnnl_primitive_attr_destroy(attr);
    if (status != dnnl_success)
        return ONEDNN_NONE;
    if (!strstr(onednn_impl(*pd), "ref"))
        return ONEDNN_OK;
    dnnl_primitive_desc_destroy(*pd);
    return ONEDNN_REF;
}

/* c[i,j] = post(sum_k a[i,k] b[k,j]). */
static inline int
onednn_gemm(dnnl_engine_t engine, const PlanGemm *g, dnnl_primitive_desc_t *pd)
{
    dnnl_memory_desc_t a, b, c, bias;
    dnnl_matmul_desc_t desc;
    int rank = onednn_gemm_lead(g) + 2;
    dnnl_dims_t dim = {1, 1, 1, 1}, step = {g->n, g->n, g->n, g->n};

    if (onednn_operand(&a, g, g->m, g->k, g->a_stride) ||
        onednn_gemm_b(g, &b) || onednn_operand(&c, g, g->m, g->n, g->c_stride))
        return ONEDNN_NONE;
    if (g->post & POST_packed)
        dnnl_memory_desc_init_by_tag(&b, rank, b.dims, dnnl_f32,
                                     dnnl_format_tag_any);
    dim[rank - 1] = g->n, step[rank - 1] = 1;
    dnnl_memory_desc_init_by_strides(&bias, rank, dim, dnnl_f32, step);
    if (dnnl_matmul_desc_init(&desc, &a, &b, g->post & POST_bias ? &bias : NULL,
                              &c) != dnnl_success)
        return ONEDNN_NONE;
    return onednn_create(engine, &desc, g->post, &c, pd);
}

/* The three directions of a convolution. */
static inline int
onednn_conv(dnnl_engine_t engine, const PlanConv *c, dnnl_primitive_desc_t *pd)
{
    dnnl_memory_desc_t x, w, y, bias;
    dnnl_convolution_desc_t desc;
    dnnl_dims_t hole = {c->dilation[0] - 1, c->dilation[1] - 1};
    dnnl_dims_t step = {c->stride[0], c->stride[1]}, co = {c->co};
    dnnl_dims_t before = {c->pad[0], c->pad[1]}, after = {c->pad[2], c->pad[3]};
    dnnl_alg_kind_t alg = dnnl_convolution_direct;
    dnnl_status_t status;
    u32 post =
        c->post & (POST_accum | POST_bias | POST_add | POST_relu | POST_gelu);

    if ((c->dir == 1 && post) || (c->dir == 2 && post & ~(u32)POST_accum))
        return ONEDNN_POSTS;
    onednn_nhwc(&x, c->n, c->h, c->w, c->ci);
    onednn_nhwc(&y, c->n, c->oh, c->ow, c->co);
    onednn_conv_w(c, c->dir == 2 || c->post & POST_packed, &w);
    dnnl_memory_desc_init_by_tag(&bias, 1, co, dnnl_f32, dnnl_x);
    if (c->dir == 0)
        status = dnnl_dilated_convolution_forward_desc_init(
            &desc, dnnl_forward_inference, alg, &x, &w,
            post & POST_bias ? &bias : NULL, &y, step, hole, before, after);
    else if (c->dir == 1)
        status = dnnl_dilated_convolution_backward_data_desc_init(
            &desc, alg, &x, &w, &y, step, hole, before, after);
    else
        status = dnnl_dilated_convolution_backward_weights_desc_init(
            &desc, alg, &x, &w, NULL, &y, step, hole, before, after);
    if (status != dnnl_success)
        return ONEDNN_NONE;
    /* dw is added to by the reorder that makes it plain */
    return onednn_create(engine, &desc, c->dir == 2 ? 0 : post, &y, pd);
}

/* Copies `from` into the form `to`; with `accum` it adds to what is there. */
static inline int
onednn_reorder(dnnl_engine_t engine, const dnnl_memory_desc_t *from,
               const dnnl_memory_desc_t *to, int accum,
               dnnl_primitive_desc_t *pd)
{
    dnnl_primitive_attr_t attr;
    dnnl_status_t status;

    if (onednn_attr(&attr, accum ? POST_accum : 0, to))
        return ONEDNN_NONE;
    status =
        dnnl_reorder_primitive_desc_create(pd, from, engine, to, engine, attr);
    dnnl_primitive_attr_destroy(attr);
    if (status != dnnl_success)
        return ONEDNN_NONE;
    if (!dnnl_memory_desc_get_size(
            dnnl_primitive_desc_query_md(*pd, dnnl_query_scratchpad_md, 0)))
        return ONEDNN_OK;
    dnnl_primitive_desc_destroy(*pd); /* plans have no scratch for copies */
    return ONEDNN_NONE;
}

/* ------------------------------------------------------------------ sizes */

static inline const dnnl_memory_desc_t *
onednn_md(const_dnnl_primitive_desc_t pd, dnnl_query_t what)
{
    return dnnl_primitive_desc_query_md(pd, what, 0);
}

static inline u64
onednn_scratch(const_dnnl_primitive_desc_t pd)
{
    return dnnl_memory_desc_get_size(onednn_md(pd, dnnl_query_scratchpad_md));
}

/* Bytes of packed b; 0 if b is used as it is. */
static inline u64
onednn_gemm_packed(const PlanGemm *g, const_dnnl_primitive_desc_t pd)
{
    return g->post & POST_packed
               ? dnnl_memory_desc_get_size(onednn_md(pd, dnnl_query_weights_md))
               : 0;
}

/* Bytes of packed weights; dir 2: of packed dw, 0 if dw is written as it is. */
static inline u64
onednn_conv_packed(const PlanConv *c, const_dnnl_primitive_desc_t pd)
{
    dnnl_memory_desc_t plain;
    const dnnl_memory_desc_t *dw;

    if (c->dir != 2)
        return c->post & POST_packed ? dnnl_memory_desc_get_size(
                                           onednn_md(pd, dnnl_query_weights_md))
                                     : 0;
    onednn_conv_w(c, 0, &plain);
    dw = onednn_md(pd, dnnl_query_diff_weights_md);
    return c->post & POST_accum || !dnnl_memory_desc_equal(dw, &plain)
               ? dnnl_memory_desc_get_size(dw)
               : 0;
}

/* ------------------------------------------------------------------ forms */

/* FNV-1a over n numbers. */
static inline u64
onednn_mix(u64 hash, const i64 *number, int n)
{
    for (int i = 0; i < n; i++)
        for (int shift = 0; shift < 64; shift += 8)
            hash = (hash ^ ((u64)number[i] >> shift & 0xff)) * 0x100000001b3u;
    return hash;
}

/* How a blocked descriptor lays out its elements, as a number; else 0. */
static inline u64
onednn_form(const dnnl_memory_desc_t *md)
{
    const dnnl_blocking_desc_t *b = &md->format_desc.blocking;
    i64 head[] = {md->ndims, md->offset0, b->inner_nblks, md->extra.flags};
    u64 hash = 0xcbf29ce484222325u;

    if (md->format_kind != dnnl_blocked)
        return 0;
    hash = onednn_mix(hash, head, 4);
    hash = onednn_mix(hash, md->dims, md->ndims);
    hash = onednn_mix(hash, md->padded_dims, md->ndims);
    hash = onednn_mix(hash, b->strides, md->ndims);
    hash = onednn_mix(hash, b->inner_blks, b->inner_nblks);
    return onednn_mix(hash, b->inner_idxs, b->inner_nblks);
}

/* Of packed b; the same b can also be packed by other strides. */
static inline u64
onednn_gemm_form(const PlanGemm *g, const_dnnl_primitive_desc_t pd)
{
    u64 form = onednn_form(onednn_md(pd, dnnl_query_weights_md));

    return g->post & POST_packed && form ? onednn_mix(form, g->b_stride, 4) : 0;
}

static inline u64
onednn_conv_form(const PlanConv *c, const_dnnl_primitive_desc_t pd)
{
    return c->post & POST_packed && c->dir < 2
               ? onednn_form(onednn_md(pd, dnnl_query_weights_md))
               : 0;
}

/* Fills .packed, .scratch and .form. */
static inline int
onednn_sizes_gemm(dnnl_engine_t engine, PlanGemm *g)
{
    dnnl_primitive_desc_t pd;
    int code = onednn_gemm(engine, g, &pd);

    if (code)
        return code;
    g->packed = onednn_gemm_packed(g, pd);
    g->scratch = onednn_scratch(pd);
    g->form = onednn_gemm_form(g, pd);
    dnnl_primitive_desc_destroy(pd);
    return ONEDNN_OK;
}

static inline int
onednn_sizes_conv(dnnl_engine_t engine, PlanConv *c)
{
    dnnl_primitive_desc_t pd;
    int code = onednn_conv(engine, c, &pd);

    if (code)
        return code;
    c->packed = onednn_conv_packed(c, pd);
    c->scratch = onednn_scratch(pd);
    c->form = onednn_conv_form(c, pd);
    dnnl_primitive_desc_destroy(pd);
    return ONEDNN_OK;
}

#endif
