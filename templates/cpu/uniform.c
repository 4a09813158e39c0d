/* uniform - numbers in [0,1) of the counter generator, new at each step.
 *
 * y [..] <- step block;  RANK0 of y, SITE what is drawn */
#ifndef NAME
#define NAME  uniform
#define RANK0 1
#define SITE  0u
#endif
#include "prelude.h"

ENTRY(NAME)
{
    philox_fill(a[0].p, 0, count_of(a, 2, RANK0), SITE, a[1].p);
}
