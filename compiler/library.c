/* library.c - lowering of products and convolutions with their epilogues, and
 * of the packed weights they read. */
#include "compiler/lower.h"

/* What follows the root of a library group. */
typedef struct Tail {
    u32 post;          /* POST_* */
    Val bias;          /* POST_bias */
    Val add;           /* POST_add */
    bool rounded;      /* the result has 16 bits */
    Val last;          /* value the group gives */
    const Node *store; /* writes straight into a tensor, or NULL */
} Tail;

static bool
is_bias(const Lower *l, Val v, const Node *root)
{
    Type t = type_of(l->f, v);
    u32 r = root->out[0].rank;
    return type_count(&t) == root->out[0].dim[r - 1] &&
           type_count(&t) < type_count(&root->out[0]);
}

static Tail
read_tail(const Lower *l, const Group *g)
{
    const Func *f = l->f;
    const Node *root = &f->node[g->node[0]];
    Tail t = {.last = VAL(g->node[0], 0)};
    for (u32 i = 1; i < g->nnode; i++) {
        const Node *n = &f->node[g->node[i]];
        if (n->op == OP_store) {
            t.store = n;
            t.post |= attr_i(n, "add") ? POST_accum : 0;
            continue;
        }
        if (n->op == OP_relu)
            t.post |= POST_relu;
        else if (n->op == OP_gelu)
            t.post |= POST_gelu;
        else if (n->op == OP_half)
            t.rounded = true;
        else {
            Val other = n->in[0] == t.last ? n->in[1] : n->in[0];
            bool bias = is_bias(l, other, root);
            t.post |= bias ? POST_bias : POST_add;
            *(bias ? &t.bias : &t.add) = other;
        }
        t.last = VAL(g->node[i], 0);
    }
    return t;
}

static u32
result_buf(Lower *l, const Tail *t)
{
    return t->store ? tensor_buf(l, attr_s(t->store, "tensor"))
                    : value_buf(l, t->last);
}

/* The type of what a call reads: the GPU's libraries take two half factors as
 * they are. */
static u8
factor_type(const Lower *l, const Node *n)
{
    bool half = is_gpu(l) && lies_half(l->p, l->f, n->in[0]) &&
                lies_half(l->p, l->f, n->in[1]);
    return half ? half_type(l->p) : DT_f32;
}

/* precision=tf32 is about f32 products on the GPU; on the CPU they are f32. */
static u32
math_of(const Lower *l, u8 type)
{
    const char *precision = meta_get(l->p, "config.precision");
    return is_gpu(l) && type == DT_f32 && precision &&
                   !strcmp(precision, "tf32")
               ? POST_tf32
               : 0;
}

/* What engines a convolution may have on the GPU.  cuBLASLt's algorithms all
 * give the same bits every time. */
static u32
engines_of(const Lower *l, u8 type)
{
    const char *same = meta_get(l->p, "config.deterministic");
    bool varies = is_gpu(l) && same && !strcmp(same, "false");
    return math_of(l, type) | (varies ? POST_varies : 0);
}

/* Bias v as a half: the pack phase makes it where v is known before. */
static u32
half_bias(Lower *l, Val v)
{
    Where w = where(l->f, v);
    u32 from = value_buf(l, w.base);
    if (node_of(l->f, w.base)->op != OP_load || l->f->pack < 0)
        return whole_buf(l, from, half_type(l->p));
    Lower to = {.p = l->p, .f = &l->p->func[l->f->pack], .func = l->f->pack};
    const char *name =
        format("half.%s.%s", to.f->name + 5, l->p->buf[from].name);
    u32 b = buf_find(l->p, name);
    if (b != PLAN_NONE)
        return b;
    Type t = l->p->buf[from].type;
    t.dtype = half_type(l->p);
    b = buf_add(l->p, name, &t, AR_const, RO_const, -1, l->p->buf[from].place);
    lower_convert(&to, from, b);
    return b;
}

/* What is added has the type of the result. */
static void
draft_tail(Lower *l, Draft *d, const Tail *t, u32 dtype)
{
    if (t->post & POST_bias && dtype_half(dtype))
        draft_buf(d, half_bias(l, t->bias), ACCESS_r,
                  where(l->f, t->bias).offset * (i64)dtype_bytes(dtype));
    else if (t->post & POST_bias)
        draft_value(l, d, t->bias);
    if (t->post & POST_add)
        draft_as(l, d, t->add, dtype);
}

/* A word for how packed weights lie: calls whose words are the same share a
 * copy.  The GPU's order is the same for all (`reorder_conv`). */
static const char *
form_of(const Lower *l, u32 kind, u32 row)
{
    const Prog *p = l->p;
    bool conv = kind == ST_pack_conv;
    u64 form = conv ? p->conv[row].form : p->gemm[row].form;
    if (is_gpu(l))
        return dtype_half(p->conv[row].dtype[2]) ? "half" : "f32";
    return form ? format("%016llx", (unsigned long long)form)
                : format("%s%u", conv ? "conv" : "gemm", row);
}

/* The packed copy of weights v for row `row` of a library call.  Weights known
 * before the phase are packed by a step of its pack phase, once per source and
 * form; others right before the call. */
static u32
packed_weights(Lower *l, Val v, u32 kind, u32 row, u64 bytes, const Node *n)
{
    Prog *p = l->p;
    const char *place = n->place;
    Where w = where(l->f, v);
    const Node *base = node_of(l->f, w.base);
    bool known = base->op == OP_load && l->f->pack >= 0;
    Func *pack = known ? &p->func[l->f->pack] : l->f;
    const char *step = kind == ST_pack_conv ? "pack_conv" : "pack_gemm";
    const char *name =
        known ? format("packed.%s.%s.%s.%lld", pack->name + 5,
                       form_of(l, kind, row), attr_s(base, "tensor"),
                       (long long)w.offset)
              : format("%s.%s%u.v%u", pack->name, step, row, VAL_NODE(v));
    u32 b = buf_find(p, name);
    if (b != PLAN_NONE)
        return b;
    u32 dtype = is_gpu(l) ? p->conv[row].dtype[2] : DT_f32;
    u64 element = dtype_bytes(dtype);
    i32 dim = (i32)((bytes + element - 1) / element);
    Type t = type_make(dtype, 1, &dim);
    b = known ? buf_add(p, name, &t, AR_const, RO_const, -1, place)
              : buf_add(p, name, &t, AR_act, RO_act, l->func, place);
    Lower to = {.p = p, .f = pack, .func = known ? l->f->pack : l->func};
    if (is_gpu(l)) {
        u32 from = whole_buf(&to, value_buf(l, w.base), dtype);
        lower_pack_conv(&to, &p->conv[row], b, from,
                        w.offset * (i64)dtype_bytes(dtype), n);
        return b;
    }
    Draft d = {.narg = 0};
    draft_buf(&d, b, ACCESS_w, 0);
    draft_buf(&d, whole_buf(&to, value_buf(l, w.base), DT_f32), ACCESS_r,
              w.offset * (i64)sizeof(f32));
    step_add(&to, kind, row, &d, step, place, 0);
    return b;
}

/* ------------------------------------------------------------------ matmul */

static u32
gemm_add(Prog *p, const PlanGemm *g)
{
    for (u32 i = 0; i < p->ngemm; i++)
        if (!memcmp(&p->gemm[i], g, sizeof *g))
            return i;
    *PUSH(p->gemm, p->ngemm, p->gemm_cap) = *g;
    return p->ngemm - 1;
}

/* Strides of a [..,rows,columns] value as {batch 0, batch 1, row, column}. */
static void
gemm_strides(const Type *t, const i64 *stride, i64 *to)
{
    u32 r = t->rank;
    to[0] = r > 3 ? stride[r - 4] : 0;
    to[1] = r > 2 ? stride[r - 3] : 0;
    to[2] = stride[r - 2];
    to[3] = stride[r - 1];
}

/* Packing pays where weights stay: in phases that do not train. */
static bool
packs(const Lower *l, const PlanGemm *g, Val b)
{
    bool still = l->f->kind == PH_infer || l->f->kind == PH_eval;
    return still && !is_gpu(l) && l->f->pack >= 0 && g->nb[0] * g->nb[1] == 1 &&
           node_of(l->f, where(l->f, b).base)->op == OP_load;
}

static void
lower_matmul(Lower *l, const Group *g)
{
    const Node *n = &l->f->node[g->node[0]];
    Tail tail = read_tail(l, g);
    Where a = where(l->f, n->in[0]), b = where(l->f, n->in[1]);
    Where c = where(l->f, VAL(g->node[0], 0));
    Type ta = type_of(l->f, n->in[0]), tb = type_of(l->f, n->in[1]);
    u32 r = ta.rank, to = result_buf(l, &tail);
    u8 type = factor_type(l, n), result = l->p->buf[to].type.dtype;
    PlanGemm gemm = {.nb = {r > 3 ? ta.dim[0] : 1, r > 2 ? ta.dim[r - 3] : 1},
                     .m = ta.dim[r - 2],
                     .n = tb.dim[r - 1],
                     .k = ta.dim[r - 1],
                     .post = tail.post | math_of(l, type),
                     .dtype = {result, type, type, result}};
    gemm_strides(&ta, a.stride, gemm.a_stride);
    gemm_strides(&tb, b.stride, gemm.b_stride);
    gemm_strides(&n->out[0], c.stride, gemm.c_stride);
    if (packs(l, &gemm, n->in[1]))
        gemm.post |= POST_packed;
    if (!l->p->opt.target->size_gemm(&l->p->opt, &gemm, n->place))
        return;
    Draft d = {.narg = 0};
    draft_buf(&d, to, tail.post & POST_accum ? ACCESS_rw : ACCESS_w, 0);
    u32 row = gemm_add(l->p, &gemm);
    draft_as(l, &d, n->in[0], type);
    if (gemm.post & POST_packed)
        draft_buf(
            &d, packed_weights(l, n->in[1], ST_pack_gemm, row, gemm.packed, n),
            ACCESS_r, 0);
    else
        draft_as(l, &d, n->in[1], type);
    draft_tail(l, &d, &tail, result);
    if (gemm.scratch)
        draft_buf(&d, scratch_buf(l, gemm.scratch, n->place), ACCESS_w, 0);
    u64 flop =
        2ull * (u64)(gemm.nb[0] * gemm.nb[1]) * (u64)(gemm.m * gemm.n * gemm.k);
    step_add(l, ST_gemm, row, &d, "gemm", n->place, flop);
}

/* -------------------------------------------------------------- convolution */

static u32
conv_add(Prog *p, const PlanConv *c)
{
    for (u32 i = 0; i < p->nconv; i++)
        if (!memcmp(&p->conv[i], c, sizeof *c))
            return i;
    *PUSH(p->conv, p->nconv, p->conv_cap) = *c;
    return p->nconv - 1;
}

/* Geometry from the three shapes; pad below and right is what is left over. */
static PlanConv
conv_row(const Node *n, const Type *x, const Type *w, const Type *y, u8 type)
{
    i64 stride = attr_i(n, "stride"), pad = attr_i(n, "pad");
    i64 dilation = attr_i(n, "dilation");
    PlanConv c = {.n = x->dim[0],
                  .h = x->dim[1],
                  .w = x->dim[2],
                  .ci = x->dim[3],
                  .oh = y->dim[1],
                  .ow = y->dim[2],
                  .co = y->dim[3],
                  .kh = w->dim[2],
                  .kw = w->dim[3],
                  .stride = {stride, stride},
                  .dilation = {dilation, dilation},
                  .groups = attr_i(n, "groups"),
                  .pad = {pad, pad},
                  .dtype = {type, type, type, type}};
    i64 reach_h = (c.oh - 1) * stride + dilation * (c.kh - 1) + 1;
    i64 reach_w = (c.ow - 1) * stride + dilation * (c.kw - 1) + 1;
    c.pad[2] = reach_h - c.h - pad;
    c.pad[3] = reach_w - c.w - pad;
    return c;
}

static bool
sized(Lower *l, PlanConv *c, const char *place)
{
    return l->p->opt.target->size_conv(&l->p->opt, c, place);
}

static void
draft_scratch(Lower *l, Draft *d, u64 bytes, const char *place)
{
    if (bytes)
        draft_buf(d, scratch_buf(l, bytes, place), ACCESS_w, 0);
}

/* Bytes of a convolution's packed weights. */
static u64
weight_bytes(const Lower *l, const PlanConv *c)
{
    i64 count = c->co * (c->ci / c->groups) * c->kh * c->kw;
    return is_gpu(l) ? (u64)count * dtype_bytes(c->dtype[2]) : c->packed;
}

/* GPU: dw comes packed, into a buffer of its own. */
static void
lower_conv_dw(Lower *l, const Node *n, const Tail *tail, PlanConv *c)
{
    i32 count = (i32)(c->co * (c->ci / c->groups) * c->kh * c->kw);
    Type t = type_make(c->dtype[0], 1, &count);
    const char *name = format("%s.dw%u", l->f->name, l->p->nbuf);
    u32 packed = buf_add(l->p, name, &t, AR_act, RO_act, l->func, n->place);
    bool add = tail->post & POST_accum;
    c->post = engines_of(l, c->dtype[1]);
    if (!sized(l, c, n->place))
        return;
    Draft d = {.narg = 0};
    draft_buf(&d, packed, ACCESS_w, 0);
    draft_as(l, &d, n->in[0], c->dtype[1]);
    draft_as(l, &d, n->in[1], c->dtype[2]);
    draft_scratch(l, &d, c->scratch, n->place);
    u64 flop = 2ull * (u64)(c->n * c->oh * c->ow) * (u64)count;
    step_add(l, ST_conv, conv_add(l->p, c), &d, "conv_dw", n->place, flop);
    lower_unpack_conv(l, c, result_buf(l, tail), packed, add, n);
}

/* The row of node n, which computes y, dx or dw.  cuDNN's results have the type
 * of its operands. */
static PlanConv
conv_row_of(const Lower *l, const Node *n, bool rounded)
{
    Type a = type_of(l->f, n->in[0]), b = type_of(l->f, n->in[1]);
    const Type *to = &n->out[0];
    u8 type = rounded ? factor_type(l, n) : DT_f32;
    PlanConv c;
    if (n->op == OP_conv2d) {
        c = conv_row(n, &a, &b, to, type);
        c.dir = 0;
    } else if (n->op == OP_conv2d_dx) { /* in: dy, w; out: dx */
        c = conv_row(n, to, &b, &a, type);
        c.dir = 1;
    } else { /* in: x, dy; out: dw */
        c = conv_row(n, &a, to, &b, type);
        c.dir = 2;
    }
    return c;
}

static void
lower_conv(Lower *l, const Group *g)
{
    const Node *n = &l->f->node[g->node[0]];
    Tail tail = read_tail(l, g);
    PlanConv c = conv_row_of(l, n, tail.rounded);
    if (c.dir == 2 && is_gpu(l)) {
        lower_conv_dw(l, n, &tail, &c);
        return;
    }
    c.post =
        tail.post | (c.dir < 2 ? POST_packed : 0) | engines_of(l, c.dtype[1]);
    if (!sized(l, &c, n->place))
        return;
    u32 row = conv_add(l->p, &c);
    Draft d = {.narg = 0};
    draft_buf(&d, result_buf(l, &tail),
              tail.post & POST_accum ? ACCESS_rw : ACCESS_w, 0);
    draft_as(l, &d, n->in[0], c.dtype[1]);
    if (c.dir < 2)
        draft_buf(&d,
                  packed_weights(l, n->in[1], ST_pack_conv, row,
                                 weight_bytes(l, &l->p->conv[row]), n),
                  ACCESS_r, 0);
    else
        draft_as(l, &d, n->in[1], c.dtype[2]);
    draft_tail(l, &d, &tail, c.dtype[3]);
    if (c.dir == 2)
        draft_scratch(l, &d, c.packed, n->place);
    draft_scratch(l, &d, c.scratch, n->place);
    u64 flop = 2ull * (u64)(c.n * c.oh * c.ow) *
               (u64)(c.co * c.ci / c.groups * c.kh * c.kw);
    static const char *const name[] = {"conv", "conv_dx", "conv_dw"};
    step_add(l, ST_conv, row, &d, name[c.dir], n->place, flop);
}

void
lower_library(Lower *l, const Group *g)
{
    if (l->f->node[g->node[0]].op == OP_matmul)
        lower_matmul(l, g);
    else
        lower_conv(l, g);
}
