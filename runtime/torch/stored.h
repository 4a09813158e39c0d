/* stored.h - the members of a zip whose data lie in the file as they are. */
#ifndef SOHO_STORED_H
#define SOHO_STORED_H

#include "runtime/err.h"

enum { STORED_MEMBERS = 1 << 16, STORED_DIRECTORY = 1 << 24 /* bytes */ };

typedef struct StoredMember {
    const char *name; /* name_bytes of them, no 0 byte behind */
    u64 at, bytes;    /* of its data, from the file's start */
    u64 header;       /* where its local header begins */
    u32 name_bytes, crc;
    int checked; /* its CRC holds */
} StoredMember;

typedef struct Stored {
    int fd; /* the caller's */
    const char *path;
    u64 bytes;
    u8 *directory; /* the central one; names lie in it */
    u64 directory_at, directory_bytes;
    StoredMember *member; /* sorted by name */
    u32 n;
} Stored;

/* Reads the directory of the open file and compares it with the members' own
 * headers: every range lies inside the file, none over another, no name occurs
 * twice.  Compressed and encrypted members and archives in several parts are
 * refused; zip64 is read.  stored_close in any case.  SOHO_BAD, SOHO_IO,
 * SOHO_MEMORY. */
int stored_open(Err *e, Stored *z, int fd, const char *path, u64 bytes);
void stored_close(Stored *z);

/* The member of this name, or NULL. */
StoredMember *stored_find(const Stored *z, const char *name, u64 name_bytes);

/* Compares the member's data with its CRC, once. */
int stored_check(Err *e, const Stored *z, StoredMember *m);

#endif
