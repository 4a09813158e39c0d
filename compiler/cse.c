/* cse - one node per equal computation.  needs SMALL; keeps it.
 * Effects are never merged; ops that draw are pure functions of their site, so
 * they may be. */
#include "compiler/sohoc.h"

/* The nodes of the new graph, to be found by what they compute. */
typedef struct Same {
    u32 *slot; /* node id + 1, 0 empty */
    u32 size;  /* power of two */
} Same;

static u64
mix(u64 h, u64 x)
{
    h ^= x + 0x9e3779b97f4a7c15u + (h << 6) + (h >> 2);
    return h * 0xff51afd7ed558ccdu;
}

static u64
bits(f64 x)
{
    u64 u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static u64
hash(const Node *n, const Val *in)
{
    u64 h = n->op;
    for (u32 i = 0; i < n->nin; i++)
        h = mix(h, in[i]);
    for (u32 i = 0; i < optab[n->op].nattr; i++) {
        const Attr *a = &n->attr[i];
        h = mix(mix(h, bits(a->num)), (u64)(uintptr_t)a->str);
        for (u32 k = 0; k < a->n; k++)
            h = mix(h, bits(a->list[k]));
    }
    return h;
}

/* Inputs in the order that commutative ops are compared in. */
static void
sorted(const Node *n, const Val *in, Val *to)
{
    memcpy(to, in, MAX_IN * sizeof *to);
    if ((optab[n->op].flags & F_COMM) && in[0] > in[1]) {
        to[0] = in[1];
        to[1] = in[0];
    }
}

static bool
equal(const Node *a, const Node *n, const Val *in)
{
    if (a->op != n->op || a->nin != n->nin ||
        !type_same(&a->out[0], &n->out[0]))
        return false;
    Val have[MAX_IN];
    sorted(a, a->in, have);
    for (u32 i = 0; i < n->nin; i++)
        if (have[i] != in[i])
            return false;
    for (u32 i = 0; i < optab[n->op].nattr; i++) {
        const Attr *x = &a->attr[i], *y = &n->attr[i];
        if (bits(x->num) != bits(y->num) || x->str != y->str || x->n != y->n)
            return false;
        for (u32 k = 0; k < x->n; k++)
            if (x->list[k] != y->list[k])
                return false;
    }
    return true;
}

/* A copy of n in the graph that is being built. */
static u32
keep(Build *b, const Node *n, const Val *in)
{
    u32 id = node_add(b->f, n->op, in, n->nin, n->attr, n->name, n->place);
    memcpy(b->f->node[id].out, n->out, sizeof n->out);
    return id;
}

/* A Rewrite: the node of the new graph that computes the same, or a copy. */
static Val
share(Build *b, const Node *n, const Val *mapped, void *same)
{
    Same *t = same;
    if (optab[n->op].kind == KIND_effect)
        return VAL(keep(b, n, mapped), 0);
    Val in[MAX_IN];
    sorted(n, mapped, in);
    for (u64 h = hash(n, in);; h++) {
        u32 *slot = &t->slot[h & (t->size - 1)];
        if (!*slot) {
            *slot = keep(b, n, mapped) + 1;
            return VAL(*slot - 1, 0);
        }
        if (equal(&b->f->node[*slot - 1], n, in))
            return VAL(*slot - 1, 0);
    }
}

void
pass_cse(Prog *p)
{
    for (u32 i = 0; i < p->nfunc; i++) {
        Same t = {NULL, 64};
        while (t.size < 2 * p->func[i].nnode)
            t.size *= 2;
        t.slot = mem_alloc(t.size * sizeof *t.slot);
        graph_rebuild(p, &p->func[i], share, &t);
    }
}
