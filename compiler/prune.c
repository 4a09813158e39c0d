/* prune - compute only the rows that are read.  needs SHAPES; keeps it.
 *
 * Where all readers of a value take the same range of one axis, only that range
 * is computed, and so on towards the inputs: a head that reads one row of the
 * last layer leaves that layer one row of queries.  It runs before grad, so the
 * backward pass is as small.  Numbers that are drawn keep their place in the
 * whole tensor (dropout: attributes `stride` and `offset`). */
#include "compiler/sohoc.h"

enum { NEED_none, NEED_range, NEED_all };

/* What of a value is read. */
typedef struct Need {
    u8 kind;
    u32 dim;
    i64 first, count;
} Need;

typedef struct Prune {
    const Func *old;
    Need *need; /* per node of old, of output 0 */
} Prune;

static const Need all = {.kind = NEED_all};

static void
join(Need *to, Need n)
{
    if (to->kind == NEED_none)
        *to = n;
    else if (n.kind != NEED_none &&
             (to->kind != n.kind || to->dim != n.dim || to->first != n.first ||
              to->count != n.count))
        *to = all;
}

/* ------------------------------------------- which axis an input is read along
 */

/* Axis `dim` of y, found again in x where y = reshape(x); or -1. */
static i32
through_reshape_axis(const Type *x, const Type *y, u32 dim)
{
    i64 before = 1, seen = 1;
    for (u32 i = 0; i < dim; i++)
        before *= y->dim[i];
    for (u32 i = 0; i < x->rank; i++) {
        if (seen == before && x->dim[i] == y->dim[dim])
            return (i32)i;
        seen *= x->dim[i];
    }
    return -1;
}

/* The axis of matmul input k that is axis `dim` of the result, -2: none. */
static i32
matmul_axis(u32 rank, u32 k, u32 dim)
{
    bool rows = dim == rank - 2, columns = dim == rank - 1;
    if (!rows && !columns)
        return (i32)dim;
    return rows == (k == 0) ? (i32)dim : -2;
}

/* Axis of input k that a range along axis `dim` of n's result needs: an axis;
 * -1: n cannot be cut there; -2: it needs all of this input. */
static i32
input_axis(const Func *f, const Node *n, u32 k, u32 dim)
{
    Type x = type_of(f, n->in[k]), y = n->out[0];
    i32 lead = (i32)y.rank - (i32)x.rank, axis = (i32)dim - lead;
    bool last = dim == y.rank - 1u;
    switch (n->op) {
    case OP_reshape:
        return through_reshape_axis(&x, &y, dim);
    case OP_permute:
        return (i32)attr_l(n, "order")->list[dim];
    case OP_matmul:
        return matmul_axis(y.rank, k, dim);
    case OP_linear:
        return last ? -1 : k ? -2 : (i32)dim;
    case OP_layer_norm:
    case OP_softmax:
        return last ? -1 : k ? -2 : (i32)dim;
    case OP_dropout: /* draws runs of the last axis */
        return last || y.dim[y.rank - 1] == 1 ? -1 : (i32)dim;
    default:
        if (optab[n->op].kind != KIND_elem)
            return -1;
        return axis < 0 || x.dim[axis] == 1 ? -2 : axis;
    }
}

/* ------------------------------------------------------------------ backwards
 */

static bool
can_cut(const Func *f, const Node *n, u32 dim)
{
    for (u32 k = 0; k < n->nin; k++)
        if (input_axis(f, n, k, dim) == -1)
            return false;
    return n->nin > 0;
}

static void
need_inputs(Prune *p, u32 id)
{
    const Func *f = p->old;
    const Node *n = &f->node[id];
    Need *need = &p->need[id];
    if (optab[n->op].kind == KIND_effect || n->op == OP_batch_norm)
        *need = all; /* they write */
    if (need->kind == NEED_range && !can_cut(f, n, need->dim))
        *need = all;
    for (u32 k = 0; k < n->nin && need->kind != NEED_none; k++) {
        Need of = all;
        if (n->op == OP_slice && need->kind == NEED_all)
            of = (Need){NEED_range, (u32)attr_i(n, "dim"), attr_i(n, "first"),
                        attr_i(n, "count")};
        if (need->kind == NEED_range) {
            i32 axis = input_axis(f, n, k, need->dim);
            if (axis >= 0)
                of = (Need){NEED_range, (u32)axis, need->first, need->count};
        }
        join(&p->need[VAL_NODE(n->in[k])], VAL_OUT(n->in[k]) ? all : of);
    }
}

/* ------------------------------------------------------------------- forwards
 */

/* The range of an input that node n's own range asks for. */
static Val
cut_input(Build *b, const Prune *p, const Node *n, u32 k, Val now, Need need)
{
    i32 axis = input_axis(p->old, n, k, need.dim);
    if (axis < 0 || p->need[VAL_NODE(n->in[k])].kind == NEED_range)
        return now;
    return emit_slice(b, now, (u32)axis, need.first, need.count);
}

/* Dropout of a range draws the numbers of its place in the whole tensor. */
static const Attr *
cut_attrs(const Node *n, Need need, const Type *t)
{
    Attr *a = mem_alloc((optab[n->op].nattr + 1) * sizeof *a);
    memcpy(a, n->attr, optab[n->op].nattr * sizeof *a);
    if (n->op == OP_reshape) {
        Attr *dims = &a[attr_find(OP_reshape, "dims")];
        dims->list[need.dim] = (f64)need.count;
    }
    if (n->op == OP_dropout) {
        i64 stride[MAX_RANK];
        natural_strides(t, stride);
        Attr *to = &a[attr_find(OP_dropout, "stride")];
        to->n = t->rank;
        for (u32 i = 0; i < t->rank; i++)
            to->list[i] = (f64)stride[i];
        attr_set_f(a, OP_dropout, "offset",
                   (f64)(need.first * stride[need.dim]));
    }
    return a;
}

static Val
cut(Build *b, const Node *n, const Val *in, void *user)
{
    const Prune *p = user;
    Need need = p->need[n - p->old->node];
    Val now[MAX_IN];
    if (n->op == OP_slice && p->need[VAL_NODE(n->in[0])].kind == NEED_range)
        return in[0];
    if (need.kind != NEED_range)
        return VAL_NONE;
    for (u32 k = 0; k < n->nin; k++)
        now[k] = cut_input(b, p, n, k, in[k], need);
    return emit_attrs(b, n->op, now, n->nin, cut_attrs(n, need, &n->out[0]));
}

static Prune
find_needs(const Func *f)
{
    Prune x = {f, mem_alloc((f->nnode + 1) * sizeof *x.need)};
    bool *kept = mem_alloc(f->nnode + 1); /* as far as others read it */
    for (u32 k = 0; k < f->nout; k++)
        if (f->out[k].kept)
            kept[VAL_NODE(f->out[k].val)] = true;
        else
            join(&x.need[VAL_NODE(f->out[k].val)], all);
    if (f->loss != VAL_NONE)
        join(&x.need[VAL_NODE(f->loss)], all);
    for (u32 k = f->nnode; k-- > 0;) {
        if (kept[k] && x.need[k].kind == NEED_none)
            x.need[k] = all;
        need_inputs(&x, k);
    }
    return x;
}

/* Nodes that nobody reads say nothing about what they read. */
void
prune_unread(Func *f)
{
    Prune x = find_needs(f);
    bool *live = mem_alloc(f->nnode + 1);
    for (u32 k = 0; k < f->nnode; k++)
        live[k] = x.need[k].kind != NEED_none;
    graph_sweep(f, live);
}

void
pass_prune(Prog *p)
{
    for (u32 i = 0; i < p->nfunc; i++) {
        prune_unread(&p->func[i]);
        Func old = p->func[i];
        Prune x = find_needs(&old);
        graph_rebuild(p, &p->func[i], cut, &x);
    }
}
