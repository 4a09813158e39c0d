/* fuse - nodes that share one kernel form a group.  needs SMALL; gives GROUPS.
 *
 * Nodes are visited in order.  A node joins the youngest group it reads from
 * (or reads the same input as) if both walk the same space and no path leads
 * from the group through another one back to the node.
 *
 *   elem    element-wise nodes of one shape
 *   row     those plus reductions of the trailing axes and what is computed
 *           from their results, in up to ROW_LEVELS loops over a row
 *   column  those plus reductions of other axes; then what is computed from
 *           the results alone
 *   library a product or convolution with bias, residual, activation
 *   special, move: one op; a store may ride on any of them */
#include "compiler/fuse.h"

/* ----------------------------------------------------- groups and their order
 */

bool
fuse_depends(const Fuse *u, i32 g, i32 on)
{
    return u->dep[(u64)g * u->words + (u32)on / 64] >> ((u32)on % 64) & 1;
}

/* g runs after h, and so does everything that runs after g. */
static void
add_dep(Fuse *u, i32 g, i32 h)
{
    if (h < 0 || g == h)
        return;
    for (u32 i = 0; i < u->f->ngroup; i++) {
        if ((i32)i != g && !fuse_depends(u, (i32)i, g))
            continue;
        u64 *to = u->dep + (u64)i * u->words;
        const u64 *from = u->dep + (u64)(u32)h * u->words;
        for (u32 w = 0; w < u->words; w++)
            to[w] |= from[w];
        to[(u32)h / 64] |= (u64)1 << ((u32)h % 64);
    }
}

static i32
base_group(const Func *f, Val v)
{
    return node_of(f, where(f, v).base)->group;
}

bool
fuse_is_view(const Func *f, Val v)
{
    return optab[node_of(f, v)->op].kind == KIND_view;
}

Val
through_reshape(const Func *f, Val v)
{
    Val x = v;
    while (node_of(f, x)->op == OP_reshape)
        x = node_of(f, x)->in[0];
    return fuse_is_view(f, x) ? v : x;
}

/* Groups that must run before node `id`, whatever group it joins: those of
 * its inputs and, for a store, the readers of the old value. */
static u32
needs(const Fuse *u, u32 id, i32 *to)
{
    const Func *f = u->f;
    const Node *n = &f->node[id];
    u32 count = 0;
    for (u32 i = 0; i < n->nin; i++)
        to[count++] = base_group(f, n->in[i]);
    if (n->op != OP_store)
        return count;
    const char *tensor = attr_s(n, "tensor");
    for (u32 i = 0; i < id && count < f->nnode; i++)
        for (u32 k = 0; k < f->node[i].nin && f->node[i].group >= 0; k++) {
            const Node *x = node_of(f, where(f, f->node[i].in[k]).base);
            if (x->op == OP_load && attr_s(x, "tensor") == tensor)
                to[count++] = f->node[i].group;
        }
    return count;
}

static void
enter(Fuse *u, u32 id, i32 g)
{
    Func *f = u->f;
    Group *group = &f->group[g];
    i32 *before = mem_alloc((f->nnode + MAX_IN) * sizeof *before);
    u32 n = needs(u, id, before);
    *PUSH(group->node, group->nnode, group->node_cap) = id;
    f->node[id].group = g;
    for (u32 i = 0; i < n; i++)
        add_dep(u, g, before[i]);
}

static i32
open_group(Fuse *u, u32 id, u8 kind)
{
    Func *f = u->f;
    Group *g = &f->group[f->ngroup++];
    *g = (Group){.kind = kind};
    const Node *n = &f->node[id];
    if (n->op == OP_store) /* walks what it reads */
        g->space = type_of(f, through_reshape(f, n->in[0]));
    else if (n->nout)
        g->space = n->out[0];
    enter(u, id, (i32)f->ngroup - 1);
    return (i32)f->ngroup - 1;
}

/* ------------------------------------------------------------- what fits */

bool
fuse_same_dims(const Type *a, const Type *b)
{
    if (a->rank != b->rank)
        return false;
    for (u32 i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i])
            return false;
    return true;
}

static Type
reduced_space(const Group *g)
{
    Type t = g->space;
    for (u32 i = g->first; i < g->first + g->count; i++)
        t.dim[i] = 1;
    return t;
}

/* Are the reduced axes the innermost ones? */
static bool
is_trailing(const Type *t, u32 first, u32 count)
{
    for (u32 i = first + count; i < t->rank; i++)
        if (t->dim[i] != 1)
            return false;
    return true;
}

static i64
columns(const Type *t, u32 first, u32 count)
{
    i64 n = 1;
    for (u32 i = first; i < first + count; i++)
        n *= t->dim[i];
    return n;
}

static bool
is_elem(const Node *n)
{
    return optab[n->op].kind == KIND_elem || n->op == OP_copy ||
           n->op == OP_store;
}

static u8
level_of(const Func *f, const Group *g, Val v)
{
    for (u32 i = 0; i < g->nnode; i++)
        if (VAL(g->node[i], 0) == v)
            return g->level ? g->level[i] : 0;
    (void)f;
    return 0;
}

/* The loop of a row group that computes n; reductions give it + 1. */
static u8
level_for(const Func *f, const Group *g, const Node *n)
{
    u8 level = 0;
    for (u32 i = 0; i < n->nin; i++) {
        u8 l = level_of(f, g, through_reshape(f, n->in[i]));
        level = l > level ? l : level;
    }
    return (u8)(level + (optab[n->op].kind == KIND_reduce));
}

static bool
row_has_room(const Func *f, const Group *g, const Node *n)
{
    u8 level = level_for(f, g, n);
    bool reduce = optab[n->op].kind == KIND_reduce;
    if (level >= ROW_LEVELS)
        return false;
    if (level > 0 && !reduce &&
        columns(&g->space, g->first, g->count) > ROW_MAX)
        return false;
    u32 same = 0;
    for (u32 i = 0; reduce && i < g->nnode; i++)
        same +=
            f->node[g->node[i]].op == n->op && g->level && g->level[i] == level;
    return same < (n->op == OP_max ? ROW_TOPS : ROW_SUMS);
}

/* Is some input of n computed by g's reductions? */
static bool
after_reduction(const Func *f, const Group *g, const Node *n)
{
    return level_for(f, g, n) > (optab[n->op].kind == KIND_reduce);
}

static bool
fits_reduce(const Func *f, const Group *g, const Node *n)
{
    Type x = type_of(f, n->in[0]);
    u32 first = (u32)attr_i(n, "first"), count = (u32)attr_i(n, "count");
    if (!fuse_same_dims(&x, &g->space))
        return false;
    bool trailing = is_trailing(&x, first, count);
    if (g->kind == GROUP_elem)
        return trailing || n->op == OP_sum;
    if (first != g->first || count != g->count)
        return false;
    if (g->kind == GROUP_row)
        return row_has_room(f, g, n);
    u32 sums = 0;
    for (u32 i = 0; i < g->nnode; i++)
        sums += f->node[g->node[i]].op == OP_sum;
    return g->kind == GROUP_column && n->op == OP_sum &&
           !after_reduction(f, g, n) && sums < COLUMN_SUMS;
}

static bool
fits_elem(const Func *f, const Group *g, const Node *n)
{
    Type t = n->out[0];
    if (n->op == OP_store) /* the stored value's own shape counts */
        t = type_of(f, through_reshape(f, n->in[0]));
    if (g->kind == GROUP_elem)
        return fuse_same_dims(&t, &g->space);
    if (g->kind != GROUP_row && g->kind != GROUP_column)
        return false;
    Type small = reduced_space(g);
    if (fuse_same_dims(&t, &g->space) && !fuse_same_dims(&t, &small))
        return g->kind == GROUP_row ? row_has_room(f, g, n)
                                    : !after_reduction(f, g, n);
    return fuse_same_dims(&t, &small) && n->op != OP_dropout;
}

/* Does n read g's values only as whole elements it can keep in registers? */
static bool
reads_directly(const Func *f, i32 g, const Node *n)
{
    for (u32 i = 0; i < n->nin; i++) {
        Val v = n->op == OP_store ? through_reshape(f, n->in[i]) : n->in[i];
        if (fuse_is_view(f, v) && base_group(f, v) == g)
            return false;
    }
    return true;
}

/* A copy of a tensor is made because the tensor will change (layout). */
static bool
is_old_value(const Func *f, const Node *n)
{
    return n->op == OP_copy && node_of(f, n->in[0])->op == OP_load;
}

static bool
may_join(const Fuse *u, u32 id, i32 to)
{
    const Func *f = u->f;
    const Node *n = &f->node[id];
    const Group *g = &f->group[to];
    if (is_old_value(f, n) || is_old_value(f, &f->node[g->node[0]]))
        return false;
    if (g->kind > GROUP_column || g->nnode >= GROUP_MAX ||
        !reads_directly(f, to, n))
        return false;
    bool reduce = optab[n->op].kind == KIND_reduce;
    if (reduce ? !fits_reduce(f, g, n) : !is_elem(n) || !fits_elem(f, g, n))
        return false;
    i32 *before = mem_alloc((f->nnode + MAX_IN) * sizeof *before);
    u32 count = needs(u, id, before);
    for (u32 i = 0; i < count; i++)
        if (before[i] >= 0 && before[i] != to && fuse_depends(u, before[i], to))
            return false;
    return true;
}

static void
join(Fuse *u, u32 id, i32 to)
{
    Func *f = u->f;
    Group *g = &f->group[to];
    const Node *n = &f->node[id];
    if (optab[n->op].kind == KIND_reduce && g->kind == GROUP_elem) {
        g->first = (u32)attr_i(n, "first");
        g->count = (u32)attr_i(n, "count");
        bool row = is_trailing(&g->space, g->first, g->count);
        g->kind = row ? GROUP_row : GROUP_column;
        g->level = mem_alloc(GROUP_MAX + 1);
    }
    if (g->level)
        g->level[g->nnode] = level_for(f, g, n);
    enter(u, id, to);
}

/* ------------------------------------------------------------------- stores */

/* The special or library group that can write straight into the tensor. */
static i32
store_rides_on(const Fuse *u, u32 id)
{
    const Func *f = u->f;
    const Node *n = &f->node[id];
    Val x = through_reshape(f, n->in[0]);
    if (fuse_is_view(f, x) || u->uses[x] != 1 || u->uses[n->in[0]] != 1)
        return -1;
    i32 g = node_of(f, x)->group;
    if (g < 0 || f->group[g].kind < GROUP_library)
        return -1;
    const Group *group = &f->group[g];
    u32 op = f->node[group->node[0]].op;
    bool able = op == OP_matmul || op == OP_conv2d_dw || op == OP_scatter_add ||
                op == OP_iota;
    if (op == OP_matmul && attr_l(&f->node[group->node[0]], "order")->n)
        able = false;
    bool only = group->nnode == 1 ||
                (op == OP_conv2d_dw &&
                 f->node[group->node[group->nnode - 1]].op == OP_half);
    return able && only ? g : -1;
}

/* -------------------------------------------------------------- late nodes */

/* A group's nodes ascend: what was there first does not join what is younger.
 */
static bool
late_may_join(Fuse *u, u32 id, i32 g)
{
    const Group *to = &u->f->group[g];
    return id > to->node[to->nnode - 1] && may_join(u, id, g);
}

static bool
late_join(Fuse *u, u32 id, i32 g)
{
    join(u, id, g);
    return true;
}

static bool
late_open(Fuse *u, u32 id, i32 g)
{
    i32 last = (i32)u->f->ngroup - 1;
    if (last > g && late_may_join(u, id, last))
        join(u, id, last);
    else
        open_group(u, id, GROUP_elem);
    return true;
}

static bool
all_may_join(Fuse *u, u32 id, i32 g)
{
    return u->f->group[g].nnode + fuse_count_late(u, id) < GROUP_MAX &&
           may_join(u, id, g) && fuse_each_late(u, id, g, late_may_join);
}

/* -------------------------------------------------------------------- fuse */

static i32
best_group(Fuse *u, u32 id)
{
    const Func *f = u->f;
    const Node *n = &f->node[id];
    i32 best = -1;
    for (u32 i = 0; i < n->nin; i++) {
        i32 g = node_of(f, through_reshape(f, n->in[i]))->group;
        if (g > best && all_may_join(u, id, g))
            best = g;
    }
    return best;
}

/* Is input v worth a place in a kernel that reads it?  A half is read again,
 * for that costs less than to store what is made of it; so is, by a node that
 * can wait, what is small. */
static bool
is_worth_sharing(const Fuse *u, u32 id, Val v)
{
    const Func *f = u->f;
    Type t = type_of(f, v), y = f->node[id].out[0];
    bool small = type_count(&t) * 8 <= type_count(&y);
    return node_of(f, v)->op != OP_literal && !is_half(f, v) &&
           !(small && u->late[id] == LATE_alone);
}

/* A group that reads one of n's inputs too. */
static i32
sibling(Fuse *u, u32 id)
{
    const Func *f = u->f;
    const Node *n = &f->node[id];
    for (u32 i = id; i-- > 0 && i + 256 > id;)
        for (u32 k = 0; f->node[i].group >= 0 && k < f->node[i].nin; k++)
            for (u32 j = 0; j < n->nin; j++)
                if (f->node[i].in[k] == n->in[j] &&
                    is_worth_sharing(u, id, n->in[j]) &&
                    all_may_join(u, id, f->node[i].group))
                    return f->node[i].group;
    return -1;
}

static u8
own_kind(const Node *n)
{
    switch (optab[n->op].kind) {
    case KIND_library:
        return GROUP_library;
    case KIND_move:
        return n->op == OP_copy ? GROUP_elem : GROUP_move;
    case KIND_elem:
    case KIND_reduce:
        return GROUP_elem;
    default:
        return n->op == OP_store ? GROUP_elem : GROUP_special;
    }
}

/* A reduction on its own: an elem group of its input's shape that it joins. */
static void
open_reduce(Fuse *u, u32 id)
{
    Func *f = u->f;
    Group *g = &f->group[f->ngroup++];
    *g = (Group){.kind = GROUP_elem, .space = type_of(f, f->node[id].in[0])};
    join(u, id, (i32)f->ngroup - 1);
}

static void
place_node(Fuse *u, u32 id)
{
    Func *f = u->f;
    const Node *n = &f->node[id];
    bool free_form = is_elem(n) || optab[n->op].kind == KIND_reduce;
    if (n->op == OP_store) {
        i32 g = store_rides_on(u, id);
        if (g >= 0) {
            enter(u, id, g);
            return;
        }
    }
    if (!u->p->opt.no_fuse && free_form) {
        i32 g = fuse_call_of(u, id);
        if (g >= 0) {
            enter(u, id, g);
            return;
        }
        g = best_group(u, id);
        if (g < 0)
            g = sibling(u, id);
        if (g < 0 && u->late[id] == LATE_alone) {
            u->late[id] = LATE_always;
            return;
        }
        if (g < 0) { /* those that waited are the only ones to go with */
            fuse_each_late(u, id, (i32)f->ngroup - 1, late_open);
            g = best_group(u, id);
        }
        if (g >= 0) {
            fuse_each_late(u, id, g, late_join);
            join(u, id, g);
            return;
        }
    }
    if (optab[n->op].kind == KIND_reduce)
        open_reduce(u, id);
    else
        open_group(u, id, own_kind(n));
}

/* Is everything that g runs after among those done? */
static bool
is_ready(const Fuse *u, u32 g, const u64 *done)
{
    u64 missing = done[g / 64] >> (g % 64) & 1;
    for (u32 w = 0; w < u->words; w++)
        missing |= u->dep[(u64)g * u->words + w] & ~done[w];
    return !missing;
}

/* Groups in an order that respects dep, oldest first node first. */
static void
sort_groups(Fuse *u)
{
    Func *f = u->f;
    Group *sorted = mem_alloc((f->ngroup + 1) * sizeof *sorted);
    u64 *done = mem_alloc(u->words * sizeof *done);
    for (u32 n = 0; n < f->ngroup; n++) {
        i32 pick = -1;
        for (u32 g = 0; g < f->ngroup; g++)
            if ((pick < 0 || f->group[g].node[0] < f->group[pick].node[0]) &&
                is_ready(u, g, done))
                pick = (i32)g;
        if (pick < 0)
            bug("%s: groups depend on each other in a circle", f->name);
        done[(u32)pick / 64] |= (u64)1 << ((u32)pick % 64);
        sorted[n] = f->group[pick];
        for (u32 k = 0; k < sorted[n].nnode; k++)
            f->node[sorted[n].node[k]].group = (i32)n;
    }
    f->group = sorted;
}

static void
fuse(Prog *p, Func *f)
{
    keep_apart(f);
    Fuse u = {
        .p = p, .f = f, .uses = graph_uses(f), .words = f->nnode / 64 + 1};
    u.late = p->opt.no_fuse ? mem_alloc(f->nnode + 1) : late_nodes(f, u.uses);
    u.wanted = mem_alloc(f->nnode + 1);
    u.dep = mem_alloc((u64)(f->nnode + 1) * u.words * sizeof *u.dep);
    f->group = mem_alloc((f->nnode + 1) * sizeof *f->group);
    for (u32 i = 0; i < f->nnode; i++) {
        u8 kind = optab[f->node[i].op].kind;
        if (kind != KIND_leaf && kind != KIND_view && u.late[i] != LATE_always)
            place_node(&u, i);
    }
    sort_groups(&u);
}

void
pass_fuse(Prog *p)
{
    for (u32 i = 0; i < p->nfunc; i++)
        fuse(p, &p->func[i]);
}
