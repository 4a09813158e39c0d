/* cast - mixed precision: which regions compute in which type.
 * needs SHAPES.  f32 is the one type the targets compute in today, so the pass
 * checks that the model asks for nothing else and changes no node. */
#include "compiler/sohoc.h"

void
pass_cast(Prog *p)
{
    const char *want = meta_get(p, "config.precision");
    if (want && strcmp(want, "f32"))
        die(SOHO_BAD, "%s: precision '%s' is not there, expected f32",
            p->opt.model, want);
}
