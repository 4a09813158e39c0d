/* recompute - cheap values that are made of halves are computed by each of
 * their readers again, not stored.  needs SMALL; keeps it.
 *
 * Cheap is one addition, subtraction or product of one large operand, itself
 * cheap or half, and a small one.  Reading that operand again costs half of
 * what reading the result would, and the result is not kept for the backward
 * pass: norms are computed anew from their inputs. */
#include "compiler/sohoc.h"

typedef struct Old {
    const Func *f;
    const u32 *uses;
} Old;

/* Is operand v small beside a result of type t? */
static bool
is_small(const Func *f, Val v, const Type *t)
{
    Type x = type_of(f, v);
    return type_count(&x) * 8 <= type_count(t);
}

static bool
is_cheap(const Func *f, Val v)
{
    const Node *n = node_of(f, v);
    if (n->op != OP_add && n->op != OP_sub && n->op != OP_mul)
        return false;
    bool small = is_small(f, n->in[0], &n->out[0]);
    if (small == is_small(f, n->in[1], &n->out[0]))
        return false;
    Val large = n->in[small];
    return is_half(f, large) || is_cheap(f, large);
}

static Val
again(Build *b, Val v)
{
    if (!is_cheap(b->f, v))
        return v;
    Node n = *node_of(b->f, v);
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
        now[i] = i && was == n->in[0] ? now[0] : in[i];
        if (now[i] == in[i] && old->uses[was] > 1 && is_cheap(old->f, was)) {
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
