/* made by sohoc from templates/zero_grad.c for zero_grad
 * (lib/nn.lua:94 < lib/vqa.lua:23) */
#define NAME zero_grad
#line 1 "templates/zero_grad.c"
/* zero_grad - all gradients become 0 at the start of an accumulation window.
 *
 * arguments: gradients (written), step block, number of floats */
#line 9 "templates/zero_grad.c"
#include "prelude.h"

ENTRY(NAME)
{
    float *g = a[0].p;
    const SohoStep *step = a[1].p;
    int64_t n = step->window == 0 ? a[2].i : 0;

    FOR_EACH (i, n)
        g[i] = 0.0f;
}
#undef NAME
#undef BLOCK
#undef ARGS
