/* made by sohoc from templates/commit.c for update
 * (soho_tiny.lua:35) */
#define NAME commit
#line 1 "templates/commit.c"
/* commit - ends an update: live becomes the last good state if everything was
 * finite; if not, the last good state comes back.
 *
 * arguments: live, good, step block (all written), number of floats */
#line 10 "templates/commit.c"
#include "prelude.h"

ENTRY(NAME)
{
    SohoStep *step = a[2].p;
    const uint32_t finite = step->finite;
    float *live = a[0].p, *good = a[1].p;
    float *to = finite ? good : live;
    const float *from = finite ? live : good;

    FOR_EACH (i, a[3].i)
        to[i] = from[i];
    ONCE
    {
        step->count += finite ? 1 : 0;
        step->skipped += finite ? 0 : 1;
    }
}
#undef NAME
#undef BLOCK
#undef ARGS
