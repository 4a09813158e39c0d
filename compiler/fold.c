/* fold - constants, identities, chains of views.  needs SMALL; keeps it.
 * Each rule makes the graph smaller or a view chain shorter, so one walk from
 * inputs to outputs is enough. */
#include "compiler/sohoc.h"

static bool
is_number(Build *b, Val v, f64 want)
{
    f64 x;
    return val_literal(b->f, v, &x) && x == want;
}

static f64
compute(u32 op, f64 a, f64 b)
{
    switch (op) {
    case OP_add:
        return (f32)a + (f32)b;
    case OP_sub:
        return (f32)a - (f32)b;
    case OP_mul:
        return (f32)a * (f32)b;
    default:
        return (f32)a / (f32)b;
    }
}

/* y = v, but in y's shape. */
static Val
shaped(Build *b, const Node *n, Val v)
{
    return emit_broadcast(b, v, n->out[0].rank, n->out[0].dim);
}

static Val
fold_arithmetic(Build *b, const Node *n, const Val *in)
{
    f64 x, y;
    bool lit0 = val_literal(b->f, in[0], &x);
    bool lit1 = val_literal(b->f, in[1], &y);
    if (lit0 && lit1)
        return emit_literal(b, (f32)compute(n->op, x, y));
    bool neutral0 = n->op == OP_add ? is_number(b, in[0], 0)
                                    : n->op == OP_mul && is_number(b, in[0], 1);
    bool neutral1 = n->op == OP_add || n->op == OP_sub ? is_number(b, in[1], 0)
                                                       : is_number(b, in[1], 1);
    if (neutral1)
        return shaped(b, n, in[0]);
    if (neutral0)
        return shaped(b, n, in[1]);
    return VAL_NONE;
}

static Val
fold_permute(Build *b, const Node *n, const Val *in)
{
    const Attr *order = attr_l(n, "order");
    const Node *x = node_of(b->f, in[0]);
    bool chain = x->op == OP_permute, same = true;
    Val inner = chain ? x->in[0] : in[0];
    u8 both[MAX_RANK];
    for (u32 i = 0; i < order->n; i++) {
        both[i] = (u8)order->list[i];
        if (chain)
            both[i] = (u8)attr_l(x, "order")->list[both[i]];
        same &= both[i] == i;
    }
    if (same)
        return inner;
    return chain ? emit_permute(b, inner, both) : VAL_NONE;
}

static Val
fold_view(Build *b, const Node *n, const Val *in)
{
    Type x = type_of(b->f, in[0]);
    if (n->op != OP_permute && type_same(&x, &n->out[0]))
        return in[0];
    if (n->op == OP_permute)
        return fold_permute(b, n, in);
    const Node *inner = node_of(b->f, in[0]);
    if (n->op == OP_reshape && inner->op == OP_reshape)
        return emit_reshape(b, inner->in[0], n->out[0].rank, n->out[0].dim);
    return VAL_NONE;
}

/* The sum or maximum over axes of size 1 is the value itself. */
static Val
fold_reduce(Build *b, const Node *n, const Val *in)
{
    Type x = type_of(b->f, in[0]);
    return type_same(&x, &n->out[0]) ? in[0] : VAL_NONE;
}

static Val
fold_node(Build *b, const Node *n, const Val *in, void *user)
{
    (void)user;
    f64 x;
    switch (n->op) {
    case OP_add:
    case OP_sub:
    case OP_mul:
    case OP_div:
        return fold_arithmetic(b, n, in);
    case OP_neg:
        return val_literal(b->f, in[0], &x) ? emit_literal(b, -x) : VAL_NONE;
    case OP_dropout:
        return attr_f(n, "p") == 0 ? in[0] : VAL_NONE;
    case OP_half:
        return is_half(b->f, in[0]) ? in[0] : VAL_NONE;
    case OP_concat:
        return n->nin == 1 ? in[0] : VAL_NONE;
    default:
        if (optab[n->op].kind == KIND_view)
            return fold_view(b, n, in);
        if (optab[n->op].kind == KIND_reduce)
            return fold_reduce(b, n, in);
        return VAL_NONE;
    }
}

void
pass_fold(Prog *p)
{
    for (u32 i = 0; i < p->nfunc; i++)
        graph_rebuild(p, &p->func[i], fold_node, NULL);
}
