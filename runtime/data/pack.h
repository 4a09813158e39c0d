/* pack.h - growing bytes, a zip of stored members, and the way of both into a
 * folder. */
#ifndef SOHO_PACK_H
#define SOHO_PACK_H

#include "runtime/replace.h"

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

/* A zip of stored members with a fixed date, so that equal members give equal
 * bytes; its directory is all that is in memory.  With the zip64 extension
 * where it has more than 65534 members or 4 GiB. */
typedef struct PackZip {
    Replace file;
    Bytes head, directory; /* of a member; of all */
    u64 members, at;       /* at: bytes of the file so far */
} PackZip;

/* Begins path anew, which has to last; pack_close only after a success.
 * SOHO_IO. */
int pack_open(Err *e, PackZip *zip, const char *path);
/* `name` is UTF-8; less than 4 GiB of data, which begin at a multiple of
 * `align` (0: anywhere).  SOHO_IO, SOHO_MEMORY. */
int pack_member(PackZip *zip, const char *name, const void *data, u64 bytes,
                u32 align);
/* The directory, and the file gets its name; where an error is set in the Err
 * of pack_open, the file goes. */
int pack_close(PackZip *zip);

/* Makes the folder where it does not exist; SOHO_IO. */
int pack_folder(Err *e, const char *folder);
/* Writes folder/name anew, whole or not at all; SOHO_IO, SOHO_MEMORY. */
int pack_file(Err *e, const char *folder, const char *name, const Bytes *data);

#endif
