/* matmul.c - products of matrices, and the linear layer made of one. */
#include "compiler/sohoc.h"

static bool
infer_matmul(Func *f, Node *n)
{
    Type a = type_of(f, n->in[0]), b = type_of(f, n->in[1]), t = a;
    u32 r = a.rank;
    bool ok = a.dtype == DT_f32 && b.dtype == DT_f32 && r >= 2 && r <= 4 &&
              b.rank == r && a.dim[r - 1] == b.dim[r - 2];
    for (u32 i = 0; ok && i + 2 < r; i++)
        ok = a.dim[i] == b.dim[i];
    if (!ok) {
        diag_err(n->place, "matmul: %s by %s: expected [..,M,K] by [..,K,N]",
                 type_text(&a), type_text(&b));
        return false;
    }
    t.dim[r - 1] = b.dim[r - 1];
    n->out[0] = t;
    return true;
}

static bool
infer_linear(Func *f, Node *n)
{
    Type x = type_of(f, n->in[0]);
    Type w = n->nin > 1 ? type_of(f, n->in[1]) : x;
    Type bias = n->nin > 2 ? type_of(f, n->in[2]) : w;
    bool ok = (n->nin == 2 || n->nin == 3) && x.dtype == DT_f32 &&
              w.dtype == DT_f32 && x.rank >= 1 && w.rank == 2 &&
              x.dim[x.rank - 1] == w.dim[1];
    if (ok && n->nin == 3)
        ok = bias.rank == 1 && bias.dim[0] == w.dim[0];
    if (!ok) {
        diag_err(n->place,
                 "linear: x %s, weight %s%s%s: expected [..,K], [N,K]%s",
                 type_text(&x), type_text(&w), n->nin > 2 ? ", bias " : "",
                 n->nin > 2 ? type_text(&bias) : "", n->nin > 2 ? ", [N]" : "");
        return false;
    }
    x.dim[x.rank - 1] = w.dim[0];
    n->out[0] = x;
    return true;
}

static bool
infer(Func *f, Node *n)
{
    return n->op == OP_matmul ? infer_matmul(f, n) : infer_linear(f, n);
}

/* x with its last two axes swapped. */
static Val
transposed(Build *b, Val x)
{
    u8 order[MAX_RANK] = {0, 1, 2, 3, 4, 5};
    u32 r = type_of(b->f, x).rank;
    order[r - 2] = (u8)(r - 1);
    order[r - 1] = (u8)(r - 2);
    return emit_permute(b, x, order);
}

/* [..,C] as [rows,C] */
static Val
rows(Build *b, Val x)
{
    Type t = type_of(b->f, x);
    i32 c = t.dim[t.rank - 1];
    i32 dim[2] = {(i32)(type_count(&t) / c), c};
    return emit_reshape(b, x, 2, dim);
}

static void
grad_linear(Grad *g, const Node *n, Val dy)
{
    Build *b = &g->b;
    Type x = type_of(b->f, n->in[0]);
    Val dy2 = rows(b, dy), x2 = rows(b, n->in[0]);
    Val dx = emit2(b, OP_matmul, dy2, n->in[1]);
    grad_add(g, n->in[0], emit_reshape(b, dx, x.rank, x.dim));
    grad_add(g, n->in[1], emit2(b, OP_matmul, transposed(b, dy2), x2));
    if (n->nin == 3)
        grad_add(g, n->in[2], dy2);
}

static void
grad(Grad *g, u32 node, Val dy)
{
    Build *b = &g->b;
    Node n = b->f->node[node];
    if (n.op == OP_linear) {
        grad_linear(g, &n, dy);
        return;
    }
    grad_add(g, n.in[0], emit2(b, OP_matmul, dy, transposed(b, n.in[1])));
    grad_add(g, n.in[1], emit2(b, OP_matmul, transposed(b, n.in[0]), dy));
}

static Val
expand(Build *b, const Node *n, const Val *in)
{
    Type y = n->out[0];
    Val z = emit2(b, OP_matmul, rows(b, in[0]), transposed(b, in[1]));
    if (n->nin == 3)
        z = emit2(b, OP_add, z, in[2]);
    return emit_reshape(b, z, y.rank, y.dim);
}

const Family family_matmul = {infer, grad, expand};
