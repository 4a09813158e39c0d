/* dce - drop what no output and no effect needs.  needs SMALL; keeps it. */
#include "compiler/sohoc.h"

static void
mark(const Func *f, bool *live, Val v)
{
    live[VAL_NODE(v)] = true;
}

void
pass_dce(Prog *p)
{
    for (u32 i = 0; i < p->nfunc; i++) {
        Func *f = &p->func[i];
        bool *live = mem_alloc(f->nnode + 1);
        for (u32 k = 0; k < f->nout; k++)
            mark(f, live, f->out[k].val);
        for (u32 k = f->nnode; k-- > 0;) {
            const Node *n = &f->node[k];
            live[k] |= optab[n->op].kind == KIND_effect;
            for (u32 j = 0; live[k] && j < n->nin; j++)
                mark(f, live, n->in[j]);
        }
        graph_sweep(f, live);
    }
}
