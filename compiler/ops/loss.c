/* loss.c - cross-entropies, and what the best answer is worth. */
#include "compiler/sohoc.h"

static bool
infer_cross_entropy(Func *f, Node *n)
{
    Type z = type_of(f, n->in[0]), label = type_of(f, n->in[1]), y = z;
    if (z.rank)
        y.rank--;
    label.dtype = DT_f32; /* numbers do as well */
    if (z.dtype != DT_f32 || !z.rank || !type_same(&y, &label)) {
        Type got = type_of(f, n->in[1]);
        diag_err(n->place,
                 "cross_entropy: logits %s, labels %s: expected f32[..,N] and "
                 "[..]",
                 type_text(&z), type_text(&got));
        return false;
    }
    n->out[0] = y;
    return true;
}

static bool
infer(Func *f, Node *n)
{
    if (n->op == OP_cross_entropy)
        return infer_cross_entropy(f, n);
    Type z = type_of(f, n->in[0]), t = n->nin > 1 ? type_of(f, n->in[1]) : z;
    if (z.dtype != DT_f32 || z.rank < 1 || !type_same(&z, &t)) {
        diag_err(n->place, "%s: inputs %s and %s, expected the same f32 shape",
                 optab[n->op].name, type_text(&z), type_text(&t));
        return false;
    }
    if (n->op != OP_bce)
        z.rank--;
    if (n->op == OP_arg_max)
        z.dtype = DT_i32;
    n->out[0] = z;
    return true;
}

/* What the parts of a cross-entropy share; [..,1] but `hot` [..,N]. */
typedef struct Entropy {
    Val lse;   /* log sum exp(z) */
    Val hot;   /* 1 at the label */
    Val valid; /* 1 where the label asks for something */
} Entropy;

static Entropy
entropy(Build *b, const Val *in)
{
    Type z = type_of(b->f, in[0]), t = z;
    u32 last = z.rank - 1u;
    Attr *count = attrs_new(OP_iota);
    t.dim[last] = 1;
    attr_set_f(count, OP_iota, "count", z.dim[last]);
    Val label = in[1], top = emit_max(b, in[0], last, 1);
    if (type_of(b->f, label).dtype != DT_f32)
        label = emit1(b, OP_float, label);
    label = emit_reshape(b, label, t.rank, t.dim);
    Val e = emit1(b, OP_exp, emit2(b, OP_sub, in[0], top));
    Val sum = emit1(b, OP_log, emit_sum(b, e, last, 1));
    Val place = emit_attrs(b, OP_iota, NULL, 0, count);
    return (Entropy){emit2(b, OP_add, sum, top),
                     emit2(b, OP_equal, place, label),
                     emit2(b, OP_greater, label, emit_literal(b, -0.5))};
}

static Val
expand_cross_entropy(Build *b, const Node *n, const Val *in)
{
    Entropy e = entropy(b, in);
    u32 last = type_of(b->f, in[0]).rank - 1u;
    Val at = emit_sum(b, emit2(b, OP_mul, in[0], e.hot), last, 1);
    Val y = emit2(b, OP_mul, emit2(b, OP_sub, e.lse, at), e.valid);
    return emit_reshape(b, y, n->out[0].rank, n->out[0].dim);
}

/* dz = (softmax(z) - 1 at the label) dy; the softmax is made of z again, whose
 * row was reduced to one number. */
static void
grad_cross_entropy(Grad *g, const Node *n, Val dy)
{
    Build *b = &g->b;
    Type t = type_of(b->f, n->in[0]);
    Entropy e = entropy(b, n->in);
    Val p = emit1(b, OP_exp, emit2(b, OP_sub, n->in[0], e.lse));
    t.dim[t.rank - 1] = 1;
    dy = emit2(b, OP_mul, emit_reshape(b, dy, t.rank, t.dim), e.valid);
    grad_add(g, n->in[0], emit2(b, OP_mul, emit2(b, OP_sub, p, e.hot), dy));
}

/* d bce / dz = sigmoid(z) - t */
static void
grad_bce(Grad *g, const Node *n, Val dy)
{
    Build *b = &g->b;
    Val slope = emit2(b, OP_sub, emit1(b, OP_sigmoid, n->in[0]), n->in[1]);
    grad_add(g, n->in[0], emit2(b, OP_mul, dy, slope));
    grad_add(g, n->in[1], emit1(b, OP_neg, emit2(b, OP_mul, dy, n->in[0])));
}

static void
grad(Grad *g, u32 node, Val dy)
{
    Node n = g->b.f->node[node];
    if (n.op == OP_bce)
        grad_bce(g, &n, dy);
    else if (n.op == OP_cross_entropy)
        grad_cross_entropy(g, &n, dy);
    /* the others are constant almost everywhere */
}

/* bce = softplus(z) - z t */
static Val
expand(Build *b, const Node *n, const Val *in)
{
    if (n->op == OP_cross_entropy)
        return expand_cross_entropy(b, n, in);
    return emit2(b, OP_sub, emit1(b, OP_softplus, in[0]),
                 emit2(b, OP_mul, in[0], in[1]));
}

const Family family_loss = {infer, grad, expand};
