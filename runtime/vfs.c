/* vfs.c - the system's table of file operations, and the few ways in which the
 * runtime reads and writes whole files.
 *
 * In: paths and bytes.  Out: bytes, or files that are whole or not there.
 * Opening never blocks and never obeys a device: FIFOs, terminals and devices
 * are refused after fstat. */
#include "runtime/vfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int
sys_open(const char *path, int flags, int mode)
{
    return open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, mode);
}

static i64
sys_pread(int fd, void *to, u64 n, u64 offset)
{
    return pread(fd, to, n, (off_t)offset);
}

static i64
sys_write(int fd, const void *from, u64 n)
{
    return write(fd, from, n);
}

static i64
sys_size(int fd)
{
    struct stat st;

    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        return -1;
    return st.st_size;
}

static int
sys_mkdir(const char *path, int mode)
{
    return mkdir(path, (mode_t)mode);
}

static i64
sys_space(const char *path)
{
    struct statvfs st;

    if (statvfs(path, &st))
        return -1;
    return (i64)(st.f_bavail * st.f_frsize);
}

static const Vfs the_system = {
    .open = sys_open,
    .close = close,
    .pread = sys_pread,
    .write = sys_write,
    .fsync = fsync,
    .size = sys_size,
    .rename = rename,
    .unlink = unlink,
    .rmdir = rmdir,
    .mkdir = sys_mkdir,
    .space = sys_space,
};

const Vfs *vfs = &the_system;

/* Puts the path, cleaned, in front of the error. */
static int
named(Err *e, const char *path)
{
    char clean[512];

    return err_at(e, "%s", err_clean(clean, sizeof clean, path, strlen(path)));
}

int
vfs_fail(Err *e, const char *doing, const char *path)
{
    err_set(e, SOHO_IO, "cannot %s: %s", doing, strerror(errno));
    return named(e, path);
}

/* Reads exactly n bytes; the caller puts the file's name before an error. */
static int
read_part(Err *e, int fd, u8 *to, u64 n, u64 offset)
{
    u64 done = 0;

    while (done < n) {
        i64 got = vfs->pread(fd, to + done, n - done, offset + done);

        if (got < 0 && errno == EINTR)
            continue;
        FAIL_IF(got < 0, e, SOHO_IO, "cannot read at %llu: %s",
                (unsigned long long)(offset + done), strerror(errno));
        FAIL_IF(got == 0, e, SOHO_BAD, "truncated at %llu, need %llu bytes",
                (unsigned long long)(offset + done),
                (unsigned long long)(offset + n));
        done += (u64)got;
    }
    return 0;
}

int
vfs_read_at(Err *e, int fd, const char *path, void *to, u64 n, u64 offset)
{
    return read_part(e, fd, to, n, offset) ? named(e, path) : 0;
}

/* The part of vfs_read_into between open and close. */
static int
read_whole(Err *e, int fd, u64 limit, Buffer *to, u64 *bytes)
{
    i64 size = vfs->size(fd);

    FAIL_IF(size < 0, e, SOHO_IO, "not a regular file");
    FAIL_IF((u64)size > limit, e, SOHO_BAD,
            "%lld bytes, more than the limit of %llu", (long long)size,
            (unsigned long long)limit);
    TRY(buffer_reserve(e, to, (u64)size + 1, "what it holds"));
    TRY(read_part(e, fd, to->at, (u64)size, 0));
    to->at[size] = 0;
    *bytes = (u64)size;
    return 0;
}

int
vfs_read_into(Err *e, const char *path, u64 limit, Buffer *to, u64 *bytes)
{
    int code, fd = vfs->open(path, O_RDONLY, 0);

    if (fd < 0)
        return vfs_fail(e, "open", path);
    code = read_whole(e, fd, limit, to, bytes);
    vfs->close(fd);
    return code ? named(e, path) : 0;
}

int
vfs_read_file(Err *e, const char *path, u64 limit, u8 **data, u64 *bytes)
{
    Buffer to = {NULL, 0};

    if (vfs_read_into(e, path, limit, &to, bytes)) {
        buffer_free(&to);
        return e->code;
    }
    *data = to.at;
    return 0;
}

int
vfs_write_all(Err *e, int fd, const char *path, const void *from, u64 n)
{
    u64 done = 0;

    while (done < n) {
        i64 put = vfs->write(fd, (const u8 *)from + done, n - done);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return vfs_fail(e, "write", path);
        done += (u64)put;
    }
    return 0;
}

int
vfs_sync_dir(Err *e, const char *path)
{
    int bad, fd = vfs->open(path, O_RDONLY | O_DIRECTORY, 0);

    if (fd < 0)
        return vfs_fail(e, "open folder", path);
    /* EINVAL: a file system that does not know fsync of folders. */
    bad = vfs->fsync(fd) && errno != EINVAL;
    if (bad)
        vfs_fail(e, "sync folder", path);
    vfs->close(fd);
    return bad ? e->code : 0;
}

int
vfs_remove_dir(Err *e, const char *path)
{
    int fd = vfs->open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    DIR *dir;
    struct dirent *entry;
    char file[PATH_MAX];

    if (fd < 0)
        return vfs_fail(e, "open folder", path);
    dir = fdopendir(fd);
    if (!dir) {
        vfs_fail(e, "read folder", path);
        vfs->close(fd);
        return e->code;
    }
    while (!e->code && (entry = readdir(dir))) {
        const char *name = entry->d_name;

        if (!strcmp(name, ".") || !strcmp(name, ".."))
            continue;
        if (snprintf(file, sizeof file, "%s/%s", path, name) >=
            (int)sizeof file)
            err_set(e, SOHO_IO, "%.64s...: path too long", path);
        else if (vfs->unlink(file))
            vfs_fail(e, "remove", file);
    }
    closedir(dir);
    if (!e->code && vfs->rmdir(path))
        vfs_fail(e, "remove folder", path);
    return e->code;
}
