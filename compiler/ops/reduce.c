/* reduce.c - sums and maxima over a range of axes, which stay as 1. */
#include "compiler/sohoc.h"

static bool
infer(Func *f, Node *n)
{
    Type t = type_of(f, n->in[0]);
    i64 first = attr_i(n, "first"), count = attr_i(n, "count");
    if (t.dtype != DT_f32) {
        diag_err(n->place, "%s: input is %s, expected f32", optab[n->op].name,
                 type_text(&t));
        return false;
    }
    if (first < 0 || count < 1 || first + count > t.rank) {
        diag_err(n->place, "%s: axes %lld..%lld of %s", optab[n->op].name,
                 (long long)first + 1, (long long)(first + count),
                 type_text(&t));
        return false;
    }
    for (i64 i = first; i < first + count; i++)
        t.dim[i] = 1;
    n->out[0] = t;
    return true;
}

/* max: the gradient is shared evenly by all that reach the maximum. */
static void
grad(Grad *g, u32 node, Val dy)
{
    Build *b = &g->b;
    Node n = b->f->node[node];
    if (n.op == OP_max) {
        Val below = emit2(b, OP_greater, VAL(node, 0), n.in[0]);
        Val hit = emit2(b, OP_sub, emit_literal(b, 1), below);
        Val many = emit_sum(b, hit, (u32)attr_i(&n, "first"),
                            (u32)attr_i(&n, "count"));
        dy = emit2(b, OP_mul, hit, emit2(b, OP_div, dy, many));
    }
    grad_add(g, n.in[0], dy);
}

const Family family_reduce = {infer, grad, NULL};
