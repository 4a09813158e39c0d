/* check.h - how a test of one part tells what it found; main returns `failed`.
 * CHECK_PART, defined before: what all its names begin with. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>

#ifndef CHECK_PART
#define CHECK_PART ""
#endif

static int failed;

/* "ok NAME", or "not ok NAME: WHY". */
static inline void
check(int good, const char *name, const char *why)
{
    if (good)
        printf("ok " CHECK_PART "%s\n", name);
    else
        printf("not ok " CHECK_PART "%s: %s\n", name, why);
    failed |= !good;
}

#endif
