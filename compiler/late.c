/* late.c - nodes that fuse places with their readers, not with what they read.
 *
 * What is made of halves element by element, but only read behind a
 * product or a sum over columns (so, in another kernel), is made there: half
 * inputs are kept anyway, and reading them costs less than the f32 result. What
 * is read soon enough waits, too, if it found no kernel to go with. */
#include "compiler/fuse.h"

/* Rows are reduced and what follows is computed in one kernel. */
static bool
reduces_columns(const Func *f, const Node *n)
{
    Type t = type_of(f, n->in[0]);
    u32 first = (u32)attr_i(n, "first"), count = (u32)attr_i(n, "count");
    return first + count < t.rank;
}

/* Products, templates of single ops and sums over columns on the longest way to
 * each node. */
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
        stage[i] += kind == KIND_library || kind == KIND_special ||
                    (kind == KIND_reduce && reduces_columns(f, n));
    }
    return stage;
}

/* Is n made of halves, others that wait, and small ones? */
static bool
is_made_of_half(const Func *f, const Node *n, const u8 *late)
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

u8 *
late_nodes(const Func *f, const u32 *uses)
{
    u8 *late = mem_alloc(f->nnode + 1);
    const u32 *stage = stages(f), *reader = readers(f, uses);
    for (u32 i = 0; i < f->nnode; i++) {
        const Node *n = &f->node[i];
        if (optab[n->op].kind == KIND_elem && n->op != OP_half &&
            n->op != OP_dropout && reader[i] && is_made_of_half(f, n, late))
            late[i] = LATE_always;
    }
    for (u32 i = f->nnode; i-- > 0;)
        if (late[i] && stage[reader[i]] == stage[i] &&
            late[reader[i]] != LATE_always)
            late[i] = LATE_alone;
        else if (late[i])
            late[i] = LATE_always;
    return late;
}

/* ------------------------------------------------------------- in fuse */

static bool
waits(const Fuse *u, u32 id)
{
    return u->late[id] == LATE_always && u->f->node[id].group < 0;
}

/* Marks as wanted what waits for `id`: how many, the first of them. */
static u32
mark_late(Fuse *u, u32 id, u32 *first)
{
    const Node *n = &u->f->node[id];
    u32 count = 0;
    for (u32 i = 0; i < n->nin; i++) {
        u32 x = VAL_NODE(n->in[i]);
        if (!waits(u, x) || u->wanted[x])
            continue;
        u->wanted[x] = true;
        *first = x < *first ? x : *first;
        count += 1 + mark_late(u, x, first);
    }
    return count;
}

bool
fuse_each_late(Fuse *u, u32 id, i32 g, bool (*fn)(Fuse *u, u32 id, i32 g))
{
    u32 first = id;
    bool good = true;
    mark_late(u, id, &first);
    for (u32 x = first; x < id; x++) {
        good = good && (!u->wanted[x] || fn(u, x, g));
        u->wanted[x] = false;
    }
    return good;
}

u32
fuse_count_late(Fuse *u, u32 id)
{
    u32 first = id, count = mark_late(u, id, &first);
    memset(u->wanted + first, 0, id - first);
    return count;
}
