/* special.c - lowering of ops with a template of their own, of moves, and of
 * the effects of update and init. */
#include "compiler/lower.h"

/* ----------------------------------------------------------- kernel drafts */

typedef struct Instance {
    Kernel k;
    Define def[64];
} Instance;

static void
define(Instance *i, const char *name, const char *value)
{
    if (i->k.ndef == countof(i->def))
        bug("%s: too many #defines", i->k.tmpl);
    i->def[i->k.ndef++] = (Define){intern(name), intern(value)};
}

static const char *
upper(const char *s)
{
    char text[64];
    u32 n = 0;
    for (; s[n] && n < sizeof text - 1; n++)
        text[n] = s[n] >= 'a' && s[n] <= 'z' ? (char)(s[n] - 32) : s[n];
    text[n] = 0;
    return intern(text);
}

static const char *
number(f64 x)
{
    if (x == (f64)(i64)x && x > -1e15 && x < 1e15)
        return format("%lld", (long long)x);
    return format("%.17g", x);
}

/* "12, 16" for a C array; an empty list needs a number, too. */
static const char *
list_text(const Attr *a)
{
    const char *text = a->n ? number(a->list[0]) : "0";
    for (u32 j = 1; j < a->n; j++)
        text = format("%s, %s", text, number(a->list[j]));
    return text;
}

static bool
is_attention(const Node *n)
{
    return n->op == OP_attention || n->op == OP_attention_dx;
}

/* Attributes as #defines; `dims` are arguments, names of tensors are not. */
static void
define_attrs(Instance *i, const Node *n)
{
    const Op *op = &optab[n->op];
    for (u32 k = 0; k < op->nattr; k++) {
        const AttrSpec *s = &op->attr[k];
        const Attr *a = &n->attr[k];
        const char *name = upper(s->name);
        if (!strcmp(s->name, "dims") || !strcmp(s->name, "tensor") ||
            !strcmp(s->name, "group"))
            continue;
        if (!strcmp(s->name, "site") && is_attention(n))
            continue;
        if (!strcmp(s->name, "site")) {
            define(i, "SITE", format("0x%08xu", draw_site(a->str)));
        } else if (s->type == 's') {
            define(i, format("%s_%s", name, a->str), "1");
        } else if (s->type == 'l' && op->kind == KIND_effect) {
            define(i, name, list_text(a));
            define(i, format("%s_N", name), number(a->n));
        } else if (s->type == 'l') {
            for (u32 j = 0; j < a->n; j++)
                define(i, format("%s%u", name, j), number(a->list[j]));
            define(i, format("%s_N", name), number(a->n));
        } else {
            define(i, name, number(a->num));
        }
    }
}

static void
start(Instance *i, const Node *n)
{
    const char *name = optab[n->op].name;
    *i = (Instance){.k = {.name = intern(name),
                          .tmpl = intern(name),
                          .place = n->place,
                          .job = *n->name ? n->name : name}};
}

/* GPU: threads that an instance can use.  Kernels over whole ranges, whose
 * lengths are not known yet, and those with one thread say so. */
enum { BLOCK = 256, RANGE_BLOCKS = 512 };

static i64
items_of(const Lower *l, const Node *n)
{
    switch (n->op) {
    case OP_schedule:
    case OP_rescale:
    case OP_loss_scale:
    case OP_grad_norm:
        return 1;
    case OP_arg_max:
    case OP_pick_max:
        return type_count(&n->out[0]) * 32; /* a warp looks at a row */
    case OP_normalise:                      /* a thread has a cell */
        return type_count(&n->out[0]) / attr_i(n, "channels");
    case OP_normal:
        return type_count(&l->p->buf[tensor_buf(l, attr_s(n, "tensor"))].type);
    default:
        return n->nout ? type_count(&n->out[0]) : BLOCK * RANGE_BLOCKS;
    }
}

static void
finish(Lower *l, Instance *i, const Draft *d, const Node *n)
{
    bool gpu = is_gpu(l);
    u32 block = i->k.block ? i->k.block : BLOCK;
    if (gpu) {
        define(i, "BLOCK", format("%u", block));
        define(i, "ARGS", format("%u", d->narg));
        i->k.block = block;
    }
    i->k.def = mem_alloc(i->k.ndef * sizeof *i->def);
    memcpy(i->k.def, i->def, i->k.ndef * sizeof *i->def);
    u32 kernel = kernel_add(l->p, &i->k);
    step_add(l, ST_kernel, kernel, d, l->p->kernel[kernel].name, n->place, 0);
    if (gpu)
        step_blocks(l, (items_of(l, n) + block - 1) / block);
}

/* ---------------------------------------------------------- value templates */

static void
draft_dims(Draft *d, Instance *i, u32 index, const Type *t)
{
    define(i, format("RANK%u", index), format("%u", t->rank));
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
    define(i, "HALF_OUT", dtype_half(to) ? "1" : "0");
    define(i, "HALF_IN", dtype_half(from) ? "1" : "0");
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
    define(i, "QUERIES", number((f64)a.queries));
    define(i, "KEYS", number((f64)a.keys));
    define(i, "SIDE", number((f64)a.side));
    define(i, "BYTES", number(i->k.shared));
    if (!gradient)
        define(i, "PACKED", a.packed ? "1" : "0");
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
    start(&inst, n);
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
    define_attrs(&inst, n);
    if (n->op == OP_scatter_add)
        define(&inst, "ACCUM", add ? "1" : "0");
    if (is_gpu(l) && special_takes_half(n->op)) {
        define_halves(l, &inst, &d, n->nout);
        define(&inst, "INDEX", index_type(l, &d));
    }
    if (is_attention(n))
        define_attention(l, &inst, n);
    if (is_gpu(l) && n->op == OP_max_pool)
        define(&inst, "VECTOR", format("%u", pool_vector(&n->out[0], &d)));
    finish(l, &inst, &d, n);
    if (is_attention(n))
        launch_attention(l, n);
    if (n->op == OP_gather)
        count_rows(l, &d);
}

/* ------------------------------------------------------------------ effects */

/* The buffer that covers all tensors of a role (and group, and prefix). */
static u32
range(Lower *l, const char *name, u32 arena, u32 role, i32 group,
      const char *prefix)
{
    u32 b = buf_find(l->p, name);
    if (b != PLAN_NONE)
        return b;
    i32 dim = 1;
    Type t = type_make(DT_f32, 1, &dim);
    b = buf_add(l->p, name, &t, arena, RO_range, -1, "");
    l->p->buf[b].span_role = (u8)role;
    l->p->buf[b].span_group = group;
    l->p->buf[b].span_prefix = prefix;
    return b;
}

static u32
grads(Lower *l)
{
    return range(l, "range.grad", AR_grad, RO_grad, -1, "");
}

static void
draft_rule(Lower *l, Draft *d, const Node *n)
{
    i32 g = (i32)attr_i(n, "group");
    u32 p = range(l, format("range.param.%d", g), AR_param, RO_param, g, "");
    draft_buf(d, p, ACCESS_rw, 0);
    draft_buf(d, range(l, format("range.grad.%d", g), AR_grad, RO_grad, g, ""),
              ACCESS_r, 0);
    draft_buf(d,
              range(l, format("range.moment1.%d", g), AR_state, RO_moment, g,
                    "moment1."),
              ACCESS_rw, 0);
    if (n->op == OP_adamw)
        draft_buf(d,
                  range(l, format("range.moment2.%d", g), AR_state, RO_moment,
                        g, "moment2."),
                  ACCESS_rw, 0);
    draft_buf(d, tensor_buf(l, "step"), ACCESS_r, 0);
    draft_range(d, p);
}

static void
lower_fill(Lower *l, const Node *n)
{
    u32 b = tensor_buf(l, attr_s(n, "tensor"));
    f32 x = (f32)attr_f(n, "value");
    u32 word;
    memcpy(&word, &x, sizeof word);
    Draft d = {.narg = 0};
    draft_buf(&d, b, ACCESS_w, 0);
    draft_int(&d, (i64)l->p->buf[b].bytes);
    draft_int(&d, word);
    step_add(l, ST_fill, 0, &d, "fill", n->place, 0);
}

u32
draw_site(const char *s)
{
    u32 crc = 0xffffffffu;
    for (; *s; s++) {
        crc ^= (u8)*s;
        for (u32 k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static void
draft_normal(Lower *l, Draft *d, const Node *n)
{
    const char *tensor = attr_s(n, "tensor");
    u32 b = tensor_buf(l, tensor);
    f64 std = attr_f(n, "std");
    i64 bits;
    memcpy(&bits, &std, sizeof bits);
    draft_buf(d, b, ACCESS_w, 0);
    draft_buf(d, tensor_buf(l, "step"), ACCESS_r, 0);
    draft_int(d, type_count(&l->p->buf[b].type));
    draft_int(d, draw_site(tensor));
    draft_int(d, bits);
}

/* GPU: parts of the sum of squares, in a kernel before the one that adds them
 * up.  As many as templates/cuda/grad_norm_part.cu has. */
enum { NORM_PARTS = 256 };

static void
lower_grad_norm(Lower *l, const Node *n)
{
    u32 parts = scratch_buf(l, NORM_PARTS * sizeof(f64), n->place);
    Draft d = {.narg = 0}, end = {.narg = 0};
    Instance part, inst;
    start(&part, n);
    part.k.name = part.k.tmpl = intern("grad_norm_part");
    draft_buf(&d, parts, ACCESS_w, 0);
    draft_buf(&d, grads(l), ACCESS_r, 0);
    draft_range(&d, grads(l));
    finish(l, &part, &d, n);
    step_blocks(l, NORM_PARTS);
    start(&inst, n);
    draft_buf(&end, tensor_buf(l, "step"), ACCESS_rw, 0);
    draft_buf(&end, parts, ACCESS_r, 0);
    define_attrs(&inst, n);
    finish(l, &inst, &end, n);
}

static void
lower_effect(Lower *l, const Node *n)
{
    if (n->op == OP_grad_norm && is_gpu(l)) {
        lower_grad_norm(l, n);
        return;
    }
    Draft d = {.narg = 0};
    Instance inst;
    start(&inst, n);
    u32 step = tensor_buf(l, "step");
    switch (n->op) {
    case OP_zero_grad:
        draft_buf(&d, grads(l), ACCESS_rw, 0);
        draft_buf(&d, step, ACCESS_r, 0);
        draft_range(&d, grads(l));
        break;
    case OP_schedule:
    case OP_rescale:
        draft_buf(&d, step, ACCESS_rw, 0);
        break;
    case OP_grad_norm:
        draft_buf(&d, step, ACCESS_rw, 0);
        draft_buf(&d, grads(l), ACCESS_r, 0);
        draft_range(&d, grads(l));
        break;
    case OP_commit: {
        u32 live = range(l, "range.live", AR_state, RO_state, -1, "");
        draft_buf(&d, live, ACCESS_rw, 0);
        draft_buf(&d, range(l, "range.good", AR_state, RO_good, -1, ""),
                  ACCESS_rw, 0);
        draft_buf(&d, step, ACCESS_rw, 0);
        draft_range(&d, live);
        break;
    }
    case OP_normal:
        draft_normal(l, &d, n);
        finish(l, &inst, &d, n);
        return;
    default:
        draft_rule(l, &d, n);
    }
    define_attrs(&inst, n);
    finish(l, &inst, &d, n);
}

void
lower_special(Lower *l, const Group *g)
{
    const Node *n = &l->f->node[g->node[0]];
    if (n->op == OP_fill)
        lower_fill(l, n);
    else if (optab[n->op].kind == KIND_effect)
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
    start(&inst, n);
    inst.k.name = inst.k.tmpl = intern(tmpl);
    const i64 dim[] = {c->co, c->ci / c->groups, c->kh, c->kw};
    for (u32 i = 0; i < countof(dim); i++)
        draft_int(d, dim[i]);
    define_halves(l, &inst, d, 1);
    define(&inst, "INDEX", index_type(l, d));
    if (accum >= 0)
        define(&inst, "ACCUM", accum ? "1" : "0");
    finish(l, &inst, d, n);
    i64 items = dim[0] * dim[1] * dim[2] * dim[3];
    step_blocks(l, (items + BLOCK - 1) / BLOCK);
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
