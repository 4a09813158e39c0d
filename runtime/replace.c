/* replace.c - a file that is written anew as a stream.
 *
 * In: what is printed to a FILE.  Out: the whole file under its name, or the
 * old one. */
#include "runtime/replace.h"

#include <fcntl.h>

#include "runtime/vfs.h"

enum { ROOM = 1 << 16 };

static ssize_t
put(void *context, const char *data, size_t n)
{
    Replace *r = context;

    return vfs_write_all(r->e, r->fd, r->fresh, data, n) ? 0 : (ssize_t)n;
}

FILE *
replace_open(Err *e, Replace *r, const char *path)
{
    const cookie_io_functions_t io = {.write = put};

    *r = (Replace){.e = e, .path = path, .fd = -1};
    if (snprintf(r->fresh, sizeof r->fresh, "%s.tmp", path) >=
        (int)sizeof r->fresh) {
        err_set(e, SOHO_IO, "%.64s...: path of more than %d bytes", path,
                PATH_MAX - 5);
        return NULL;
    }
    r->fd =
        vfs->open(r->fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0666);
    if (r->fd < 0) {
        vfs_fail(e, "create", r->fresh);
        return NULL;
    }
    r->out = fopencookie(r, "w", io);
    if (!r->out || setvbuf(r->out, NULL, _IOFBF, ROOM)) {
        err_set(e, SOHO_MEMORY, "%s: no memory to write it", path);
        replace_close(r);
        return NULL;
    }
    return r->out;
}

int
replace_close(Replace *r)
{
    Err *e = r->e;

    if (r->out && fclose(r->out) && !e->code)
        err_set(e, SOHO_IO, "%s: cannot write", r->fresh);
    if (r->fd < 0)
        return e->code;
    if (!e->code && vfs->fsync(r->fd))
        vfs_fail(e, "sync", r->fresh);
    if (vfs->close(r->fd) && !e->code)
        vfs_fail(e, "close", r->fresh);
    r->fd = -1;
    return vfs_settle(e, r->fresh, r->path);
}
