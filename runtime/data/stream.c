/* stream.c - the text of a large file, in memory only where a reader is.
 *
 * In: a file, and how far its reader is.  Out: its bytes at the addresses they
 * would have if all of it were in memory, so that readers need not know.  A
 * mapped file would do the same, but end the process with a signal when
 * another one cuts the file short. */
#include "runtime/data/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/vfs.h"

enum {
    STREAM_PIECE = 1 << 20, /* bytes of one read */
    STREAM_BEHIND = 1 << 16 /* bytes kept before the reader, for messages */
};

static u64
smaller(u64 a, u64 b)
{
    return a < b ? a : b;
}

static int
reserve(Err *e, u64 limit, Stream *s)
{
    i64 size = vfs->size(s->fd);
    void *at;

    FAIL_IF(size < 0, e, SOHO_IO, "%s: not a regular file", s->path);
    FAIL_IF((u64)size > limit, e, SOHO_BAD,
            "%s: %lld bytes, more than the limit of %llu", s->path,
            (long long)size, (unsigned long long)limit);
    at = mmap(NULL, (u64)size + 1, PROT_READ | PROT_WRITE,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    FAIL_IF(at == MAP_FAILED, e, SOHO_MEMORY, "%s: no addresses for %lld bytes",
            s->path, (long long)size);
    s->text = at;
    s->bytes = (u64)size;
    return 0;
}

int
stream_open(Err *e, const char *path, u64 limit, Stream *s)
{
    *s = (Stream){.path = path, .fd = vfs->open(path, O_RDONLY, 0)};
    FAIL_IF(s->fd < 0, e, SOHO_IO, "%s: cannot open: %s", path,
            strerror(errno));
    return reserve(e, limit, s);
}

void
stream_close(Stream *s)
{
    if (s->text)
        munmap(s->text, s->bytes + 1);
    if (s->fd >= 0)
        vfs->close(s->fd);
    *s = (Stream){.fd = -1};
}

/* Gives the pages of whole pieces before `at` back to the system. */
static void
drop(Stream *s, u64 at)
{
    u64 to = at > STREAM_BEHIND ? at - STREAM_BEHIND : 0;

    to -= to % STREAM_PIECE;
    if (to <= s->dropped)
        return;
    madvise(s->text + s->dropped, to - s->dropped, MADV_DONTNEED);
    s->dropped = to;
}

int
stream_load(Err *e, Stream *s, u64 at)
{
    u64 to = smaller(at + STREAM_AHEAD, s->bytes);

    drop(s, at);
    while (s->loaded < to) {
        u64 n = smaller(STREAM_PIECE, s->bytes - s->loaded);

        TRY(vfs_read_at(e, s->fd, s->path, s->text + s->loaded, n, s->loaded));
        s->loaded += n;
    }
    return 0;
}

u64
stream_line(const Stream *s, u64 at)
{
    u8 piece[1 << 14];
    Err ignored = {0};
    u64 line = 1, n;

    for (u64 done = 0; done < at; done += n) {
        n = smaller(sizeof piece, at - done);
        if (vfs_read_at(&ignored, s->fd, s->path, piece, n, done))
            break;
        for (u64 i = 0; i < n; i++)
            line += piece[i] == '\n';
    }
    return line;
}
