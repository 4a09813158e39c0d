/* recompute - cheap values with several readers are computed by each of them
 * again, not stored.  needs SMALL; keeps it.
 *
 * Cheap is one addition, subtraction or product in which at most one operand is
 * as large as the result: reading that operand again costs what reading the
 * stored result would, and the store goes.  (So a batch norm's centred input
 * never touches memory.) */
#include "compiler/sohoc.h"

typedef struct Old {
    const Func *f;
    const u32 *uses;
} Old;

static bool
is_cheap(const Func *f, const Node *n)
{
    if (n->op != OP_add && n->op != OP_sub && n->op != OP_mul)
        return false;
    u32 large = 0;
    for (u32 i = 0; i < 2; i++) {
        Type t = type_of(f, n->in[i]);
        if (type_count(&t) * 8 <= type_count(&n->out[0]))
            continue;
        large++;
        if (n->op == OP_add && optab[node_of(f, n->in[i])->op].kind ==
                                   KIND_library)
            return false; /* a bias: the library adds it for nothing */
    }
    return large == 1;
}

static Val
again(Build *b, Val v)
{
    Node n = *node_of(b->f, v);
    if (!is_cheap(b->f, &n))
        return v;
    for (u32 i = 0; i < n.nin; i++)
        n.in[i] = again(b, n.in[i]);
    u32 id = node_add(b->f, n.op, n.in, n.nin, n.attr, n.name, n.place);
    memcpy(b->f->node[id].out, n.out, sizeof n.out);
    return VAL(id, 0);
}

static Val
reread(Build *b, const Node *n, const Val *in, void *user)
{
    const Old *old = user;
    Val now[MAX_IN];
    bool changed = false;
    for (u32 i = 0; i < n->nin; i++) {
        Val was = n->in[i];
        now[i] = in[i];
        if (old->uses[was] > 1 && is_cheap(old->f, node_of(old->f, was))) {
            now[i] = again(b, in[i]);
            changed = true;
        }
    }
    if (!changed)
        return VAL_NONE;
    u32 id = node_add(b->f, n->op, now, n->nin, n->attr, n->name, n->place);
    memcpy(b->f->node[id].out, n->out, sizeof n->out);
    return VAL(id, 0);
}

void
pass_recompute(Prog *p)
{
    for (u32 i = 0; i < p->nfunc; i++) {
        Func f = p->func[i];
        Old old = {&f, graph_uses(&f)};
        graph_rebuild(p, &p->func[i], reread, &old);
    }
}
