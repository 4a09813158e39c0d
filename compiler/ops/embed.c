/* embed.c - rows of a table by index, and the sum of rows back into it. */
#include "compiler/sohoc.h"

static bool
infer(Func *f, Node *n)
{
    Type x = type_of(f, n->in[0]), index = type_of(f, n->in[1]), t = index;
    t.dtype = DT_f32;
    if (n->op == OP_gather) {
        if (x.dtype != DT_f32 || x.rank != 2 || index.dtype != DT_i32 ||
            index.rank + 1 > MAX_RANK) {
            diag_err(n->place,
                     "gather: table %s, index %s: expected f32[N,C] "
                     "and i32",
                     type_text(&x), type_text(&index));
            return false;
        }
        t.dim[t.rank++] = x.dim[1];
    } else {
        i64 rows = attr_i(n, "rows");
        if (x.rank != index.rank + 1 || rows < 1 || rows > MAX_DIM) {
            diag_err(n->place, "scatter_add: dy %s, index %s, %lld rows",
                     type_text(&x), type_text(&index), (long long)rows);
            return false;
        }
        i32 dim[2] = {(i32)rows, x.dim[x.rank - 1]};
        t = type_make(DT_f32, 2, dim);
    }
    n->out[0] = t;
    return true;
}

static void
grad(Grad *g, u32 node, Val dy)
{
    Node n = g->b.f->node[node];
    if (n.op != OP_gather)
        bug("scatter_add has no gradient");
    Val in[2] = {dy, n.in[1]};
    Attr *a = attrs_new(OP_scatter_add);
    attr_set_f(a, OP_scatter_add, "rows", type_of(g->b.f, n.in[0]).dim[0]);
    attr_set_f(a, OP_scatter_add, "skip", (f64)attr_i(&n, "skip"));
    grad_add(g, n.in[0], emit_attrs(&g->b, OP_scatter_add, in, 2, a));
}

const Family family_embed = {infer, grad, NULL};
