/* special.c - lowering of ops with a template of their own, and of moves. */
#include "compiler/lower.h"

/* ---------------------------------------------------------- value templates */

static void
draft_dims(Draft *d, Instance *i, u32 index, const Type *t)
{
    instance_define(i, format("RANK%u", index), format("%u", t->rank));
    for (u32 k = 0; k < t->rank; k++)
        draft_int(d, t->dim[k]);
}

bool
special_takes_half(u32 op)
{
    return op == OP_max_pool || op == OP_max_pool_dx || op == OP_normalise ||
           op == OP_attention || op == OP_attention_dx;
}

/* GPU: is the first output, argument 0, of halves, and the first input,
 * argument `in`? */
static void
define_halves(const Lower *l, Instance *i, const Draft *d, u32 in)
{
    const Buf *buf = l->p->buf;
    u32 to = buf[d->arg[0].buffer].type.dtype;
    u32 from = buf[d->arg[in].buffer].type.dtype;
    instance_define(i, "HALF_OUT", dtype_half(to) ? "1" : "0");
    instance_define(i, "HALF_IN", dtype_half(from) ? "1" : "0");
}

/* GPU: how many inputs, from the first on, a template reads as halves. */
static u32
half_inputs(const Lower *l, const Node *n)
{
    if (is_attention(n))
        return n->nin - 1u; /* all but the bias */
    return is_gpu(l) && special_takes_half(n->op) &&
           lies_half(l->p, l->f, n->in[0]);
}

/* GPU: channels that a thread takes: 16 bytes of halves, where they divide all
 * and the operands begin at multiples of them. */
static u32
pool_vector(const Type *y, const Draft *d)
{
    u32 most = 8;
    while (most > 1 && (y->dim[3] % (i32)most ||
                        d->arg[2].value % (i64)(most * sizeof(f32))))
        most /= 2;
    return most;
}

/* GPU: the integers that count the elements of each operand. */
static const char *
index_type(const Lower *l, const Draft *d)
{
    i64 most = 0;
    for (u32 i = 0; i < d->narg; i++)
        if (d->arg[i].kind == ARG_buffer)
            most = max_i64(most, type_count(&l->p->buf[d->arg[i].buffer].type));
    return most <= INT32_MAX ? "uint32_t" : "int64_t";
}

/* Sizes of an attention kernel; its blocks have a warp for 16 rows, as many as
 * share them evenly. */
static void
define_attention(const Lower *l, Instance *i, const Node *n)
{
    enum { MOST_WARPS = 8, WARP = 32 };
    bool gradient = n->op == OP_attention_dx;
    AttentionShape a = attention_shape(l->f, n);
    i64 most = gradient ? max_i64(a.queries, a.keys) : a.queries;
    i64 tiles = (most + ATTENTION_TILE - 1) / ATTENTION_TILE;
    i64 rounds = (tiles + MOST_WARPS - 1) / MOST_WARPS;
    i->k.block = (u32)((tiles + rounds - 1) / rounds * WARP);
    i->k.shared = attention_bytes(&a, gradient);
    instance_define(i, "QUERIES", number_text((f64)a.queries));
    instance_define(i, "KEYS", number_text((f64)a.keys));
    instance_define(i, "SIDE", number_text((f64)a.side));
    instance_define(i, "BYTES", number_text(i->k.shared));
    if (!gradient)
        instance_define(i, "PACKED", a.packed ? "1" : "0");
}

/* Of a table no more moves than the rows that are read: the result's bytes. */
static void
count_rows(Lower *l, const Draft *d)
{
    u64 rows = l->p->buf[d->arg[0].buffer].bytes;
    u64 table = l->p->buf[d->arg[1].buffer].bytes;
    if (table > rows)
        l->f->step[l->f->nstep - 1].bytes -= table - rows;
}

/* A block has a head.  Operations are those of the least products: scores that
 * a gradient computes again count once. */
static void
launch_attention(Lower *l, const Node *n)
{
    AttentionShape a = attention_shape(l->f, n);
    const char *part = n->op == OP_attention ? "" : attr_s(n, "part");
    i64 products = !*part                ? 2
                   : !strcmp(part, "q")  ? 3
                   : !strcmp(part, "kv") ? 4
                                         : 5;
    step_blocks(l, a.rows * a.heads);
    l->f->step[l->f->nstep - 1].flop =
        (u64)(2 * products * a.rows * a.heads * a.queries * a.keys * a.side);
}

/* Pointers of outputs, pointers of inputs, the step block of an op that draws,
 * then all dimensions. */
static void
lower_value_op(Lower *l, const Group *g)
{
    const Func *f = l->f;
    u32 id = g->node[0];
    const Node *n = &f->node[id];
    const Node *last = &f->node[g->node[g->nnode - 1]];
    const Node *store = last->op == OP_store ? last : NULL;
    bool add = store && attr_i(store, "add");
    bool rounded = last->op == OP_half && g->nnode > 1;
    Draft d = {.narg = 0};
    Instance inst;
    instance_start(&inst, n);
    for (u32 k = 0; k < n->nout; k++) {
        Val v = VAL(id, k);
        if (store)
            draft_buf(&d, tensor_buf(l, attr_s(store, "tensor")),
                      add ? ACCESS_rw : ACCESS_w, 0);
        else if (rounded && k == 0)
            draft_buf(&d, value_buf(l, VAL(g->node[1], 0)), ACCESS_w, 0);
        else if (l->outside[v] || k == 0)
            draft_buf(&d, value_buf(l, v), ACCESS_w, 0);
        else
            draft_int(&d, 0);
    }
    u32 halves = half_inputs(l, n);
    for (u32 k = 0; k < n->nin; k++)
        draft_as(l, &d, n->in[k],
                 k < halves ? half_type(l->p) : type_of(f, n->in[k]).dtype);
    if ((optab[n->op].flags & F_RAND) || n->op == OP_loss_scale)
        draft_buf(&d, tensor_buf(l, "step"), ACCESS_r, 0);
    if (is_attention(n)) /* so that all layers share a kernel */
        draft_int(&d, draw_site(attr_s(n, "site")));
    u32 index = 0;
    for (u32 k = 0; k < n->nout; k++)
        draft_dims(&d, &inst, index++, &n->out[k]);
    for (u32 k = 0; k < n->nin; k++) {
        Type t = type_of(f, n->in[k]);
        draft_dims(&d, &inst, index++, &t);
    }
    instance_attrs(&inst, n);
    if (n->op == OP_scatter_add)
        instance_define(&inst, "ACCUM", add ? "1" : "0");
    if (is_gpu(l) && special_takes_half(n->op)) {
        define_halves(l, &inst, &d, n->nout);
        instance_define(&inst, "INDEX", index_type(l, &d));
    }
    if (is_attention(n))
        define_attention(l, &inst, n);
    if (is_gpu(l) && n->op == OP_max_pool)
        instance_define(&inst, "VECTOR",
                        format("%u", pool_vector(&n->out[0], &d)));
    instance_step(l, &inst, &d, n);
    if (is_attention(n))
        launch_attention(l, n);
    if (n->op == OP_gather)
        count_rows(l, &d);
}

void
lower_special(Lower *l, const Group *g)
{
    const Node *n = &l->f->node[g->node[0]];
    if (optab[n->op].kind == KIND_effect)
        lower_effect(l, n);
    else
        lower_value_op(l, g);
}

/* ------------------------------------------------- weights of convolutions */

/* GPU: between weights [co,ci,kh,kw] and their packed form [co,kh,kw,ci]. */
static void
reorder_conv(Lower *l, const char *tmpl, const PlanConv *c, Draft *d,
             const Node *n, i32 accum)
{
    Instance inst;
    instance_start(&inst, n);
    inst.k.name = inst.k.tmpl = intern(tmpl);
    const i64 dim[] = {c->co, c->ci / c->groups, c->kh, c->kw};
    for (u32 i = 0; i < countof(dim); i++)
        draft_int(d, dim[i]);
    define_halves(l, &inst, d, 1);
    instance_define(&inst, "INDEX", index_type(l, d));
    if (accum >= 0)
        instance_define(&inst, "ACCUM", accum ? "1" : "0");
    instance_step(l, &inst, d, n);
    i64 items = dim[0] * dim[1] * dim[2] * dim[3];
    step_blocks(l, (items + inst.k.block - 1) / inst.k.block);
}

void
lower_pack_conv(Lower *l, const PlanConv *c, u32 to, u32 from, i64 offset,
                const Node *n)
{
    Draft d = {.narg = 0};
    draft_buf(&d, to, ACCESS_w, 0);
    draft_buf(&d, from, ACCESS_r, offset);
    reorder_conv(l, "pack_conv", c, &d, n, -1);
}

void
lower_unpack_conv(Lower *l, const PlanConv *c, u32 to, u32 from, bool add,
                  const Node *n)
{
    Draft d = {.narg = 0};
    draft_buf(&d, to, add ? ACCESS_rw : ACCESS_w, 0);
    draft_buf(&d, from, ACCESS_r, 0);
    reorder_conv(l, "unpack_conv", c, &d, n, add);
}

/* -------------------------------------------------------------------- moves */

static void
lower_pad(Lower *l, const Node *n, u32 to, i64 *stride)
{
    Draft d = {.narg = 0};
    draft_buf(&d, to, ACCESS_w, 0);
    draft_int(&d, (i64)l->p->buf[to].bytes);
    draft_int(&d, 0);
    step_add(l, ST_fill, 0, &d, "fill", n->place, 0);
    lower_copy(l, n->in[0], to, attr_i(n, "before") * stride[attr_i(n, "dim")],
               stride, n->place);
}

void
lower_move(Lower *l, const Group *g)
{
    const Node *n = &l->f->node[g->node[0]];
    u32 to = value_buf(l, VAL(g->node[g->nnode - 1], 0));
    i64 stride[MAX_RANK], at = 0;
    natural_strides(&n->out[0], stride);
    if (n->op == OP_pad) {
        lower_pad(l, n, to, stride);
        return;
    }
    i64 dim = attr_i(n, "dim");
    for (u32 i = 0; i < n->nin; i++) {
        lower_copy(l, n->in[i], to, at * stride[dim], stride, n->place);
        at += type_of(l->f, n->in[i]).dim[dim];
    }
}
