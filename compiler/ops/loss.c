/* loss.c - binary cross-entropy, and what the best answer is worth. */
#include "compiler/sohoc.h"

static bool
infer(Func *f, Node *n)
{
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

/* bce = softplus(z) - z t, so d/dz = sigmoid(z) - t */
static void
grad(Grad *g, u32 node, Val dy)
{
    Build *b = &g->b;
    Node n = b->f->node[node];
    if (n.op != OP_bce)
        return; /* constant almost everywhere */
    Val slope = emit2(b, OP_sub, emit1(b, OP_sigmoid, n.in[0]), n.in[1]);
    grad_add(g, n.in[0], emit2(b, OP_mul, dy, slope));
    grad_add(g, n.in[1], emit1(b, OP_neg, emit2(b, OP_mul, dy, n.in[0])));
}

static Val
expand(Build *b, const Node *n, const Val *in)
{
    (void)n;
    return emit2(b, OP_sub, emit1(b, OP_softplus, in[0]),
                 emit2(b, OP_mul, in[0], in[1]));
}

const Family family_loss = {infer, grad, expand};
