/* merge - equal computations within one group become one.  needs GROUPS; keeps
 * it.
 *
 * recompute gives every reader of a cheap value a copy of its own; the copies
 * that came into one kernel are one value again, computed and stored once. */
#include "compiler/sohoc.h"

typedef struct Merge {
    Same *same;
    const Node *old; /* nodes and groups before */
    const Group *group;
    u8 *level; /* of the new nodes: loop of their row group */
} Merge;

static Val
share(Build *b, const Node *n, const Val *in, void *user)
{
    Merge *m = user;
    const Group *g = n->group < 0 ? NULL : &m->group[n->group];
    Val v = cse_share(b, n, in, m->same);
    for (u32 k = 0; g && g->level && k < g->nnode; k++)
        if (&m->old[g->node[k]] == n)
            m->level[VAL_NODE(v)] = g->level[k];
    return v;
}

/* The groups' lists, with the nodes that are left. */
static void
list_again(Func *f, const u8 *level)
{
    for (u32 g = 0; g < f->ngroup; g++)
        f->group[g].nnode = 0;
    for (u32 i = 0; i < f->nnode; i++) {
        if (f->node[i].group < 0)
            continue;
        Group *g = &f->group[f->node[i].group];
        if (g->level)
            g->level[g->nnode] = level[i];
        g->node[g->nnode++] = i;
    }
}

void
pass_merge(Prog *p)
{
    for (u32 i = 0; i < p->nfunc; i++) {
        Func *f = &p->func[i];
        Merge m = {cse_table(f), f->node, f->group, mem_alloc(f->nnode + 1)};
        graph_rebuild(p, f, share, &m);
        list_again(f, m.level);
    }
}
