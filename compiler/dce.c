/* dce - drop what no output and no effect needs.  needs SMALL; keeps it. */
#include "compiler/sohoc.h"

void
pass_dce(Prog *p)
{
    for (u32 i = 0; i < p->nfunc; i++) {
        Func *f = &p->func[i];
        bool *live = mem_alloc(f->nnode + 1);
        for (u32 k = 0; k < f->nout; k++)
            live[VAL_NODE(f->out[k].val)] = true;
        for (u32 k = f->nnode; k-- > 0;) {
            const Node *n = &f->node[k];
            live[k] |= optab[n->op].kind == KIND_effect;
            for (u32 j = 0; live[k] && j < n->nin; j++)
                live[VAL_NODE(n->in[j])] = true;
        }
        f->loss = VAL_NONE; /* grad has run: nothing starts from it again */
        graph_sweep(f, live);
    }
}
