/* conv.c - convolutions and max-pooling over [B,H,W,C]. */
#include "compiler/sohoc.h"

/* Output size along one axis, or 0. */
static i32
out_size(i64 in, i64 kernel, i64 stride, i64 pad, i64 dilation)
{
    i64 span = in + 2 * pad - dilation * (kernel - 1) - 1;
    return span < 0 ? 0 : (i32)(span / stride + 1);
}

static bool
check_positive(const Node *n, const char *name, i64 least)
{
    i64 v = attr_i(n, name);
    if (v >= least && v <= MAX_DIM)
        return true;
    diag_err(n->place,
             "bad attribute '%s' of op.%s (integer >= %lld expected, got %lld)",
             name, optab[n->op].name, (long long)least, (long long)v);
    return false;
}

static bool
check_conv_attrs(const Node *n)
{
    return check_positive(n, "stride", 1) && check_positive(n, "pad", 0) &&
           check_positive(n, "dilation", 1) && check_positive(n, "groups", 1);
}

static bool
infer_conv2d(Func *f, Node *n)
{
    Type x = type_of(f, n->in[0]), w = type_of(f, n->in[1]), y = x;
    i64 groups = attr_i(n, "groups");
    if (x.dtype != DT_f32 || w.dtype != DT_f32 || x.rank != 4 || w.rank != 4 ||
        x.dim[3] != w.dim[1] * groups || w.dim[0] % groups) {
        diag_err(n->place,
                 "conv2d: x %s, w %s: expected [B,H,W,C], [O,C/%lld,kh,kw]",
                 type_text(&x), type_text(&w), (long long)groups);
        return false;
    }
    for (u32 i = 0; i < 2; i++)
        y.dim[1 + i] = out_size(x.dim[1 + i], w.dim[2 + i], attr_i(n, "stride"),
                                attr_i(n, "pad"), attr_i(n, "dilation"));
    y.dim[3] = w.dim[0];
    if (!y.dim[1] || !y.dim[2]) {
        diag_err(n->place, "conv2d: kernel %dx%d does not fit into %s",
                 w.dim[2], w.dim[3], type_text(&x));
        return false;
    }
    n->out[0] = y;
    return true;
}

/* conv2d_dx, conv2d_dw, max_pool_dx: the shape is given. */
static bool
infer_given(Node *n)
{
    const Attr *dims = attr_l(n, "dims");
    Type t = {.dtype = DT_f32, .rank = 4};
    for (u32 i = 0; i < 4; i++)
        t.dim[i] = dims->n == 4 ? (i32)dims->list[i] : 0;
    for (u32 i = 0; i < 4; i++)
        if (t.dim[i] < 1) {
            diag_err(n->place, "%s: dims must be 4 positive integers",
                     optab[n->op].name);
            return false;
        }
    n->out[0] = t;
    return true;
}

static bool
infer_max_pool(Func *f, Node *n)
{
    Type x = type_of(f, n->in[0]), y = x;
    if (!check_positive(n, "kernel", 1) || !check_positive(n, "stride", 1) ||
        !check_positive(n, "pad", 0))
        return false;
    i64 k = attr_i(n, "kernel"), pad = attr_i(n, "pad");
    if (x.dtype != DT_f32 || x.rank != 4 || k > 15 || 2 * pad > k) {
        diag_err(n->place,
                 "max_pool: x %s, kernel %lld, pad %lld: expected f32 "
                 "[B,H,W,C], kernel <= 15, pad <= kernel/2",
                 type_text(&x), (long long)k, (long long)pad);
        return false;
    }
    for (u32 i = 1; i < 3; i++)
        y.dim[i] = out_size(x.dim[i], k, attr_i(n, "stride"), pad, 1);
    if (!y.dim[1] || !y.dim[2]) {
        diag_err(n->place, "max_pool: kernel %lld does not fit into %s",
                 (long long)k, type_text(&x));
        return false;
    }
    n->out[0] = n->out[1] = y;
    n->out[1].dtype = DT_u8;
    return true;
}

static bool
infer(Func *f, Node *n)
{
    switch (n->op) {
    case OP_conv2d:
        return check_conv_attrs(n) && infer_conv2d(f, n);
    case OP_max_pool:
        return infer_max_pool(f, n);
    case OP_max_pool_dx:
        return infer_given(n);
    default:
        return check_conv_attrs(n) && infer_given(n);
    }
}

/* cuDNN gives the type of its operands: what is made of halves is rounded. */
static Val
as_given(Build *b, Val gradient, Val dy)
{
    bool gpu = b->prog->opt.target->id == TARGET_cuda;
    return gpu && is_half(b->f, dy) ? emit1(b, OP_half, gradient) : gradient;
}

/* A conv2d_dx or conv2d_dw with the attributes of the conv2d n. */
static Val
emit_conv(Build *b, u32 op, const Node *n, Val a, Val c, const Type *shape)
{
    static const char *const same[] = {"stride", "pad", "dilation", "groups"};
    Attr *attrs = attrs_new(op);
    for (u32 i = 0; i < countof(same); i++)
        attr_set_f(attrs, op, same[i], (f64)attr_i(n, same[i]));
    attr_set_l(attrs, op, "dims", 4, shape->dim);
    Val in[2] = {a, c};
    return emit_attrs(b, op, in, 2, attrs);
}

static void
grad(Grad *g, u32 node, Val dy)
{
    Build *b = &g->b;
    Node n = b->f->node[node];
    Type x = type_of(b->f, n.in[0]);
    if (n.op == OP_max_pool) {
        Val in[2] = {dy, VAL(node, 1)};
        Attr *a = attrs_new(OP_max_pool_dx);
        attr_set_l(a, OP_max_pool_dx, "dims", 4, x.dim);
        attr_set_f(a, OP_max_pool_dx, "kernel", (f64)attr_i(&n, "kernel"));
        attr_set_f(a, OP_max_pool_dx, "stride", (f64)attr_i(&n, "stride"));
        attr_set_f(a, OP_max_pool_dx, "pad", (f64)attr_i(&n, "pad"));
        grad_add(g, n.in[0], emit_attrs(b, OP_max_pool_dx, in, 2, a));
        return;
    }
    if (n.op != OP_conv2d)
        bug("%s has no gradient", optab[n.op].name);
    Type w = type_of(b->f, n.in[1]);
    if (g->wants[VAL_NODE(n.in[0])])
        grad_add(
            g, n.in[0],
            as_given(b, emit_conv(b, OP_conv2d_dx, &n, dy, n.in[1], &x), dy));
    if (g->wants[VAL_NODE(n.in[1])])
        grad_add(
            g, n.in[1],
            as_given(b, emit_conv(b, OP_conv2d_dw, &n, n.in[0], dy, &w), dy));
}

const Family family_conv = {infer, grad, NULL};
