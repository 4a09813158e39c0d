/* late.c - nodes that fuse places with their readers, not with what they read.
 *
 * What is made of bf16 values element by element, but only read behind a
 * product (so, in another kernel, mostly in the backward pass), is made there:
 * bf16 inputs are kept anyway, and reading them costs less than the f32 result.
 */
#include "compiler/sohoc.h"

/* Products and templates of single ops on the longest way to each node. */
static u32 *
stages(const Func *f)
{
    u32 *stage = mem_alloc((f->nnode + 1) * sizeof *stage);
    for (u32 i = 0; i < f->nnode; i++) {
        const Node *n = &f->node[i];
        u8 kind = optab[n->op].kind;
        for (u32 k = 0; k < n->nin; k++) {
            u32 before = stage[VAL_NODE(n->in[k])];
            stage[i] = before > stage[i] ? before : stage[i];
        }
        stage[i] += kind == KIND_library || kind == KIND_special;
    }
    return stage;
}

/* Is n made of bf16 values, others that wait, and small ones? */
static bool
is_made_of_half(const Func *f, const Node *n, const bool *late)
{
    bool half = false;
    for (u32 k = 0; k < n->nin; k++) {
        Type t = type_of(f, n->in[k]);
        if (type_count(&t) * 8 <= type_count(&n->out[0]))
            continue;
        if (!is_half(f, n->in[k]) && !late[VAL_NODE(n->in[k])])
            return false;
        half = true;
    }
    return half;
}

/* The one reader of each node's output 0, if it reads it as it is. */
static u32 *
readers(const Func *f, const u32 *uses)
{
    u32 *reader = mem_alloc((f->nnode + 1) * sizeof *reader);
    for (u32 i = 0; i < f->nnode; i++) {
        u8 kind = optab[f->node[i].op].kind;
        if (kind != KIND_elem && kind != KIND_reduce)
            continue;
        for (u32 k = 0; k < f->node[i].nin; k++)
            if (uses[f->node[i].in[k]] == 1 && !VAL_OUT(f->node[i].in[k]))
                reader[VAL_NODE(f->node[i].in[k])] = i;
    }
    return reader;
}

bool *
late_nodes(const Func *f, const u32 *uses)
{
    bool *late = mem_alloc(f->nnode + 1);
    const u32 *stage = stages(f), *reader = readers(f, uses);
    for (u32 i = 0; i < f->nnode; i++) {
        const Node *n = &f->node[i];
        if (optab[n->op].kind == KIND_elem && n->op != OP_bf16 &&
            n->op != OP_dropout && reader[i] && is_made_of_half(f, n, late))
            late[i] = true;
    }
    for (u32 i = f->nnode; i-- > 0;) /* soon enough read: as ever */
        if (late[i] && stage[reader[i]] == stage[i] && !late[reader[i]])
            late[i] = false;
    return late;
}
