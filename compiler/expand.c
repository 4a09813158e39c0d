/* expand - composite ops become primitive ones.  needs SHAPES; gives SMALL.
 * From here on a graph holds leaf, elem, view, reduce, move, library, special
 * and effect nodes only. */
#include "compiler/sohoc.h"

static Val
replace(Build *b, const Node *n, const Val *in, void *user)
{
    (void)user;
    if (optab[n->op].kind != KIND_composite)
        return VAL_NONE;
    return optab[n->op].family->expand(b, n, in);
}

void
pass_expand(Prog *p)
{
    for (u32 i = 0; i < p->nfunc; i++)
        graph_rebuild(p, &p->func[i], replace, NULL);
}
