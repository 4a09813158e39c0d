/* image.c - pixels to numbers, validity of grid cells, sine position; none of
 * them has a gradient. */
#include "compiler/sohoc.h"

static bool
fail(const Node *n, const Type *x, const char *want)
{
    diag_err(n->place, "%s: input %s, expected %s", optab[n->op].name,
             type_text(x), want);
    return false;
}

/* y [B,before + H/cell + after,..,channels] */
static bool
infer_cells(const Node *n, const Type *x, Type *t)
{
    i64 cell = attr_i(n, "cell"), channels = attr_i(n, "channels");
    i64 around = attr_i(n, "before") + attr_i(n, "after");
    if (cell < 1 || cell > 8 || x->dim[1] % cell || x->dim[2] % cell)
        return fail(n, x, "sides that are multiples of cell");
    if (channels < 3 * cell * cell || channels > 1024)
        return fail(n, x, "channels for all numbers of a cell");
    if (attr_i(n, "before") < 0 || attr_i(n, "after") < 0 || around > 64)
        return fail(n, x, "before and after from 0 on");
    for (u32 k = 1; k < 3; k++)
        t->dim[k] = (i32)(x->dim[k] / cell + around);
    t->dim[3] = (i32)channels;
    return true;
}

static bool
infer(Func *f, Node *n)
{
    Type x = type_of(f, n->in[0]), t = x;
    t.dtype = DT_f32;
    if (n->op == OP_normalise) {
        Type size = type_of(f, n->in[1]);
        if (x.dtype != DT_u8 || x.rank != 4 || x.dim[3] != 3)
            return fail(n, &x, "u8[B,H,W,3]");
        if (size.dtype != DT_i32 || size.rank != 2 || size.dim[0] != x.dim[0] ||
            size.dim[1] != 2)
            return fail(n, &size, "i32[B,2]");
        if (attr_l(n, "mean")->n != 3 || attr_l(n, "std")->n != 3)
            return fail(n, &x, "mean and std of 3 channels");
        if (!infer_cells(n, &x, &t))
            return false;
    } else if (n->op == OP_valid_mask) {
        const Attr *grid = attr_l(n, "grid");
        if (x.dtype != DT_i32 || x.rank != 2 || x.dim[1] != 2)
            return fail(n, &x, "i32[B,2]");
        if (grid->n != 2 || attr_l(n, "image")->n != 2 || grid->list[0] < 1 ||
            grid->list[1] < 1)
            return fail(n, &x, "grid and image of 2 sizes");
        i32 dim[3] = {x.dim[0], (i32)grid->list[0], (i32)grid->list[1]};
        t = type_make(DT_f32, 3, dim);
    } else {
        i64 c = attr_i(n, "channels");
        if (x.dtype != DT_f32 || x.rank != 3)
            return fail(n, &x, "f32[B,h,w]");
        if (c < 4 || c % 4 || c > MAX_DIM)
            return fail(n, &x, "channels a multiple of 4");
        t.rank = 4;
        t.dim[3] = (i32)c;
    }
    n->out[0] = t;
    return true;
}

const Family family_image = {infer, NULL, NULL};
