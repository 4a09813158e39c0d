/* digest.c - SHA-256 of bytes in memory, or of a file, read in pieces through
 * the vfs table.
 *
 * In: bytes or a path.  Out: its digest and size. */
#include "runtime/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "runtime/vfs.h"

enum { PIECE = 1 << 16 };

/* The part of digest_file between open and close. */
static int
digest_open_file(Err *e, int fd, const char *path, EVP_MD_CTX *sum, u64 *bytes)
{
    u8 piece[PIECE];
    i64 size = vfs->size(fd);

    FAIL_IF(size < 0, e, SOHO_IO, "%s: not a regular file", path);
    for (i64 at = 0; at < size; at += PIECE) {
        u64 n = (u64)min_i64(PIECE, size - at);

        TRY(vfs_read_at(e, fd, path, piece, n, (u64)at));
        FAIL_IF(!EVP_DigestUpdate(sum, piece, n), e, SOHO_BUG,
                "%s: libcrypto refused to hash", path);
    }
    *bytes = (u64)size;
    return 0;
}

int
digest_file(Err *e, const char *path, u8 digest[DIGEST_BYTES], u64 *bytes)
{
    int fd = vfs->open(path, O_RDONLY, 0);
    EVP_MD_CTX *sum;
    u64 size = 0;

    FAIL_IF(fd < 0, e, SOHO_IO, "%s: cannot open: %s", path, strerror(errno));
    sum = EVP_MD_CTX_new();
    if (!sum || !EVP_DigestInit_ex(sum, EVP_sha256(), NULL))
        err_set(e, SOHO_MEMORY, "%s: no memory to hash it", path);
    else if (!digest_open_file(e, fd, path, sum, &size))
        EVP_DigestFinal_ex(sum, digest, NULL);
    EVP_MD_CTX_free(sum);
    vfs->close(fd);
    if (bytes)
        *bytes = size;
    return e->code;
}

int
digest_bytes(Err *e, const void *data, u64 bytes, u8 digest[DIGEST_BYTES])
{
    FAIL_IF(!EVP_Digest(data, bytes, digest, NULL, EVP_sha256(), NULL), e,
            SOHO_BUG, "libcrypto refused to hash");
    return 0;
}

char *
digest_hex(char hex[DIGEST_HEX], const u8 digest[DIGEST_BYTES])
{
    for (u32 i = 0; i < DIGEST_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return hex;
}
