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
    if (t.dtype == NDTYPE || dims->n > MAX_RANK) {
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
    case OP_store:
        n->out[0] = type_of(f, n->in[0]);
        return true;
    default:
        return true;
    }
}

const Family family_leaf = {infer, NULL, NULL};
