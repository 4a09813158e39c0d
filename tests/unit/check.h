/* check.h - how a test of one part tells what it found; main returns
 * `failed`. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>

static int failed;

/* "ok NAME", or "not ok NAME: WHY". */
static inline void
check(int good, const char *name, const char *why)
{
    if (good)
        printf("ok %s\n", name);
    else
        printf("not ok %s: %s\n", name, why);
    failed |= !good;
}

#endif
