/* infer - dtype and shape of every value.
 * needs nothing; gives SHAPES.  The knowledge is in ops/. */
#include "compiler/sohoc.h"

void
pass_infer(Prog *p)
{
    for (u32 i = 0; i < p->nfunc; i++)
        for (u32 k = 0; k < p->func[i].nnode; k++)
            infer_node(&p->func[i], k);
    if (diag_count())
        die(SOHO_BAD, "%s: %u errors in the model", p->opt.model,
            diag_count());
}
