/* stem - a GPU's first convolution on cells of pixels.  needs SHAPES; keeps it.
 *
 * Matrix units take channels by the eight, and a picture has three.  So 2 x 2
 * pixels become 12 channels, filled up to 16, and the convolution of stride 2
 * one of stride 1 over cells: 7 x 7 weights become 4 x 4 x 4.  `normalise`
 * writes the cells, with those that padding adds; the weights are brought into
 * that form in the graph, so their gradients come back the same way.
 *
 * See Ying et al. 2018, "Image classification at supercomputer scale" (conv0
 * space-to-depth). */
#include "compiler/sohoc.h"

enum { SIDE = 2, CHANNELS = 16 };

/* Rows of cells before the first and behind the last that a picture has, and
 * those of a window. */
typedef struct Cells {
    i64 before, after, window;
} Cells;

static bool
is_stem(const Func *f, const u32 *uses, const Node *n)
{
    const Node *x = node_of(f, n->in[0]);
    if (n->op != OP_conv2d || x->op != OP_normalise || uses[n->in[0]] != 1)
        return false;
    Type picture = type_of(f, x->in[0]), w = type_of(f, n->in[1]);
    return attr_i(x, "cell") == 1 && attr_i(n, "stride") == SIDE &&
           attr_i(n, "dilation") == 1 && attr_i(n, "groups") == 1 &&
           picture.dim[1] % SIDE == 0 && picture.dim[2] % SIDE == 0 &&
           w.dim[2] == w.dim[3];
}

/* A window reaches from pixel -pad to k-1-pad around twice its place. */
static Cells
cells_of(const Type *w, i64 pad, i64 in, i64 out)
{
    Cells c = {.before = (pad + SIDE - 1) / SIDE};
    i64 first = SIDE * c.before - pad; /* row of the cells that weights begin in */
    c.window = (first + w->dim[2] + SIDE - 1) / SIDE;
    c.after = max_i64(0, out - 1 + c.window - c.before - in / SIDE);
    return c;
}

static Val
pad(Build *b, Val x, u32 dim, i64 before, i64 after)
{
    Attr *a = attrs_new(OP_pad);
    attr_set_f(a, OP_pad, "dim", dim);
    attr_set_f(a, OP_pad, "before", (f64)before);
    attr_set_f(a, OP_pad, "after", (f64)after);
    return emit_attrs(b, OP_pad, &x, 1, a);
}

/* w [co,3,k,k] -> [co,CHANNELS,window,window] */
static Val
weights(Build *b, Val w, i64 before, Cells c)
{
    Type t = type_of(b->f, w);
    i64 behind = c.window * SIDE - before - t.dim[2];
    i32 side = (i32)c.window, co = t.dim[0], ci = t.dim[1];
    w = pad(b, pad(b, w, 2, before, behind), 3, before, behind);
    w = emit_reshape(b, w, 6, (i32[]){co, ci, side, SIDE, side, SIDE});
    w = emit_permute(b, w, (u8[]){0, 3, 5, 1, 2, 4});
    w = emit_reshape(b, w, 4, (i32[]){co, SIDE * SIDE * ci, side, side});
    return pad(b, w, 1, 0, CHANNELS - SIDE * SIDE * ci);
}

static Val
pixels(Build *b, const Node *n, Cells c)
{
    Build own = {b->prog, b->f, n->name, n->place};
    Attr *a = mem_alloc(optab[OP_normalise].nattr * sizeof *a);
    memcpy(a, n->attr, optab[OP_normalise].nattr * sizeof *a);
    attr_set_f(a, OP_normalise, "cell", SIDE);
    attr_set_f(a, OP_normalise, "before", (f64)c.before);
    attr_set_f(a, OP_normalise, "after", (f64)c.after);
    attr_set_f(a, OP_normalise, "channels", CHANNELS);
    return emit_attrs(&own, OP_normalise, n->in, n->nin, a);
}

typedef struct Old {
    const Func *f;
    const u32 *uses;
} Old;

static Val
on_cells(Build *b, const Node *n, const Val *in, void *user)
{
    const Old *old = user;
    if (!is_stem(old->f, old->uses, n))
        return VAL_NONE;
    Type x = type_of(old->f, node_of(old->f, n->in[0])->in[0]);
    Type w = type_of(old->f, n->in[1]);
    i64 around = attr_i(n, "pad");
    Cells c = cells_of(&w, around, x.dim[1], n->out[0].dim[1]);
    Node first = *node_of(b->f, in[0]);
    Val now[2] = {pixels(b, &first, c),
                  weights(b, in[1], c.before * SIDE - around, c)};
    return emit_attrs(b, OP_conv2d, now, 2, attrs_new(OP_conv2d));
}

void
pass_stem(Prog *p)
{
    if (p->opt.target->id == TARGET_cpu)
        return;
    for (u32 i = 0; i < p->nfunc; i++) {
        Func f = p->func[i];
        Old old = {&f, graph_uses(&f)};
        graph_rebuild(p, &p->func[i], on_cells, &old);
    }
}
