/* buffer.h - memory that its owner keeps from one use to the next, so that
 * reading thousands of files allocates once. */
#ifndef SOHO_BUFFER_H
#define SOHO_BUFFER_H

#include "runtime/err.h"

typedef struct Buffer {
    u8 *at; /* NULL at first */
    u64 room;
} Buffer;

/* Makes room for `bytes` bytes; if there is not enough, what it held is lost.
 * `what` is for the message.  SOHO_MEMORY. */
int buffer_reserve(Err *e, Buffer *buffer, u64 bytes, const char *what);
void buffer_free(Buffer *buffer);

#endif
