/* attend - a GPU's attention of halves in one kernel, its queries, keys and
 * values in one product.  needs SHAPES; keeps it.
 *
 * Looked for is what a model writes in products and a softmax:
 *
 *   q, k, v = heads of linear(x), each [R,heads,L,side]
 *   softmax(q k' * scale + bias), dropped out, times v, heads side by side
 *
 * Its kernel keeps the scores in registers, so nothing of size L x L is in
 * memory, and the gradient computes them again (Dao et al. 2022,
 * "FlashAttention").  The three matrices stand one below the other in one
 * product; where the queries are of other rows than the keys (prune), the last
 * two do.  f32 keeps its products, which cuBLASLt computes. */
#include "compiler/sohoc.h"

/* What the smallest GPU gives a block, sm_89, less what the driver takes. */
enum { MOST_SHARED = 99 << 10, MOST_SIDE = 64 };

/* Shared memory of a block: halves in whole tiles, PITCH apart, then numbers
 * per query, then a bit per score (templates/cuda/attention.h). */
u32
attention_bytes(const AttentionShape *a, bool gradient)
{
    i64 queries = (i64)align_up((u64)a->queries, ATTENTION_TILE);
    i64 keys = (i64)align_up((u64)a->keys, ATTENTION_TILE);
    i64 bits = a->drops ? a->queries * ((a->keys + 31) / 32) : 0;
    i64 tiles = (gradient ? 2 : 1) * queries + 2 * keys, pitch = a->side + 8;
    i64 bytes = tiles * pitch * 2 + (gradient ? queries * 8 : 0) + bits * 4;
    return (u32)min_i64(align_up((u64)bytes, 16), 1 << 30);
}

typedef struct Match {
    const Func *f;
    const u32 *uses; /* NULL: they were looked at */
    Val linear[3];   /* of q, k and v */
    Val bias;
    f64 scale;
    const Node *softmax, *dropout; /* dropout NULL: none */
} Match;

/* The node of v if it is an `op` that is read once. */
static const Node *
only(const Match *m, Val v, u32 op)
{
    const Node *n = node_of(m->f, v);
    return n->op == op && (!m->uses || m->uses[v] == 1) ? n : NULL;
}

static const Node *
permuted(const Match *m, Val v, const char *order)
{
    const Node *n = only(m, v, OP_permute);
    const Attr *a = n ? attr_l(n, "order") : NULL;
    bool same = a && a->n == strlen(order);
    for (u32 i = 0; same && i < a->n; i++)
        same = (i32)a->list[i] == order[i] - '0';
    return same ? n : NULL;
}

static bool
is_load(const Func *f, Val v)
{
    return node_of(f, v)->op == OP_load;
}

/* v is heads of a linear layer: [R,L,C] as [R,heads,L,side]. */
static bool
find_heads(const Match *m, Val v, Val *linear)
{
    const Node *turned = permuted(m, v, "0213");
    const Node *cut = turned ? only(m, turned->in[0], OP_reshape) : NULL;
    const Node *n = cut ? only(m, cut->in[0], OP_linear) : NULL;
    if (!n || n->nin != 3 || !is_load(m->f, n->in[1]) ||
        !is_load(m->f, n->in[2]))
        return false;
    *linear = cut->in[0];
    Type t = cut->out[0], x = n->out[0];
    return x.rank == 3 && t.rank == 4 && t.dim[0] == x.dim[0] &&
           t.dim[1] == x.dim[1];
}

/* scores = products * scale + bias [R,1,1,L] */
static bool
find_scores(Match *m, Val v)
{
    const Node *sum = only(m, v, OP_add);
    const Node *scaled = sum ? only(m, sum->in[0], OP_mul) : NULL;
    const Node *product = scaled ? only(m, scaled->in[0], OP_matmul) : NULL;
    if (!product || !val_literal(m->f, scaled->in[1], &m->scale) ||
        attr_i(product, "exact"))
        return false;
    m->bias = sum->in[1];
    Type t = product->out[0], bias = type_of(m->f, m->bias);
    const Node *k = permuted(m, product->in[1], "0132");
    return k && bias.rank == 4 && bias.dim[0] == t.dim[0] && bias.dim[1] == 1 &&
           bias.dim[2] == 1 && bias.dim[3] == t.dim[3] &&
           find_heads(m, product->in[0], &m->linear[0]) &&
           find_heads(m, k->in[0], &m->linear[1]);
}

/* Does n, a reshape, give attention's heads side by side? */
static bool
matches(Match *m, const Node *n)
{
    if (n->op != OP_reshape || n->out[0].rank != 3)
        return false;
    const Node *turned = permuted(m, n->in[0], "0213");
    const Node *product = turned ? only(m, turned->in[0], OP_matmul) : NULL;
    if (!product || attr_i(product, "exact"))
        return false;
    Val p = product->in[0];
    m->dropout = only(m, p, OP_dropout);
    if (m->dropout)
        p = m->dropout->in[0];
    m->softmax = only(m, p, OP_softmax);
    if (!m->softmax || !find_scores(m, m->softmax->in[0]) ||
        !find_heads(m, product->in[1], &m->linear[2]))
        return false;
    const Node *q = node_of(m->f, m->linear[0]);
    const Node *k = node_of(m->f, m->linear[1]);
    const Node *v = node_of(m->f, m->linear[2]);
    Type t = turned->out[0];
    return n->out[0].dim[0] == t.dim[0] && n->out[0].dim[1] == t.dim[1] &&
           k->in[0] == v->in[0] && v->out[0].dim[2] == q->out[0].dim[2];
}

static bool
is_packed(const Match *m)
{
    return node_of(m->f, m->linear[0])->in[0] ==
           node_of(m->f, m->linear[1])->in[0];
}

/* Can the kernel do it? */
static bool
fits(const Match *m)
{
    Type s = m->softmax->out[0], q = type_of(m->f, m->linear[0]);
    AttentionShape a = {.rows = s.dim[0],
                        .queries = s.dim[2],
                        .keys = s.dim[3],
                        .heads = s.dim[1],
                        .side = q.dim[2] / s.dim[1],
                        .drops = m->dropout != NULL};
    return a.side % ATTENTION_TILE == 0 && a.side <= MOST_SIDE &&
           attention_bytes(&a, true) <= MOST_SHARED;
}

/* Inputs k of n linear layers, one below the other. */
static Val
joined(Build *b, const Val *linear, u32 n, u32 k)
{
    Val in[3];
    Attr *a = attrs_new(OP_concat);
    attr_set_f(a, OP_concat, "dim", 0);
    for (u32 i = 0; i < n; i++)
        in[i] = node_of(b->f, linear[i])->in[k];
    return emit_attrs(b, OP_concat, in, n, a);
}

static Val
project(Build *b, const Val *linear, u32 n)
{
    Val in[3] = {node_of(b->f, linear[0])->in[0], joined(b, linear, n, 1),
                 joined(b, linear, n, 2)};
    return emit_attrs(b, OP_linear, in, 3, NULL);
}

/* Where score (r,h,i,j) is drawn: in the whole tensor, if this is a part. */
static void
set_dropout(Attr *a, const Match *m)
{
    i64 natural[MAX_RANK];
    const Attr *stride = m->dropout ? attr_l(m->dropout, "stride") : NULL;
    Attr *to = &a[attr_find(OP_attention, "stride")];
    natural_strides(&m->softmax->out[0], natural);
    to->n = m->softmax->out[0].rank;
    for (u32 i = 0; i < to->n; i++)
        to->list[i] = stride && stride->n ? stride->list[i] : (f64)natural[i];
    attr_set_s(a, OP_attention, "site", "none");
    if (!m->dropout)
        return;
    attr_set_s(a, OP_attention, "site", attr_s(m->dropout, "site"));
    attr_set_f(a, OP_attention, "drop", attr_f(m->dropout, "p"));
    attr_set_f(a, OP_attention, "offset", attr_f(m->dropout, "offset"));
}

typedef struct Old {
    const Func *f;
    const u32 *uses;
} Old;

static Val
attend(Build *b, const Node *n, const Val *in, void *user)
{
    const Old *old = user;
    Match m = {.f = old->f, .uses = old->uses};
    if (!matches(&m, n) || !fits(&m))
        return VAL_NONE;
    Node now = *n; /* the same in the new graph */
    now.in[0] = in[0];
    m = (Match){.f = b->f};
    if (!matches(&m, &now))
        bug("attention is not where it was");
    Attr *a = attrs_new(OP_attention);
    attr_set_f(a, OP_attention, "heads", m.softmax->out[0].dim[1]);
    attr_set_f(a, OP_attention, "scale", m.scale);
    set_dropout(a, &m);
    bool packed = is_packed(&m);
    Val bias = m.bias, linear[3] = {m.linear[0], m.linear[1], m.linear[2]};
    if (packed)
        return emit_attrs(b, OP_attention, (Val[]){project(b, linear, 3), bias},
                          2, a);
    return emit_attrs(b, OP_attention,
                      (Val[]){linear[0], project(b, linear + 1, 2), bias}, 3,
                      a);
}

void
pass_attend(Prog *p)
{
    const char *precision = meta_get(p, "config.precision");
    if (p->opt.target->id == TARGET_cpu || !precision ||
        (strcmp(precision, "bf16") && strcmp(precision, "f16")))
        return;
    for (u32 i = 0; i < p->nfunc; i++) {
        Func f = p->func[i];
        Old old = {&f, graph_uses(&f)};
        graph_rebuild(p, &p->func[i], attend, &old);
        prune_unread(&p->func[i]);
    }
}
