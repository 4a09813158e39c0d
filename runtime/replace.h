/* replace.h - a file that is written anew as a stream. */
#ifndef SOHO_REPLACE_H
#define SOHO_REPLACE_H

#include <limits.h>
#include <stdio.h>

#include "runtime/err.h"

typedef struct Replace {
    Err *e;
    const char *path;
    char fresh[PATH_MAX]; /* path.tmp */
    int fd;
    FILE *out;
} Replace;

/* Opens path.tmp for writing; NULL is an error that is set.  What goes wrong
 * while writing to the stream is set in *e as well. */
FILE *replace_open(Err *e, Replace *r, const char *path);
/* Brings the file to the disk and gives it its name, or removes it where an
 * error is set: either the old file or the whole new one is there afterwards.
 * SOHO_IO. */
int replace_close(Replace *r);

#endif
