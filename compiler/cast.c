/* cast - mixed precision: which numbers are halves.  needs SHAPES;
 * keeps it.
 *
 * Values stay f32 in the graph; op half says where they are rounded, and what
 * it gives is stored in half the bytes (lower.c).  Rounded are
 *
 *   what a product or convolution reads, for all of its readers, and the copy
 *   of the weights; the weights themselves ("master weights") are not;
 *   in phases that train, what it gives, if another one reads what is made of
 *   that: so activations are kept for the backward pass, and their gradients
 *   are rounded in the same places (ops/elem.c).
 *
 * On the GPU also what convolutions give, and the gradients that they give:
 * cuDNN writes the type of what it reads.
 *
 * Sums, norms, softmax, losses and updates are f32, and products marked exact.
 * See Micikevicius et al. 2018, "Mixed precision training"; Kalamkar et al.
 * 2019, "A study of bfloat16 for deep learning training". */
#include "compiler/sohoc.h"

typedef struct Cast {
    const Func *old;
    bool *round;   /* per node: its output 0 is rounded for all readers */
    bool *product; /* per node: its inputs must be halves */
} Cast;

static bool
is_product(const Node *n)
{
    if (n->op == OP_matmul)
        return !attr_i(n, "exact");
    return n->op == OP_linear || n->op == OP_conv2d || n->op == OP_attention;
}

static u32
under_views(const Func *f, Val v)
{
    return VAL_NODE(where(f, v).base);
}

/* Marks nodes some product reads something made of. */
static bool *
find_read(const Func *f, const bool *product)
{
    bool *read = mem_alloc(f->nnode + 1);
    for (u32 i = f->nnode; i-- > 0;)
        for (u32 k = 0; k < f->node[i].nin; k++)
            read[VAL_NODE(f->node[i].in[k])] |= product[i] || read[i];
    return read;
}

/* A norm with running statistics is a number per channel: it goes into the
 * weights (hoist). */
static bool
is_scaled_only(const Func *f, u32 id)
{
    bool scaled = false;
    for (u32 i = id + 1; i < f->nnode; i++)
        for (u32 k = 0; k < f->node[i].nin; k++) {
            const Node *n = &f->node[i];
            if (VAL_NODE(n->in[k]) != id)
                continue;
            if (n->op != OP_batch_norm || attr_i(n, "train"))
                return false;
            scaled = true;
        }
    return scaled;
}

/* Inputs of products: a bias is none. */
static u32
factors(const Node *n)
{
    if (n->op == OP_attention)
        return n->nin - 1u;
    return n->nin < 2 ? n->nin : 2;
}

/* Node x is rounded; so is what dropout takes, for softmax is kept, too. */
static void
round_node(Cast *c, u32 x)
{
    const Node *n = &c->old->node[x];
    c->round[x] |= n->op != OP_load;
    if (n->op == OP_dropout && c->old->kind == PH_train)
        round_node(c, under_views(c->old, n->in[0]));
}

/* The only reader of node id, or id. */
static u32
only_reader(const Func *f, u32 id)
{
    u32 reader = id;
    for (u32 i = id + 1; i < f->nnode; i++)
        for (u32 k = 0; k < f->node[i].nin; k++) {
            if (VAL_NODE(f->node[i].in[k]) != id)
                continue;
            if (reader != id)
                return id;
            reader = i;
        }
    for (u32 i = 0; i < f->nout; i++)
        if (VAL_NODE(f->out[i].val) == id)
            return id;
    return reader;
}

/* GPU: cuDNN's results have the type of its operands, so they are rounded: what
 * a norm with running statistics, an addition of what was there before and a
 * ReLU make of them in the same call. */
static void
round_convolved(Cast *c, u32 id)
{
    const Func *f = c->old;
    u32 end = is_scaled_only(f, id) ? only_reader(f, id) : id;
    u32 next = only_reader(f, end);
    const Val *in = f->node[next].in;
    if (f->node[next].op == OP_add && VAL_NODE(in[0]) <= end &&
        VAL_NODE(in[1]) <= end)
        next = only_reader(f, end = next);
    if (f->node[next].op == OP_relu)
        end = next;
    round_node(c, end);
}

static Cast
find_rounded(const Func *f, bool gpu)
{
    Cast c = {f, mem_alloc(f->nnode + 1), mem_alloc(f->nnode + 1)};
    for (u32 i = 0; i < f->nnode; i++)
        c.product[i] = is_product(&f->node[i]);
    const bool *read = find_read(f, c.product);
    for (u32 i = 0; i < f->nnode; i++) {
        const Node *n = &f->node[i];
        bool kept = f->kind == PH_train && read[i];
        for (u32 k = 0; c.product[i] && k < factors(n); k++)
            round_node(&c, under_views(f, n->in[k]));
        if (kept && c.product[i] && !is_scaled_only(f, i))
            round_node(&c, i);
        if (kept && (n->op == OP_layer_norm || n->op == OP_max_pool))
            round_node(&c, under_views(f, n->in[0]));
        if (gpu && n->op == OP_conv2d)
            round_convolved(&c, i);
    }
    return c;
}

static Val
cast_node(Build *b, const Node *n, const Val *in, void *user)
{
    const Cast *c = user;
    u32 id = (u32)(n - c->old->node);
    if (!c->round[id] && !c->product[id])
        return VAL_NONE;
    Val now[MAX_IN];
    for (u32 k = 0; k < n->nin; k++) {
        bool weight =
            node_of(b->f, VAL(under_views(b->f, in[k]), 0))->op == OP_load;
        now[k] = c->product[id] && k < factors(n) && weight
                     ? emit1(b, OP_half, in[k])
                     : in[k];
    }
    if (c->round[id] && n->op == OP_relu) /* it only picks */
        return emit1(b, OP_relu, emit1(b, OP_half, in[0]));
    u32 same = node_add(b->f, n->op, now, n->nin, n->attr, n->name, n->place);
    memcpy(b->f->node[same].out, n->out, sizeof n->out);
    return c->round[id] ? emit1(b, OP_half, VAL(same, 0)) : VAL(same, 0);
}

void
pass_cast(Prog *p)
{
    const char *want = meta_get(p, "config.precision");
    if (!want || !strcmp(want, "f32") || !strcmp(want, "tf32"))
        return;
    if (strcmp(want, "bf16") && strcmp(want, "f16"))
        die(SOHO_BAD,
            "%s: precision '%s' is not there, expected f32, tf32, bf16 or f16",
            p->opt.model, want);
    for (u32 i = 0; i < p->nfunc; i++) {
        Func old = p->func[i];
        Cast c = find_rounded(&old, p->opt.target->id == TARGET_cuda);
        graph_rebuild(p, &p->func[i], cast_node, &c);
    }
}
