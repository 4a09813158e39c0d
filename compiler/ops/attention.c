/* attention.c - scaled dot-product attention in one step, which pass `attend`
 * makes of products and a softmax, and its gradients. */
#include "compiler/sohoc.h"

/* Rows of queries and keys: side by side in one input, or in two. */
static bool
is_packed(const Node *n)
{
    return n->nin == (n->op == OP_attention ? 2u : 3u);
}

AttentionShape
attention_shape(const Func *f, const Node *n)
{
    bool packed = is_packed(n);
    Type q = type_of(f, n->in[0]), kv = type_of(f, n->in[packed ? 0 : 1]);
    i64 heads = attr_i(n, "heads");
    return (AttentionShape){.rows = q.dim[0],
                            .queries = q.dim[1],
                            .keys = kv.dim[1],
                            .heads = heads,
                            .side = q.dim[2] / (packed ? 3 : 1) / heads,
                            .packed = packed,
                            .drops = attr_f(n, "drop") > 0};
}

static bool
infer(Func *f, Node *n)
{
    bool forward = n->op == OP_attention;
    Type q = type_of(f, n->in[0]), bias = type_of(f, n->in[n->nin - 1]);
    if (q.rank != 3 || n->nin < (forward ? 2 : 3) || attr_i(n, "heads") < 1) {
        diag_err(n->place, "%s: %s, %u inputs", optab[n->op].name,
                 type_text(&q), n->nin);
        return false;
    }
    AttentionShape a = attention_shape(f, n);
    if (type_count(&bias) != a.rows * a.keys || a.side < 1) {
        diag_err(n->place, "%s: %s, bias %s", optab[n->op].name, type_text(&q),
                 type_text(&bias));
        return false;
    }
    n->out[0] = q;
    if (forward)
        n->out[0].dim[2] = (i32)(a.heads * a.side);
    else if (!strcmp(attr_s(n, "part"), "kv"))
        n->out[0] = type_of(f, n->in[1]);
    return true;
}

/* Gradient of `part` of the inputs: "all", "q" or "kv". */
static Val
grad_part(Grad *g, const Node *n, Val dy, const char *part)
{
    static const char *const number[] = {"heads", "scale", "drop", "offset"};
    Attr *a = attrs_new(OP_attention_dx);
    const Attr *stride = attr_l(n, "stride");
    Val in[MAX_IN];
    u32 nin = n->nin;
    memcpy(in, n->in, nin * sizeof *in);
    in[nin] = in[nin - 1]; /* the bias */
    in[nin - 1] = dy;
    for (u32 i = 0; i < countof(number); i++)
        attr_set_f(a, OP_attention_dx, number[i], attr_f(n, number[i]));
    attr_set_s(a, OP_attention_dx, "part", part);
    attr_set_s(a, OP_attention_dx, "site", attr_s(n, "site"));
    a[attr_find(OP_attention_dx, "stride")] = *stride;
    return emit_attrs(&g->b, OP_attention_dx, in, nin + 1, a);
}

static void
grad(Grad *g, u32 node, Val dy)
{
    Node n = g->b.f->node[node];
    if (n.op != OP_attention)
        bug("attention_dx has no gradient");
    if (is_packed(&n)) {
        grad_add(g, n.in[0], grad_part(g, &n, dy, "all"));
        return;
    }
    grad_add(g, n.in[0], grad_part(g, &n, dy, "q"));
    grad_add(g, n.in[1], grad_part(g, &n, dy, "kv"));
}

const Family family_attention = {infer, grad, NULL};
