/* zip_own.h - what the parts of the zip reader share. */
#ifndef SOHO_ZIP_OWN_H
#define SOHO_ZIP_OWN_H

#include "runtime/err.h"

/* ---------------------------------------------------------------- cp437.c */

/* The name in UTF-8, to be freed; NULL: no memory. */
char *cp437_to_utf8(const char *name);

/* --------------------------------------------------------------- unlzma.c */

/* Takes at most n bytes of the packed member into `to`: how many, 0 at its end,
 * -1: an error that it sets. */
typedef i64 UnlzmaSource(Err *e, void *context, void *to, u64 n);

/* Unpacks exactly `size` bytes.  Its memory is bounded by them and some 64 KiB,
 * whatever dictionary the member asks for.  SOHO_BAD, SOHO_MEMORY; messages do
 * not name the member. */
int unlzma(Err *e, UnlzmaSource *source, void *context, u8 *to, u64 size);

#endif
