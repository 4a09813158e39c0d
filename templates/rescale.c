/* rescale - undoes loss_scale in what grad_norm found, and moves the scale as
 * apex's dynamic scaler does.
 *
 * arguments: step block (written)
 * START    scale of the first window
 * LIMIT    longest gradient that is left as it is, 0: any
 * DYNAMIC  1: half after an update that is not finite, double after WINDOW
 *          updates in a row that are, at most MOST; 0: always START
 *
 * Gradients stay multiplied: step->clip takes the scale out of them. */
#ifndef NAME
#define NAME    rescale
#define BLOCK   256
#define ARGS    1
#define START   65536
#define LIMIT   4.0
#define DYNAMIC 1
#define WINDOW  2000
#define MOST    128
#endif
#include "prelude.h"

#define grow LOCAL(grow)

static float
grow(float scale)
{
    return scale * 2.0f < (float)(MOST) ? scale * 2.0f : (float)(MOST);
}

ENTRY(NAME)
{
    SohoStep *step = a[0].p;

    ONCE
    {
        float scale = step->loss_scale > 0 ? step->loss_scale : (float)(START);
        double norm = step->grad_norm / (double)scale;

        step->grad_norm = (float)norm;
        step->clip = (float)(clip_of(norm, LIMIT) / scale);
        step->unskipped = step->finite ? step->unskipped + 1 : 0;
        if (DYNAMIC && !step->finite) {
            scale *= 0.5f;
        } else if (DYNAMIC && step->unskipped == (WINDOW)) {
            scale = grow(scale);
            step->unskipped = 0;
        }
        step->loss_scale = scale;
    }
}
