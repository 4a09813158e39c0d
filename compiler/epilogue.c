/* epilogue.c - what may follow a product or convolution in its library call:
 * a bias, a residual, an activation, on the GPU rounding to halves, as behind
 * some templates of single ops; for fuse. */
#include "compiler/fuse.h"

static bool
is_vector_of(const Func *f, Val v, i32 size)
{
    Where w = where(f, v);
    Type t = type_of(f, v);
    u32 op = node_of(f, w.base)->op;
    return w.ok && (op == OP_load || op == OP_concat) && t.rank >= 1 &&
           type_count(&t) == size && t.dim[t.rank - 1] == size &&
           is_dense(&t, w.stride);
}

static u32
epilogue_mask(const Func *f, const Group *g)
{
    u32 mask = 0;
    for (u32 i = 1; i < g->nnode; i++)
        switch (f->node[g->node[i]].op) {
        case OP_add: {
            const Node *n = &f->node[g->node[i]];
            i32 c = n->out[0].dim[n->out[0].rank - 1];
            bool bias =
                is_vector_of(f, n->in[0], c) || is_vector_of(f, n->in[1], c);
            mask |= bias && !mask ? POST_bias : POST_add;
            break;
        }
        case OP_relu:
            mask |= POST_relu;
            break;
        case OP_gelu:
            mask |= POST_gelu;
        }
    return mask;
}

static bool
ends_rounded(const Func *f, const Group *g)
{
    return f->node[g->node[g->nnode - 1]].op == OP_half;
}

/* Doors are f32. */
static bool
is_door(const Func *f, u32 id)
{
    for (u32 i = 0; i < f->nout; i++)
        if (VAL_NODE(where(f, f->out[i].val).base) == id)
            return true;
    return false;
}

/* A library of the GPU that reads halves can write it. */
static bool
may_round(const Fuse *u, u32 id, const Node *root)
{
    return u->p->opt.target->id == TARGET_cuda && !is_door(u->f, id) &&
           lies_half(u->p, u->f, root->in[0]) &&
           lies_half(u->p, u->f, root->in[1]);
}

/* Parts of halves that were f32 are rounded as they are put together. */
static bool
rounds_concat(const Fuse *u, u32 id, i32 to, Val last)
{
    const Group *g = &u->f->group[to];
    return u->f->node[id].op == OP_half && g->nnode == 1 &&
           u->f->node[g->node[0]].op == OP_concat && u->uses[last] == 1 &&
           !is_door(u->f, id) && u->p->opt.target->id == TARGET_cuda;
}

static bool
rounds_special(const Fuse *u, u32 id, i32 to, Val last)
{
    const Group *g = &u->f->group[to];
    u32 op = u->f->node[g->node[0]].op;
    return u->f->node[id].op == OP_half && g->nnode == 1 &&
           u->uses[last] == 1 && VAL_OUT(last) == 0 && !is_door(u->f, id) &&
           u->p->opt.target->id == TARGET_cuda && special_takes_half(op);
}

/* May n end library group `to`, whose last value is `last`? */
static bool
is_epilogue(const Fuse *u, u32 id, i32 to, Val last)
{
    const Func *f = u->f;
    const Node *n = &f->node[id];
    const Group *g = &f->group[to];
    const Node *root = &f->node[g->node[0]];
    u32 have = epilogue_mask(f, g);
    if (u->uses[last] != 1)
        return false;
    if (n->op == OP_half)
        return !ends_rounded(f, g) && may_round(u, id, root);
    if (ends_rounded(f, g) && n->op != OP_relu)
        return false;
    if ((have & (POST_relu | POST_gelu)) ||
        (root->op != OP_conv2d && root->op != OP_matmul) ||
        (root->op == OP_matmul && attr_l(root, "order")->n))
        return false;
    bool gpu = u->p->opt.target->id == TARGET_cuda; /* its GELU is another */
    if (n->op == OP_relu || n->op == OP_gelu)
        return n->op == OP_relu || !gpu;
    if (n->op != OP_add || !fuse_same_dims(&n->out[0], &root->out[0]))
        return false;
    Val other = n->in[0] == last ? n->in[1] : n->in[0];
    i32 c = root->out[0].dim[root->out[0].rank - 1];
    Type t = type_of(f, other);
    Where w = where(f, other);
    i32 group = node_of(f, w.base)->group;
    bool before = group < 0 || (group != to && !fuse_depends(u, group, to));
    if (is_vector_of(f, other, c))
        return before && !have &&
               (root->op == OP_conv2d || root->out[0].rank == 2);
    return root->op == OP_conv2d && !(have & POST_add) &&
           (!gpu || have & POST_bias) && /* cuDNN adds behind a bias alone */
           fuse_same_dims(&t, &root->out[0]) && w.ok &&
           is_dense(&t, w.stride) && before;
}

i32
fuse_call_of(const Fuse *u, u32 id)
{
    const Func *f = u->f;
    const Node *n = &f->node[id];
    for (u32 i = 0; i < n->nin; i++) {
        Val v = n->in[i];
        if (u->late[VAL_NODE(v)] == LATE_always)
            return -1;
        if (fuse_is_view(f, v)) { /* a dense reshape with this one user */
            Val x = through_reshape(f, v);
            bool once =
                n->op == OP_gelu || n->op == OP_relu || n->op == OP_half;
            if (x == v || !once || u->uses[v] != 1)
                continue;
            v = x;
        }
        i32 g = node_of(f, v)->group;
        const Group *to = g < 0 ? NULL : &f->group[g];
        if (to && to->kind == GROUP_special && rounds_special(u, id, g, v))
            return g;
        if (to && to->kind == GROUP_move && rounds_concat(u, id, g, v))
            return g;
        if (to && to->kind == GROUP_library &&
            VAL(to->node[to->nnode - 1], 0) == v && is_epilogue(u, id, g, v))
            return g;
    }
    return -1;
}
