/* view.c - where a value's elements lie: chains of reshape, permute, slice and
 * broadcast resolved to a base value, an offset and strides. */
#include "compiler/sohoc.h"

void
natural_strides(const Type *t, i64 *stride)
{
    i64 n = 1;
    for (u32 i = t->rank; i-- > 0;) {
        stride[i] = n;
        n *= t->dim[i];
    }
}

bool
is_dense(const Type *t, const i64 *stride)
{
    i64 want[MAX_RANK];
    natural_strides(t, want);
    for (u32 i = 0; i < t->rank; i++)
        if (t->dim[i] != 1 && stride[i] != want[i])
            return false;
    return true;
}

/* Strides of x's elements seen as shape y, without moving them: each run of
 * x's axes that is dense in itself may be cut anew.  False: it can't be. */
static bool
reshape_strides(const Type *x, const i64 *from, const Type *y, i64 *to)
{
    u32 i = 0, k = 0;
    while (i < x->rank || k < y->rank) {
        i64 nx = i < x->rank ? x->dim[i] : 1, ny = k < y->rank ? y->dim[k] : 1;
        u32 i0 = i, k0 = k;
        i = i < x->rank ? i + 1 : i;
        k = k < y->rank ? k + 1 : k;
        while (nx != ny) {
            if (nx < ny)
                nx *= x->dim[i++];
            else
                ny *= y->dim[k++];
        }
        i64 last = 0, run = 0; /* innermost stride and extent of the run */
        for (u32 a = i; a-- > i0;) {
            if (x->dim[a] == 1)
                continue;
            if (run && from[a] != run)
                return false;
            if (!run)
                last = from[a];
            run = from[a] * x->dim[a];
            if (from[a] == 0 && i - i0 > 1 && nx != x->dim[a])
                return false;
        }
        for (u32 a = k; a-- > k0;) {
            to[a] = last;
            last *= y->dim[a];
        }
    }
    return true;
}

static void
base_strides(const Node *n, u32 out, i64 *stride)
{
    const Attr *order = n->op == OP_matmul ? attr_l(n, "order") : NULL;
    if (!order || !order->n) {
        natural_strides(&n->out[out], stride);
        return;
    }
    i64 step = 1; /* order[i] is the axis at position i in memory */
    for (u32 i = order->n; i-- > 0;) {
        u32 axis = (u32)order->list[i];
        stride[axis] = step;
        step *= n->out[0].dim[axis];
    }
}

static Where
through_permute(const Node *n, Where x)
{
    const Attr *order = attr_l(n, "order");
    Where y = x;
    for (u32 i = 0; i < order->n; i++)
        y.stride[i] = x.stride[(u32)order->list[i]];
    return y;
}

static Where
through_broadcast(const Type *x, const Type *y, Where from)
{
    Where to = from;
    for (u32 i = 0; i < y->rank; i++) {
        u32 back = y->rank - 1 - i;
        bool has = i < x->rank && x->dim[x->rank - 1 - i] != 1;
        to.stride[back] = has ? from.stride[x->rank - 1 - i] : 0;
    }
    return to;
}

Where
where(const Func *f, Val v)
{
    const Node *n = node_of(f, v);
    if (optab[n->op].kind != KIND_view) {
        Where w = {.base = v, .ok = true};
        base_strides(n, VAL_OUT(v), w.stride);
        return w;
    }
    Where w = where(f, n->in[0]);
    Type x = type_of(f, n->in[0]);
    i64 from[MAX_RANK];
    memcpy(from, w.stride, sizeof from);
    switch (n->op) {
    case OP_permute:
        return through_permute(n, w);
    case OP_broadcast:
        return through_broadcast(&x, &n->out[0], w);
    case OP_slice:
        w.offset += attr_i(n, "first") * w.stride[attr_i(n, "dim")];
        return w;
    default:
        w.ok &= reshape_strides(&x, from, &n->out[0], w.stride);
        return w;
    }
}

bool
is_half(const Func *f, Val v)
{
    const Node *n = node_of(f, v);
    while (optab[n->op].kind == KIND_view || n->op == OP_copy ||
           n->op == OP_relu)
        n = node_of(f, n->in[0]);
    return n->op == OP_half;
}

u8
half_type(const Prog *p)
{
    const char *precision = meta_get(p, "config.precision");
    return precision && !strcmp(precision, "f16") ? DT_f16 : DT_bf16;
}

bool
lies_half(const Prog *p, const Func *f, Val v)
{
    const Node *n = node_of(f, where(f, v).base);
    return n->op == OP_load ? tensor_find(p, attr_s(n, "tensor"))->half
                            : is_half(f, v);
}
