/* digest.h - SHA-256 of files and bytes, for what has to be the same later. */
#ifndef SOHO_DIGEST_H
#define SOHO_DIGEST_H

#include "runtime/err.h"

enum { DIGEST_BYTES = 32, DIGEST_HEX = 2 * DIGEST_BYTES + 1 };

/* Digest and size (may be NULL) of a regular file; SOHO_IO, SOHO_MEMORY. */
int digest_file(Err *e, const char *path, u8 digest[DIGEST_BYTES], u64 *bytes);

/* Digest of bytes in memory. */
int digest_bytes(Err *e, const void *data, u64 bytes, u8 digest[DIGEST_BYTES]);

/* Lower-case hexadecimal, ended by 0; returns `hex`. */
char *digest_hex(char hex[DIGEST_HEX], const u8 digest[DIGEST_BYTES]);

#endif
