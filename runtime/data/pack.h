/* pack.h - files made in memory: growing bytes, a zip of stored members, and
 * the way of both into a folder. */
#ifndef SOHO_PACK_H
#define SOHO_PACK_H

#include "runtime/err.h"

/* Growing bytes; after a failed allocation `failed` stays set and additions
 * do nothing. */
typedef struct Bytes {
    u8 *data;
    u64 n, room;
    int failed;
} Bytes;

/* Makes room for n more bytes; 0 if there is none. */
int bytes_reserve(Bytes *b, u64 n);
void bytes_add(Bytes *b, const void *data, u64 n);
void bytes_print(Bytes *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void bytes_free(Bytes *b);

enum {
    PACK_MEMBERS = 65535,   /* of a zip without extensions */
    PACK_MAX_ZIP = 1 << 30, /* bytes that are put together in memory */
};

/* A zip of stored members with a fixed date, so that equal members give equal
 * bytes. */
typedef struct PackZip {
    Bytes file, directory;
    u32 members;
    u64 gone; /* bytes of the file that are no longer in `file` */
} PackZip;

/* A member's header alone, for a caller who writes the file in parts: `bytes`
 * of data have to follow, which then count as gone.  They begin at a multiple
 * of `align` (0: anywhere).  No limit is checked. */
void pack_header(PackZip *zip, const char *name, u32 crc, u64 bytes, u32 align);
/* `name` is UTF-8.  SOHO_USAGE: the zip passes one of the limits. */
int pack_member(Err *e, PackZip *zip, const char *name, const void *data,
                u64 bytes);
void pack_end(PackZip *zip);
void pack_free(PackZip *zip);

/* Makes the folder where it does not exist; SOHO_IO. */
int pack_folder(Err *e, const char *folder);
/* Writes folder/name anew, whole or not at all; SOHO_IO, SOHO_MEMORY. */
int pack_file(Err *e, const char *folder, const char *name, const Bytes *data);

#endif
