/* replace.h - the one way in which files are written: anew beside the old one,
 * brought to the disk, then renamed.  Either the old file or the whole new one
 * is there afterwards, and nothing else. */
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
    FILE *out; /* of replace_stream */
} Replace;

/* Writes path anew with these bytes.  SOHO_IO. */
int replace_file(Err *e, const char *path, const void *data, u64 bytes);

/* The same in parts: opens path.tmp.  replace_close only after a success.
 * SOHO_IO. */
int replace_open(Err *e, Replace *r, const char *path);
int replace_put(Replace *r, const void *data, u64 bytes);
/* Brings the file to the disk and gives it its name, or removes it where an
 * error is set in *e.  SOHO_IO. */
int replace_close(Replace *r);

/* replace_open for who prints; NULL is an error that is set.  What goes wrong
 * while writing to the stream is set in *e as well. */
FILE *replace_stream(Err *e, Replace *r, const char *path);

#endif
