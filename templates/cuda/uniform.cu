/* uniform - numbers in [0,1) of the counter generator, new at each step.
 *
 * y [..] <- step block;  RANK0 of y, SITE what is drawn */
#ifndef NAME
#define NAME  uniform
#define BLOCK 256
#define ARGS  3
#define RANK0 1
#define SITE  0u
#endif
#include "prelude.h"

ENTRY(NAME)
{
    float *y = a[0].p;
    const SohoStep *step = a[1].p;

    FOR_EACH (i, count_of(a, 2, RANK0))
        y[i] = draw(i, SITE, step);
}
