/* json_file.c - the text of a JSON file, a piece at a time.
 *
 * In: a path.  Out: text at its own offsets in a range of addresses as long as
 * the file.  Reading on brings the next piece there and gives back the pages
 * that lie behind the reader, so that a file of gigabytes takes a piece or two
 * of memory. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/data/json_own.h"
#include "runtime/vfs.h"

enum { PIECE = 1 << 20 };

static const u64 largest = (u64)1 << 34;

static int
reserve(Json *j, i64 size)
{
    void *text;

    FAIL_IF(size < 0, j->err, SOHO_IO, "%s: not a regular file", j->path);
    FAIL_IF((u64)size > largest, j->err, SOHO_BAD,
            "%s: %lld bytes, more than the limit of %llu", j->path,
            (long long)size, (unsigned long long)largest);
    text = mmap(NULL, (size_t)size + 1, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    FAIL_IF(text == MAP_FAILED, j->err, SOHO_MEMORY,
            "%s: no addresses for %lld bytes", j->path, (long long)size);
    j->text = text;
    j->bytes = (u64)size;
    return 0;
}

int
json_open(Json *j, Err *e, const char *path)
{
    *j = (Json){.path = path, .err = e};
    j->fd = vfs->open(path, O_RDONLY, 0);
    if (j->fd < 0)
        return vfs_fail(e, "open", path);
    j->open = 1;
    TRY(reserve(j, vfs->size(j->fd)));
    json_mark(j);
    return e->code;
}

void
json_close(Json *j)
{
    if (!j->open)
        return;
    if (j->text)
        munmap((void *)j->text, j->bytes + 1);
    vfs->close(j->fd);
    j->open = 0;
}

/* Gives back the whole pages in front of the reader. */
static void
give_back(Json *j)
{
    u64 page = (u64)sysconf(_SC_PAGESIZE);
    u64 keep = j->at / page * page;

    if (keep > j->gone &&
        !madvise((void *)(j->text + j->gone), keep - j->gone, MADV_DONTNEED))
        j->gone = keep;
}

int
json_load(Json *j)
{
    u64 n = (u64)min_i64((i64)(j->bytes - j->ready), PIECE);

    if (!n || j->err->code)
        return 0;
    give_back(j);
    if (vfs_read_at(j->err, j->fd, j->path, (u8 *)j->text + j->ready, n,
                    j->ready))
        return 0;
    j->ready += n;
    return 1;
}

void
json_have(Json *j, u64 n)
{
    while (j->ready - j->at < n && json_load(j))
        ;
}

u64
json_look(const Json *j, u64 at, u8 *to, u64 n)
{
    Err unsaid = {0}; /* there is an error already */

    if (at >= j->bytes)
        return 0;
    n = (u64)min_i64((i64)n, (i64)(j->bytes - at));
    if (at >= j->gone && at + n <= j->ready)
        memcpy(to, j->text + at, n);
    else if (!j->open || vfs_read_at(&unsaid, j->fd, j->path, to, n, at))
        return 0;
    return n;
}
