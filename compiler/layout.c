/* layout - order in memory.  needs SMALL; keeps it.
 *
 * A product that is only read permuted is written in that order at once; what
 * a template or a library cannot read by strides gets a dense copy here, so
 * that lower never meets a surprise.  Activations are [B,H,W,C] throughout. */
#include "compiler/sohoc.h"

/* Matmuls whose one user is a permute take its order. */
static void
choose_orders(Func *f)
{
    u32 *uses = graph_uses(f);
    for (u32 i = 0; i < f->nnode; i++) {
        const Node *n = &f->node[i];
        if (n->op != OP_permute)
            continue;
        Node *x = &f->node[VAL_NODE(n->in[0])];
        if (x->op != OP_matmul || uses[n->in[0]] != 1)
            continue;
        const Attr *order = attr_l(n, "order");
        if (order->list[order->n - 1] + 1 != order->n)
            continue; /* the library writes rows of unit stride */
        x->attr[attr_find(OP_matmul, "order")] = *order;
    }
}

/* May a matmul read this operand by its strides? */
static bool
gemm_can_read(const Type *t, const i64 *stride)
{
    u32 r = t->rank;
    bool rows = stride[r - 1] == 1 || t->dim[r - 1] == 1;
    bool columns = stride[r - 2] == 1 || t->dim[r - 2] == 1;
    if (!rows && !columns)
        return false;
    for (u32 i = 0; i < r; i++)
        if (stride[i] == 0 && t->dim[i] != 1)
            return false;
    return true;
}

static bool
can_read(const Func *f, const Node *user, const Type *t, const Where *w)
{
    u8 kind = optab[user->op].kind;
    bool loops = kind == KIND_elem || kind == KIND_reduce ||
                 kind == KIND_view || user->op == OP_copy ||
                 user->op == OP_store;
    if (val_literal(f, w->base, NULL) && !loops)
        return false; /* a number has no address: only loops can hold it */
    switch (kind) {
    case KIND_elem:
    case KIND_reduce:
    case KIND_move:
        return w->ok;
    case KIND_view:
        return w->ok || user->op != OP_reshape;
    case KIND_effect:
        return w->ok && is_dense(t, w->stride);
    case KIND_library:
        if (user->op == OP_matmul)
            return w->ok && gemm_can_read(t, w->stride);
        return w->ok && is_dense(t, w->stride) && !w->offset;
    default:
        return w->ok && is_dense(t, w->stride);
    }
}

/* Kernels have maxima along trailing axes alone: others are brought there. */
static Val
max_along_rows(Build *b, const Node *n, Val x)
{
    Type t = type_of(b->f, x);
    u32 first = (u32)attr_i(n, "first"), count = (u32)attr_i(n, "count");
    u8 order[MAX_RANK], back[MAX_RANK];
    u32 k = 0;
    for (u32 i = 0; i < t.rank; i++)
        if (i < first || i >= first + count)
            order[k++] = (u8)i;
    for (u32 i = first; i < first + count; i++)
        order[k++] = (u8)i;
    for (u32 i = 0; i < t.rank; i++)
        back[order[i]] = (u8)i;
    Val top = emit_max(b, emit_permute(b, x, order), t.rank - count, count);
    return emit_permute(b, top, back);
}

static Val
place_copies(Build *b, const Node *n, const Val *in, void *user)
{
    (void)user;
    Val now[MAX_IN];
    bool changed = false;
    for (u32 i = 0; i < n->nin; i++) {
        Where w = where(b->f, in[i]);
        Type t = type_of(b->f, in[i]);
        now[i] = in[i];
        if (!can_read(b->f, n, &t, &w)) {
            now[i] = emit1(b, OP_copy, in[i]);
            changed = true;
        }
    }
    if (n->op == OP_reshape) { /* the view itself may be impossible */
        Val y = emit_attrs(b, OP_reshape, now, 1, n->attr);
        if (where(b->f, y).ok)
            return y;
        now[0] = emit1(b, OP_copy, now[0]);
        return emit_attrs(b, OP_reshape, now, 1, n->attr);
    }
    Type x = n->nin ? type_of(b->f, now[0]) : n->out[0];
    if (optab[n->op].kind == KIND_reduce && type_same(&x, &n->out[0]))
        return now[0]; /* along axes of size 1: no kernel does nothing */
    if (n->op == OP_max &&
        attr_i(n, "first") + attr_i(n, "count") < n->out[0].rank)
        return max_along_rows(b, n, now[0]);
    if (!changed)
        return VAL_NONE;
    u32 id = node_add(b->f, n->op, now, n->nin, n->attr, n->name, n->place);
    memcpy(b->f->node[id].out, n->out, sizeof n->out);
    return VAL(id, 0);
}

/* -------------------------------------------- values of tensors that change
 */

/* Does v, seen from a node, show the tensor's elements in another order? */
static bool
is_reordered(const Func *f, Val v)
{
    Where w = where(f, v);
    Type t = type_of(f, v), base = type_of(f, w.base);
    return !w.ok || !is_dense(&t, w.stride) ||
           type_count(&t) != type_count(&base);
}

/* Nodes that the value of node `id` is made of. */
static bool *
ancestors(const Func *f, u32 id)
{
    bool *is = mem_alloc(f->nnode + 1);
    is[id] = true;
    for (u32 i = id + 1; i-- > 0;)
        for (u32 k = 0; is[i] && k < f->node[i].nin; k++)
            is[VAL_NODE(f->node[i].in[k])] = true;
    return is;
}

static bool
loads(const Func *f, Val v, const char *tensor)
{
    const Node *n = node_of(f, where(f, v).base);
    return n->op == OP_load && attr_s(n, "tensor") == tensor;
}

/* Might someone read the tensor's old value after store `id` has written the
 * new one?  Those whose results go into the new value can't, if they read
 * element by element. */
static bool
is_read_late(const Func *f, u32 id)
{
    const char *tensor = attr_s(&f->node[id], "tensor");
    const bool *before = ancestors(f, id);
    for (u32 i = 0; i < f->nout; i++)
        if (loads(f, f->out[i].val, tensor))
            return true;
    for (u32 i = 0; i < f->nnode; i++) {
        const Node *n = &f->node[i];
        for (u32 k = 0; optab[n->op].kind != KIND_view && k < n->nin; k++)
            if (loads(f, n->in[k], tensor) &&
                (!before[i] || is_reordered(f, n->in[k])))
                return true;
    }
    return false;
}

/* Who reads what a store gives reads what it got. */
static Val
keep_new(Build *b, const Node *n, const Val *in)
{
    u32 id = node_add(b->f, n->op, in, n->nin, n->attr, n->name, n->place);
    memcpy(b->f->node[id].out, n->out, sizeof n->out);
    return in[0];
}

/* What such a phase reads is a copy; fuse leaves it alone. */
static Val
keep_old(Build *b, const Node *n, const Val *in, void *user)
{
    const Func *old = user;
    if (n->op == OP_store)
        return keep_new(b, n, in);
    for (u32 i = 0; n->op == OP_load && i < old->nnode; i++)
        if (old->node[i].op == OP_store &&
            attr_s(&old->node[i], "tensor") == attr_s(n, "tensor") &&
            is_read_late(old, i))
            return emit1(b, OP_copy, emit_load(b, attr_s(n, "tensor")));
    return VAL_NONE;
}

/* What the caller reads through a door is dense and owned by the phase. */
static void
dense_outs(Prog *p, Func *f)
{
    for (u32 i = 0; i < f->nout; i++) {
        Val v = f->out[i].val;
        Where w = where(f, v);
        Type t = type_of(f, v);
        const Node *base = node_of(f, w.base);
        Type tb = base->out[VAL_OUT(w.base)];
        if (w.ok && is_dense(&t, w.stride) &&
            type_count(&t) == type_count(&tb) &&
            optab[base->op].kind != KIND_leaf)
            continue;
        Build b = {p, f, f->out[i].name, node_of(f, v)->place};
        f->out[i].val = emit1(&b, OP_copy, v);
    }
}

void
pass_layout(Prog *p)
{
    for (u32 i = 0; i < p->nfunc; i++) {
        Func old = p->func[i];
        graph_rebuild(p, &p->func[i], keep_old, &old);
        choose_orders(&p->func[i]);
        graph_rebuild(p, &p->func[i], place_copies, NULL);
        dense_outs(p, &p->func[i]);
    }
}
