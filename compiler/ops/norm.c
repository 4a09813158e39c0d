/* norm.c - softmax, layer normalisation, batch normalisation.
 *
 * All three are composites.  Gradients are the closed forms of the layers, in
 * primitives; what they share with the forward pass (mean, rstd) is emitted
 * again by the same function, and cse makes it one. */
#include "compiler/sohoc.h"

static bool
infer_norm(Func *f, Node *n)
{
    Type x = type_of(f, n->in[0]);
    for (u32 i = 1; i < n->nin; i++) {
        Type w = type_of(f, n->in[i]);
        if (x.dtype != DT_f32 || x.rank < 2 || w.dtype != DT_f32 ||
            w.rank != 1 || w.dim[0] != x.dim[x.rank - 1]) {
            diag_err(n->place,
                     "%s: x %s, input %u %s: expected f32[..,C] "
                     "and f32[C]",
                     optab[n->op].name, type_text(&x), i + 1, type_text(&w));
            return false;
        }
    }
    if (x.dtype != DT_f32 || x.rank < 1) {
        diag_err(n->place, "%s: x %s, expected f32[..,C]", optab[n->op].name,
                 type_text(&x));
        return false;
    }
    n->out[0] = x;
    return true;
}

static bool
infer(Func *f, Node *n)
{
    return infer_norm(f, n);
}

/* What x is normalised over: its last axis, or all but the last. */
typedef struct Over {
    u32 first, count;
    f64 n; /* elements */
} Over;

static Over
over_last(const Type *x)
{
    return (Over){x->rank - 1u, 1, x->dim[x->rank - 1]};
}

static Over
over_leading(const Type *x)
{
    f64 n = (f64)(type_count(x) / x->dim[x->rank - 1]);
    return (Over){0, x->rank - 1u, n};
}

static Val
mean(Build *b, Val x, Over o)
{
    return emit2(b, OP_mul, emit_sum(b, x, o.first, o.count),
                 emit_literal(b, 1 / o.n));
}

typedef struct Stats {
    Val centred, var, rstd;
} Stats;

static Stats
stats(Build *b, Val x, Over o, f64 eps, Val *mu)
{
    Val m = mean(b, x, o);
    Val c = emit2(b, OP_sub, x, m);
    Val var = mean(b, emit2(b, OP_mul, c, c), o);
    Val r = emit1(b, OP_rsqrt, emit2(b, OP_add, var, emit_literal(b, eps)));
    if (mu)
        *mu = m;
    return (Stats){c, var, r};
}

/* y = (x - mean) * rstd * w + bias; over the given axes
 * dx = rstd * (g - mean(g) - xhat * mean(g * xhat)) with g = dy * w
 * dw = sum(dy * xhat), dbias = sum(dy) */
static void
grad_normalised(Grad *g, const Node *n, Val dy, Over o)
{
    Build *b = &g->b;
    Stats s = stats(b, n->in[0], o, attr_f(n, "eps"), NULL);
    Val xhat = emit2(b, OP_mul, s.centred, s.rstd);
    Val h = emit2(b, OP_mul, dy, n->in[1]);
    Val m1 = mean(b, h, o);
    Val m2 = mean(b, emit2(b, OP_mul, h, xhat), o);
    Val dx =
        emit2(b, OP_sub, emit2(b, OP_sub, h, m1), emit2(b, OP_mul, xhat, m2));
    grad_add(g, n->in[0], emit2(b, OP_mul, dx, s.rstd));
    grad_add(g, n->in[1], emit2(b, OP_mul, dy, xhat));
    grad_add(g, n->in[2], dy);
}

/* Batch norm over leading axes: the two column sums of dy serve dw, dbias and
 * dx alike, since h = dy * w and w is constant down a column. */
static void
grad_batch(Grad *g, const Node *n, Val dy, Over o)
{
    Build *b = &g->b;
    Stats s = stats(b, n->in[0], o, attr_f(n, "eps"), NULL);
    Val xhat = emit2(b, OP_mul, s.centred, s.rstd);
    Val sum1 = emit_sum(b, dy, o.first, o.count);
    Val sum2 = emit_sum(b, emit2(b, OP_mul, dy, xhat), o.first, o.count);
    Val over = emit_literal(b, 1 / o.n);
    Val dx = emit2(b, OP_sub, dy, emit2(b, OP_mul, sum1, over));
    dx = emit2(b, OP_sub, dx,
               emit2(b, OP_mul, xhat, emit2(b, OP_mul, sum2, over)));
    Val scale = emit2(b, OP_mul, s.rstd, n->in[1]);
    grad_add(g, n->in[0], emit2(b, OP_mul, dx, scale));
    grad_add(g, n->in[1], sum2);
    grad_add(g, n->in[2], sum1);
}

/* Running statistics: y = x * scale + shift, both known before x is. */
static Val
running_scale(Build *b, const Node *n, const Val *in)
{
    Val e = emit_literal(b, attr_f(n, "eps"));
    return emit2(b, OP_mul, in[1],
                 emit1(b, OP_rsqrt, emit2(b, OP_add, in[4], e)));
}

static void
grad_running(Grad *g, const Node *n, Val dy)
{
    Build *b = &g->b;
    Val e = emit_literal(b, attr_f(n, "eps"));
    Val r = emit1(b, OP_rsqrt, emit2(b, OP_add, n->in[4], e));
    Val xhat = emit2(b, OP_mul, emit2(b, OP_sub, n->in[0], n->in[3]), r);
    grad_add(g, n->in[0], emit2(b, OP_mul, dy, running_scale(b, n, n->in)));
    grad_add(g, n->in[1], emit2(b, OP_mul, dy, xhat));
    grad_add(g, n->in[2], dy);
}

/* y as it is kept: rounded, if cast rounds it. */
static Val
kept(const Grad *g, Val y)
{
    const Func *f = g->b.f;
    for (u32 i = VAL_NODE(y) + 1; i < g->nnode; i++)
        if (f->node[i].op == OP_half && f->node[i].in[0] == y)
            return VAL(i, 0);
    return y;
}

/* dx = (dy - sum(dy * y)) * y */
static void
grad_softmax(Grad *g, const Node *n, Val y, Val dy)
{
    Build *b = &g->b;
    Over o = over_last(&n->out[0]);
    y = kept(g, y);
    Val dot = emit_sum(b, emit2(b, OP_mul, dy, y), o.first, o.count);
    grad_add(g, n->in[0], emit2(b, OP_mul, emit2(b, OP_sub, dy, dot), y));
}

static void
grad(Grad *g, u32 node, Val dy)
{
    Node n = g->b.f->node[node];
    if (n.op == OP_softmax)
        grad_softmax(g, &n, VAL(node, 0), dy);
    else if (n.op == OP_layer_norm)
        grad_normalised(g, &n, dy, over_last(&n.out[0]));
    else if (attr_i(&n, "train"))
        grad_batch(g, &n, dy, over_leading(&n.out[0]));
    else
        grad_running(g, &n, dy);
}

static Val
expand_softmax(Build *b, const Node *n, const Val *in)
{
    Over o = over_last(&n->out[0]);
    Val top = emit_max(b, in[0], o.first, o.count);
    Val e = emit1(b, OP_exp, emit2(b, OP_sub, in[0], top));
    return emit2(b, OP_div, e, emit_sum(b, e, o.first, o.count));
}

static Val
affine(Build *b, Val xhat, Val w, Val bias)
{
    return emit2(b, OP_add, emit2(b, OP_mul, xhat, w), bias);
}

/* running = (1 - momentum) * running + momentum * now, in now's shape */
static void
follow(Build *b, Val running, Val now, f64 momentum)
{
    Type t = type_of(b->f, running), wide = type_of(b->f, now);
    Val old = emit_reshape(b, running, wide.rank, wide.dim);
    Val next =
        emit2(b, OP_add, emit2(b, OP_mul, old, emit_literal(b, 1 - momentum)),
              emit2(b, OP_mul, now, emit_literal(b, momentum)));
    emit_store(b, attr_s(node_of(b->f, running), "tensor"),
               emit_reshape(b, next, t.rank, t.dim), false);
}

static Val
expand_batch_train(Build *b, const Node *n, const Val *in)
{
    Over o = over_leading(&n->out[0]);
    f64 momentum = attr_f(n, "momentum");
    Val mu;
    Stats s = stats(b, in[0], o, attr_f(n, "eps"), &mu);
    f64 all = o.n * (f64)attr_i(n, "copies");
    f64 unbiased = all > 1 ? all / (all - 1) : 1;
    follow(b, in[3], mu, momentum);
    follow(b, in[4], emit2(b, OP_mul, s.var, emit_literal(b, unbiased)),
           momentum);
    return affine(b, emit2(b, OP_mul, s.centred, s.rstd), in[1], in[2]);
}

static Val
expand(Build *b, const Node *n, const Val *in)
{
    if (n->op == OP_softmax)
        return expand_softmax(b, n, in);
    if (n->op == OP_layer_norm) {
        Over o = over_last(&n->out[0]);
        Stats s = stats(b, in[0], o, attr_f(n, "eps"), NULL);
        return affine(b, emit2(b, OP_mul, s.centred, s.rstd), in[1], in[2]);
    }
    if (attr_i(n, "train"))
        return expand_batch_train(b, n, in);
    Val scale = running_scale(b, n, in);
    Val shift = emit2(b, OP_sub, in[2], emit2(b, OP_mul, in[3], scale));
    return affine(b, in[0], scale, shift);
}

const Family family_norm = {infer, grad, expand};
