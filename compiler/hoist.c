/* hoist - what weights alone decide moves to the pack phase, which runs once
 * after weights change.  needs SMALL; keeps it.
 *
 * First a channel scale behind a convolution goes into its weights (that is
 * how a batch norm with running statistics disappears); then every value that
 * depends on nothing but parameters and state this phase does not write is
 * computed in `pack.<kind>` and read back as a constant.  Equal expressions of
 * two buckets share one constant. */
#include "compiler/sohoc.h"

/* Per node of a func: is it decided by the weights; its expression's hash. */
typedef struct Fixed {
    bool *is;
    u64 *hash;
} Fixed;

static u64
mix(u64 h, u64 x)
{
    return (h ^ x) * 0x100000001b3u + (x >> 29);
}

static u64
hash_text(const char *s)
{
    u64 h = 0xcbf29ce484222325u;
    while (s && *s)
        h = mix(h, (u8)*s++);
    return h;
}

static u64
hash_node(const Node *n, const u64 *hash)
{
    u64 h = mix(hash_text(optab[n->op].name), n->nin);
    for (u32 i = 0; i < n->nin; i++)
        h = mix(h, hash[VAL_NODE(n->in[i])] + VAL_OUT(n->in[i]));
    for (u32 i = 0; i < optab[n->op].nattr; i++) {
        const Attr *a = &n->attr[i];
        u64 bits;
        memcpy(&bits, &a->num, sizeof bits);
        h = mix(mix(h, bits), hash_text(a->str));
        for (u32 k = 0; k < a->n; k++)
            h = mix(h, (u64)(i64)(a->list[k] * 4096));
    }
    return h;
}

static bool
written_here(const Func *f, const char *tensor)
{
    for (u32 i = 0; i < f->nnode; i++)
        if (f->node[i].op == OP_store &&
            attr_s(&f->node[i], "tensor") == tensor)
            return true;
    return false;
}

static bool
decided(const Func *f, const Node *n, const bool *is)
{
    if (n->op == OP_load)
        return !written_here(f, attr_s(n, "tensor"));
    if (n->op == OP_literal || n->op == OP_iota)
        return true;
    u8 kind = optab[n->op].kind;
    if (n->op == OP_input || kind == KIND_effect ||
        (optab[n->op].flags & F_RAND) ||
        n->nout > 1) /* a constant stands for one value */
        return false;
    for (u32 i = 0; i < n->nin; i++)
        if (!is[VAL_NODE(n->in[i])])
            return false;
    return n->nin > 0;
}

static Fixed
find_fixed(const Func *f)
{
    Fixed x = {mem_alloc(f->nnode + 1),
               mem_alloc((f->nnode + 1) * sizeof(u64))};
    for (u32 i = 0; i < f->nnode; i++) {
        x.is[i] = decided(f, &f->node[i], x.is);
        x.hash[i] = hash_node(&f->node[i], x.hash);
    }
    return x;
}

/* ------------------------------------------------- scale behind convolution */

typedef struct Scale {
    const Func *old; /* copy of the func before the rebuild */
    Fixed fixed;
    u32 *uses;
} Scale;

/* w * s; where w is rounded, its product is instead. */
static Val
times(Build *b, Val w, Val s)
{
    const Node *n = node_of(b->f, w);
    if (n->op == OP_half)
        return emit1(b, OP_half, emit2(b, OP_mul, n->in[0], s));
    return emit2(b, OP_mul, w, s);
}

/* conv(x, w) * s with one s per channel -> conv(x, w * s) */
static Val
scale_weights(Build *b, const Node *n, const Val *in, void *user)
{
    const Scale *s = user;
    for (u32 i = 0; n->op == OP_mul && i < 2; i++) {
        const Node *conv = node_of(s->old, n->in[i]);
        Type t = type_of(s->old, n->in[1 - i]);
        if (conv->op != OP_conv2d || s->uses[n->in[i]] != 1 ||
            !s->fixed.is[VAL_NODE(conv->in[1])] ||
            !s->fixed.is[VAL_NODE(n->in[1 - i])] || t.rank < 1 ||
            type_count(&t) != t.dim[t.rank - 1] ||
            t.dim[t.rank - 1] != conv->out[0].dim[3])
            continue;
        const Node *now = node_of(b->f, in[i]);
        i32 dim[4] = {t.dim[t.rank - 1], 1, 1, 1};
        Val s4 = emit_reshape(b, in[1 - i], 4, dim);
        Val pair[2] = {now->in[0], times(b, now->in[1], s4)};
        return emit_attrs(b, OP_conv2d, pair, 2, conv->attr);
    }
    return VAL_NONE;
}

/* ------------------------------------------------------------------ hoisting
 */

typedef struct Move {
    const Func *old;
    Fixed fixed;
    u32 pack;     /* index of the pack func */
    Val *cloned;  /* old node -> value in the pack func */
    bool *wanted; /* old node is read by something that stays */
} Move;

static Val
clone(Prog *p, Move *m, Val v)
{
    u32 id = VAL_NODE(v);
    if (m->cloned[id] != VAL_NONE)
        return VAL(VAL_NODE(m->cloned[id]), VAL_OUT(v));
    const Node *n = &m->old->node[id];
    Val in[MAX_IN];
    for (u32 i = 0; i < n->nin; i++)
        in[i] = clone(p, m, n->in[i]);
    Func *to = &p->func[m->pack];
    u32 now = node_add(to, n->op, in, n->nin, n->attr, n->name, n->place);
    memcpy(to->node[now].out, n->out, sizeof n->out);
    m->cloned[id] = VAL(now, 0);
    return VAL(now, VAL_OUT(v));
}

/* The constant that holds old node id, made in the pack func if it is new. */
static const char *
constant(Prog *p, Move *m, u32 id)
{
    const char *name = format("const.%s.h%016llx", p->func[m->pack].name + 5,
                              (unsigned long long)m->fixed.hash[id]);
    if (!tensor_find(p, name)) {
        const Node *n = &m->old->node[id];
        tensor_add(p, name, n->out[0], RO_const, n->place)->half =
            n->op == OP_half;
        Val v = clone(p, m, VAL(id, 0));
        Build b = {p, &p->func[m->pack], n->name, n->place};
        emit_store(&b, name, v, false);
    }
    return name;
}

static Val
move_node(Build *b, const Node *n, const Val *in, void *user)
{
    (void)in;
    Move *m = user;
    u32 id = (u32)(n - m->old->node);
    if (!m->wanted[id])
        return VAL_NONE;
    return emit_load(b, constant(b->prog, m, id));
}

/* A fixed value is wanted as a constant where something that stays reads it;
 * through views its base is. */
static void
find_wanted(const Func *f, Move *m)
{
    bool *read = mem_alloc(f->nnode + 1);
    for (u32 i = 0; i < f->nout; i++)
        read[VAL_NODE(f->out[i].val)] = true;
    for (u32 i = f->nnode; i-- > 0;) {
        const Node *n = &f->node[i];
        u8 kind = optab[n->op].kind;
        bool stays = !m->fixed.is[i] || (read[i] && kind == KIND_view);
        for (u32 k = 0; stays && k < n->nin; k++)
            read[VAL_NODE(n->in[k])] = true;
        m->wanted[i] =
            m->fixed.is[i] && read[i] && kind != KIND_view && kind != KIND_leaf;
    }
}

static u32
pack_func(Prog *p, const Func *f)
{
    static const char *const name[] = {[PH_train] = "pack.train",
                                       [PH_eval] = "pack.eval",
                                       [PH_infer] = "pack.infer"};
    for (u32 i = 0; i < p->nfunc; i++)
        if (!strcmp(p->func[i].name, name[f->kind]))
            return i;
    func_add(p, name[f->kind], PH_pack);
    return p->nfunc - 1;
}

static void
hoist(Prog *p, u32 index)
{
    Func old = p->func[index];
    Scale s = {&old, find_fixed(&old), graph_uses(&old)};
    graph_rebuild(p, &p->func[index], scale_weights, &s);
    u32 pack = pack_func(p, &p->func[index]); /* moves the table */
    Func now = p->func[index];
    Move m = {.old = &now, .fixed = find_fixed(&now), .pack = pack};
    m.cloned = mem_alloc((now.nnode + 1) * sizeof *m.cloned);
    memset(m.cloned, 0xff, (now.nnode + 1) * sizeof *m.cloned);
    m.wanted = mem_alloc(now.nnode + 1);
    find_wanted(&now, &m);
    graph_rebuild(p, &p->func[index], move_node, &m);
    p->func[index].pack = (i32)pack;
}

void
pass_hoist(Prog *p)
{
    for (u32 i = 0, n = p->nfunc; i < n; i++) {
        u8 kind = p->func[i].kind;
        if (kind == PH_train || kind == PH_eval || kind == PH_infer)
            hoist(p, i);
    }
}
