/* buffer.c - one growing block.
 *
 * In: how many bytes the next use needs.  Out: as many or more.  The block
 * never shrinks and its contents are not carried over. */
#include "runtime/buffer.h"

#include <stdlib.h>

int
buffer_reserve(Err *e, Buffer *buffer, u64 bytes, const char *what)
{
    if (buffer->at && bytes <= buffer->room)
        return 0;
    buffer_free(buffer);
    buffer->at = malloc(bytes ? bytes : 1);
    FAIL_IF(!buffer->at, e, SOHO_MEMORY, "no memory for %s: %llu bytes", what,
            (unsigned long long)bytes);
    buffer->room = bytes;
    return 0;
}

void
buffer_free(Buffer *buffer)
{
    free(buffer->at);
    *buffer = (Buffer){NULL, 0};
}
