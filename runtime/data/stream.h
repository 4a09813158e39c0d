/* stream.h - the text of a large file, in memory only where a reader is. */
#ifndef SOHO_STREAM_H
#define SOHO_STREAM_H

#include "runtime/err.h"

enum { STREAM_AHEAD = 8 << 20 }; /* bytes that are loaded before the reader */

typedef struct Stream {
    const char *path;
    int fd;
    u8 *text; /* address of byte 0; [dropped, loaded) can be read */
    u64 bytes, loaded, dropped;
} Stream;

/* Reserves addresses for a regular file of at most `limit` bytes; nothing is
 * loaded yet.  `path` stays the caller's.  SOHO_IO, SOHO_BAD (too large),
 * SOHO_MEMORY.  stream_close in any case. */
int stream_open(Err *e, const char *path, u64 limit, Stream *stream);
void stream_close(Stream *stream);

/* Loads STREAM_AHEAD bytes from `at` on, or all there are, and gives back what
 * lies well before `at`.  SOHO_IO, SOHO_BAD where the file became shorter. */
int stream_load(Err *e, Stream *stream, u64 at);

/* Line of byte `at`, from 1; reads the file again for it. */
u64 stream_line(const Stream *stream, u64 at);

#endif
