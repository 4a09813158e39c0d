/* grad - append the backward pass to every training phase, then make the
 * update and init phases.  needs SHAPES; gives GRAD.
 *
 * Reverse mode: nodes are visited from the loss back; each family turns the
 * gradient of its output into gradients of its inputs.  The loss starts with
 * 1/accumulate, so that a window's gradients add up to their mean, times the
 * scale of the loss where the update has one. */
#include "compiler/sohoc.h"

/* Sums v over the axes along which a value of type t was repeated. */
static Val
unbroadcast(Build *b, Val v, const Type *t)
{
    Type now = type_of(b->f, v);
    u32 lead = now.rank - t->rank;
    for (u32 i = 0; i < now.rank;) {
        u32 n = 0;
        for (; i + n < now.rank; n++) {
            i32 had = i + n < lead ? 1 : t->dim[i + n - lead];
            if (had != 1 || now.dim[i + n] == 1)
                break;
        }
        if (n)
            v = emit_sum(b, v, i, n);
        i += n ? n : 1;
    }
    return emit_reshape(b, v, t->rank, t->dim);
}

void
grad_add(Grad *g, Val x, Val v)
{
    Build *b = &g->b;
    u32 node = VAL_NODE(x);
    if (!g->wants[node] || VAL_OUT(x))
        return;
    Type t = type_of(b->f, x), now = type_of(b->f, v);
    if (!type_same(&t, &now)) {
        if (type_count(&now) < type_count(&t))
            v = emit_broadcast(b, v, t.rank, t.dim);
        else
            v = unbroadcast(b, v, &t);
    }
    g->of[node] =
        g->of[node] == VAL_NONE ? v : emit2(b, OP_add, g->of[node], v);
}

static bool
trainable(const Prog *p, const Node *n)
{
    if (n->op != OP_load)
        return false;
    const Tensor *t = tensor_find(p, attr_s(n, "tensor"));
    return t->role == RO_param && t->trainable;
}

static void
mark_wants(Prog *p, Grad *g)
{
    const Func *f = g->b.f;
    for (u32 i = 0; i < g->nnode; i++) {
        const Node *n = &f->node[i];
        g->wants[i] = trainable(p, n);
        for (u32 k = 0; k < n->nin; k++)
            g->wants[i] |= g->wants[VAL_NODE(n->in[k])];
        g->wants[i] &= n->op == OP_load || optab[n->op].family->grad;
    }
}

static void
store_gradients(Prog *p, Grad *g)
{
    Func *f = g->b.f;
    bool add = p->update.accumulate > 1;
    for (u32 i = 0; i < g->nnode; i++) {
        if (!trainable(p, &f->node[i]) || g->of[i] == VAL_NONE)
            continue;
        const char *param = attr_s(&f->node[i], "tensor");
        const char *name = format("grad.%s", param);
        Type t = f->node[i].out[0];
        if (!tensor_find(p, name))
            tensor_add(p, name, t, RO_grad, f->node[i].place);
        g->b.name = name;
        g->b.place = f->node[i].place;
        emit_store(&g->b, name, g->of[i], add);
    }
}

/* Several loads of one parameter become one, so that it has one gradient. */
static Val
merge_load(Build *b, const Node *n, const Val *in, void *user)
{
    (void)in;
    (void)user;
    if (n->op != OP_load)
        return VAL_NONE;
    for (u32 i = 0; i < b->f->nnode; i++)
        if (b->f->node[i].op == OP_load &&
            attr_s(&b->f->node[i], "tensor") == attr_s(n, "tensor"))
            return VAL(i, 0);
    return VAL_NONE;
}

/* The gradient of the loss itself. */
static Val
start(Build *b, const Update *u)
{
    Val v = emit_literal(b, 1.0 / u->accumulate);
    if (u->loss_scale == 0)
        return v;
    Attr *a = attrs_new(OP_loss_scale);
    attr_set_f(a, OP_loss_scale, "start", u->loss_scale);
    return emit2(b, OP_mul, emit_attrs(b, OP_loss_scale, NULL, 0, a), v);
}

static void
differentiate(Prog *p, Func *f)
{
    graph_rebuild(p, f, merge_load, NULL);
    Grad g = {.b = {p, f, "", ""}, .nnode = f->nnode};
    g.of = mem_alloc(f->nnode * sizeof *g.of);
    g.wants = mem_alloc(f->nnode * sizeof *g.wants);
    memset(g.of, 0xff, f->nnode * sizeof *g.of);
    mark_wants(p, &g);
    const Node *loss = node_of(f, f->loss);
    if (type_count(&loss->out[0]) != 1)
        die(SOHO_BAD, "%s: error: loss is %s, expected one number", loss->place,
            type_text(&loss->out[0]));
    g.b.place = loss->place;
    if (p->update.accumulate > 1)
        emit_attrs(&g.b, OP_zero_grad, NULL, 0, NULL);
    grad_add(&g, f->loss, start(&g.b, &p->update));
    for (u32 i = g.nnode; i-- > 0;) {
        const Node *n = &f->node[i];
        if (g.of[i] == VAL_NONE || !g.wants[i] || n->op == OP_load)
            continue;
        g.b.name = n->name;
        g.b.place = n->place;
        optab[n->op].family->grad(&g, i, g.of[i]);
    }
    store_gradients(p, &g);
}

void
pass_grad(Prog *p)
{
    if (!p->update.accumulate)
        p->update.accumulate = 1;
    for (u32 i = 0; i < p->nfunc; i++)
        if (p->func[i].kind == PH_train) {
            if (p->func[i].loss == VAL_NONE)
                die(SOHO_BAD, "%s: phase %s gives no `loss`", p->opt.model,
                    p->func[i].name);
            differentiate(p, &p->func[i]);
        }
    update_build(p);
}
