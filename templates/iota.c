/* iota - 0, 1, 2, ... as numbers.
 *
 * y [count] */
#ifndef NAME
#define NAME  iota
#define BLOCK 256
#define ARGS  2
#endif
#include "prelude.h"

ENTRY(NAME)
{
    float *y = a[0].p;

    FOR_EACH (i, a[1].i)
        y[i] = (float)i;
}
