/* loss_scale - what the gradient of the loss is multiplied by.
 *
 * y [1] <- step block;  START where no update has set it yet */
#ifndef NAME
#define NAME  loss_scale
#define BLOCK 256
#define ARGS  2
#define START 65536
#define RANK0 0
#endif
#include "prelude.h"

ENTRY(NAME)
{
    float *y = a[0].p;
    const SohoStep *step = a[1].p;

    ONCE *y = step->loss_scale > 0 ? step->loss_scale : (float)(START);
}
