/* zero_grad - all gradients become 0 at the start of an accumulation window.
 *
 * arguments: gradients (written), step block, number of floats */
#ifndef NAME
#define NAME  zero_grad
#define BLOCK 256
#define ARGS  3
#endif
#include "prelude.h"

ENTRY(NAME)
{
    float *g = a[0].p;
    const SohoStep *step = a[1].p;
    int64_t n = step->window == 0 ? a[2].i : 0;

    FOR_EACH (i, n)
        g[i] = 0.0f;
}
