/* vfs.h - all file input and output of the runtime goes through this table, so
 * that a test can make the n-th operation fail, or log and replay them. */
#ifndef SOHO_VFS_H
#define SOHO_VFS_H

#include "runtime/buffer.h"

/* Each returns what the system call of that name returns, with errno set. */
typedef struct Vfs {
    int (*open)(const char *path, int flags, int mode);
    int (*close)(int fd);
    i64 (*pread)(int fd, void *to, u64 n, u64 offset);
    i64 (*write)(int fd, const void *from, u64 n);
    int (*fsync)(int fd);
    i64 (*size)(int fd); /* bytes of a regular file, -1 otherwise */
    int (*rename)(const char *from, const char *to);
    int (*unlink)(const char *path);
    int (*rmdir)(const char *path);
    int (*mkdir)(const char *path, int mode);
    i64 (*space)(const char *path); /* bytes we may still write there, or -1 */
} Vfs;

extern const Vfs *vfs; /* the system's, unless a test replaced it */

/* Sets SOHO_IO with errno's reason; `doing` is a verb, "open" or "write". */
int vfs_fail(Err *e, const char *doing, const char *path);

/* Reads a whole regular file of at most `limit` bytes; *data is malloc'ed with
 * one 0 byte after the end.  SOHO_IO: cannot open or read, not a regular
 * file; SOHO_BAD: larger than limit; SOHO_MEMORY. */
int vfs_read_file(Err *e, const char *path, u64 limit, u8 **data, u64 *bytes);
/* The same into memory that the caller keeps. */
int vfs_read_into(Err *e, const char *path, u64 limit, Buffer *to, u64 *bytes);

/* Reads exactly n bytes at offset.  SOHO_IO on an error, SOHO_BAD when the
 * file ends early ("truncated at N, need M"). */
int vfs_read_at(Err *e, int fd, const char *path, void *to, u64 n, u64 offset);

/* Writes all n bytes (retries on EINTR and short writes); SOHO_IO. */
int vfs_write_all(Err *e, int fd, const char *path, const void *from, u64 n);

/* fsync of a folder, so that a rename inside it lasts; SOHO_IO. */
int vfs_sync_dir(Err *e, const char *path);

/* Removes a folder made by us: its plain files, then the folder itself; it
 * never descends and never follows links.  SOHO_IO. */
int vfs_remove_dir(Err *e, const char *path);

#endif
