/* view.c - views (no bytes move) and moves (parts are copied). */
#include "compiler/sohoc.h"

static bool
dims_attr(const Node *n, Type *t)
{
    const Attr *dims = attr_l(n, "dims");
    if (dims->n > MAX_RANK) {
        diag_err(n->place, "%s: %u dimensions, at most %d", optab[n->op].name,
                 dims->n, MAX_RANK);
        return false;
    }
    t->rank = dims->n;
    for (u32 i = 0; i < dims->n; i++) {
        if (dims->list[i] < 1 || dims->list[i] > MAX_DIM) {
            diag_err(n->place, "%s: dimension %u is %g, expected 1..%d",
                     optab[n->op].name, i + 1, dims->list[i], MAX_DIM);
            return false;
        }
        t->dim[i] = (i32)dims->list[i];
    }
    return true;
}

static bool
infer_reshape(const Node *n, const Type *x, Type *t)
{
    if (!dims_attr(n, t))
        return false;
    if (type_count(x) != type_count(t)) {
        diag_err(n->place, "reshape: %s has %lld elements, %s has %lld",
                 type_text(x), (long long)type_count(x), type_text(t),
                 (long long)type_count(t));
        return false;
    }
    return true;
}

static bool
infer_broadcast(const Node *n, const Type *x, Type *t)
{
    if (!dims_attr(n, t))
        return false;
    for (u32 i = 0; i < t->rank; i++) {
        i32 d = i < x->rank ? x->dim[x->rank - 1 - i] : 1;
        if (x->rank > t->rank || (d != 1 && d != t->dim[t->rank - 1 - i])) {
            diag_err(n->place, "broadcast: %s does not repeat to %s",
                     type_text(x), type_text(t));
            return false;
        }
    }
    return true;
}

static bool
infer_permute(const Node *n, const Type *x, Type *t)
{
    const Attr *order = attr_l(n, "order");
    u32 seen = 0;
    for (u32 i = 0; i < order->n && order->n == x->rank; i++) {
        f64 axis = order->list[i];
        if (axis >= 0 && axis < x->rank && axis == (i32)axis) {
            seen |= 1u << (u32)axis;
            t->dim[i] = x->dim[(u32)axis];
        }
    }
    if (order->n != x->rank || seen + 1 != 1u << x->rank) {
        diag_err(n->place, "permute: order must name each axis of %s once",
                 type_text(x));
        return false;
    }
    return true;
}

static bool
check_axis(const Node *n, const Type *x, i64 dim)
{
    if (dim >= 0 && dim < x->rank)
        return true;
    diag_err(n->place, "%s: axis %lld of %s does not exist", optab[n->op].name,
             (long long)dim + 1, type_text(x));
    return false;
}

static bool
infer_slice(const Node *n, const Type *x, Type *t)
{
    i64 dim = attr_i(n, "dim"), first = attr_i(n, "first");
    i64 count = attr_i(n, "count");
    if (!check_axis(n, x, dim))
        return false;
    if (first < 0 || count < 1 || first + count > x->dim[dim]) {
        diag_err(n->place, "slice: %lld..%lld of axis %lld of %s",
                 (long long)first + 1, (long long)(first + count),
                 (long long)dim + 1, type_text(x));
        return false;
    }
    t->dim[dim] = (i32)count;
    return true;
}

static bool
infer_pad(const Node *n, const Type *x, Type *t)
{
    i64 dim = attr_i(n, "dim");
    i64 before = attr_i(n, "before"), after = attr_i(n, "after");
    if (!check_axis(n, x, dim))
        return false;
    if (before < 0 || after < 0 || before + after + x->dim[dim] > MAX_DIM) {
        diag_err(n->place, "pad: %lld before and %lld after axis %lld of %s",
                 (long long)before, (long long)after, (long long)dim + 1,
                 type_text(x));
        return false;
    }
    t->dim[dim] += (i32)(before + after);
    return true;
}

static bool
infer_concat(Func *f, const Node *n, Type *t)
{
    i64 dim = attr_i(n, "dim");
    if (!check_axis(n, t, dim))
        return false;
    for (u32 i = 1; i < n->nin; i++) {
        Type x = type_of(f, n->in[i]);
        i32 d = x.rank == t->rank ? x.dim[dim] : 0;
        Type a = *t;
        a.dim[dim] = d;
        if (!type_same(&a, &x)) {
            diag_err(n->place, "concat: %s and %s differ beside axis %lld",
                     type_text(t), type_text(&x), (long long)dim + 1);
            return false;
        }
        t->dim[dim] += d;
    }
    return true;
}

static bool
infer(Func *f, Node *n)
{
    Type x = type_of(f, n->in[0]), t = x;
    bool ok = n->op == OP_reshape     ? infer_reshape(n, &x, &t)
              : n->op == OP_broadcast ? infer_broadcast(n, &x, &t)
              : n->op == OP_permute   ? infer_permute(n, &x, &t)
              : n->op == OP_slice     ? infer_slice(n, &x, &t)
              : n->op == OP_pad       ? infer_pad(n, &x, &t)
              : n->op == OP_concat    ? infer_concat(f, n, &t)
                                      : true;
    n->out[0] = t;
    return ok;
}

static void
grad_concat(Grad *g, const Node *n, Val dy)
{
    i64 dim = attr_i(n, "dim"), at = 0;
    for (u32 i = 0; i < n->nin; i++) {
        Type x = type_of(g->b.f, n->in[i]);
        grad_add(g, n->in[i], emit_slice(&g->b, dy, (u32)dim, at, x.dim[dim]));
        at += x.dim[dim];
    }
}

static void
grad_slice(Grad *g, const Node *n, const Type *x, Val dy)
{
    i64 dim = attr_i(n, "dim"), first = attr_i(n, "first");
    Attr *a = attrs_new(OP_pad);
    attr_set_f(a, OP_pad, "dim", (f64)dim);
    attr_set_f(a, OP_pad, "before", (f64)first);
    attr_set_f(a, OP_pad, "after",
               (f64)(x->dim[dim] - first - attr_i(n, "count")));
    grad_add(g, n->in[0], emit_attrs(&g->b, OP_pad, &dy, 1, a));
}

static void
grad_permute(Grad *g, const Node *n, const Type *x, Val dy)
{
    const Attr *order = attr_l(n, "order");
    u8 back[MAX_RANK];
    for (u32 i = 0; i < x->rank; i++)
        back[(u32)order->list[i]] = (u8)i;
    grad_add(g, n->in[0], emit_permute(&g->b, dy, back));
}

static void
grad(Grad *g, u32 node, Val dy)
{
    Node n = g->b.f->node[node];
    Type x = type_of(g->b.f, n.in[0]);
    switch (n.op) {
    case OP_reshape:
        grad_add(g, n.in[0], emit_reshape(&g->b, dy, x.rank, x.dim));
        break;
    case OP_permute:
        grad_permute(g, &n, &x, dy);
        break;
    case OP_slice:
        grad_slice(g, &n, &x, dy);
        break;
    case OP_pad: {
        i64 dim = attr_i(&n, "dim");
        grad_add(
            g, n.in[0],
            emit_slice(&g->b, dy, (u32)dim, attr_i(&n, "before"), x.dim[dim]));
        break;
    }
    case OP_concat:
        grad_concat(g, &n, dy);
        break;
    default: /* broadcast, copy: grad_add sums what was repeated */
        grad_add(g, n.in[0], dy);
    }
}

const Family family_view = {infer, grad, NULL};
