/* leaf.c - doors, tensors, numbers: where values come from and go to. */
#include "compiler/sohoc.h"

static bool
infer_input(Node *n)
{
    const Attr *dims = attr_l(n, "dims");
    const char *dtype = attr_s(n, "dtype");
    static const char *const name[] = {
#define X(name, bytes) #name,
        SOHO_DTYPES(X)
#undef X
    };
    Type t = {.rank = dims->n};
    for (t.dtype = 0; t.dtype < NDTYPE; t.dtype++)
        if (!strcmp(name[t.dtype], dtype))
            break;
    if (t.dtype == NDTYPE || dtype_half(t.dtype) || dims->n > MAX_RANK) {
        diag_err(n->place, "input: no dtype '%s' with %d dimensions", dtype,
                 dims->n);
        return false;
    }
    for (u32 i = 0; i < dims->n; i++) {
        if (dims->list[i] < 1 || dims->list[i] > MAX_DIM) {
            diag_err(n->place, "input: dimension %u is %g, expected 1..%d",
                     i + 1, dims->list[i], MAX_DIM);
            return false;
        }
        t.dim[i] = (i32)dims->list[i];
    }
    n->out[0] = t;
    return true;
}

static bool
infer_uniform(Node *n)
{
    const Attr *dims = attr_l(n, "dims");
    Type t = {.dtype = DT_f32, .rank = dims->n};
    for (u32 i = 0; i < dims->n && i < MAX_RANK; i++) {
        if (dims->list[i] < 1 || dims->list[i] > MAX_DIM) {
            diag_err(n->place, "uniform: dimension %u is %g, expected 1..%d",
                     i + 1, dims->list[i], MAX_DIM);
            return false;
        }
        t.dim[i] = (i32)dims->list[i];
    }
    if (dims->n > MAX_RANK) {
        diag_err(n->place, "uniform: %u dimensions, expected at most %d",
                 dims->n, MAX_RANK);
        return false;
    }
    n->out[0] = t;
    return true;
}

static bool
infer_iota(Node *n)
{
    i64 count = attr_i(n, "count");
    if (count < 1 || count > 1 << 24) { /* whole numbers of f32 */
        diag_err(n->place, "iota: count is %lld, expected 1..%d",
                 (long long)count, 1 << 24);
        return false;
    }
    i32 dim = (i32)count;
    n->out[0] = type_make(DT_f32, 1, &dim);
    return true;
}

/* A load's type is its tensor's: whoever makes the node sets it. */
static bool
infer(Func *f, Node *n)
{
    switch (n->op) {
    case OP_input:
        return infer_input(n);
    case OP_literal:
        n->out[0] = type_make(DT_f32, 0, NULL);
        return true;
    case OP_iota:
        return infer_iota(n);
    case OP_uniform:
        return infer_uniform(n);
    case OP_store:
        n->out[0] = type_of(f, n->in[0]);
        return true;
    default:
        return true;
    }
}

const Family family_leaf = {infer, NULL, NULL};
