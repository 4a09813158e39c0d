/* replace.c - the one way in which files are written.
 *
 * In: bytes, or what is printed to a FILE.  Out: the whole file under its name,
 * or the old one: path.tmp, fsync, rename, fsync of the folder. */
#include "runtime/replace.h"

#include <fcntl.h>
#include <string.h>

#include "runtime/vfs.h"

enum { ROOM = 1 << 16 };

int
replace_open(Err *e, Replace *r, const char *path)
{
    *r = (Replace){.e = e, .path = path, .fd = -1};
    FAIL_IF(snprintf(r->fresh, sizeof r->fresh, "%s.tmp", path) >=
                (int)sizeof r->fresh,
            e, SOHO_IO, "%.64s...: path of more than %d bytes", path,
            PATH_MAX - 5);
    r->fd =
        vfs->open(r->fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0666);
    return r->fd < 0 ? vfs_fail(e, "create", r->fresh) : 0;
}

int
replace_put(Replace *r, const void *data, u64 bytes)
{
    return vfs_write_all(r->e, r->fd, r->fresh, data, bytes);
}

static ssize_t
put_printed(void *context, const char *data, size_t n)
{
    return replace_put(context, data, n) ? 0 : (ssize_t)n;
}

FILE *
replace_stream(Err *e, Replace *r, const char *path)
{
    const cookie_io_functions_t io = {.write = put_printed};

    if (replace_open(e, r, path))
        return NULL;
    r->out = fopencookie(r, "w", io);
    if (!r->out || setvbuf(r->out, NULL, _IOFBF, ROOM)) {
        err_set(e, SOHO_MEMORY, "%s: no memory to write it", path);
        replace_close(r);
        return NULL;
    }
    return r->out;
}

/* Gives the new file its name, or removes it where an error is set; `fresh` is
 * used up. */
static int
settle(Err *e, char *fresh, const char *path)
{
    char *slash;

    if (!e->code && vfs->rename(fresh, path))
        vfs_fail(e, "rename to", path);
    if (e->code) {
        vfs->unlink(fresh);
        return e->code;
    }
    slash = strrchr(fresh, '/');
    if (!slash)
        return vfs_sync_dir(e, ".");
    slash[slash == fresh] = 0; /* "/file" lies in "/" */
    return vfs_sync_dir(e, fresh);
}

int
replace_close(Replace *r)
{
    Err *e = r->e;

    if (r->out && fclose(r->out) && !e->code)
        err_set(e, SOHO_IO, "%s: cannot write", r->fresh);
    if (!e->code && vfs->fsync(r->fd))
        vfs_fail(e, "sync", r->fresh);
    if (vfs->close(r->fd) && !e->code)
        vfs_fail(e, "close", r->fresh);
    return settle(e, r->fresh, r->path);
}

int
replace_file(Err *e, const char *path, const void *data, u64 bytes)
{
    Replace r;

    TRY(replace_open(e, &r, path));
    replace_put(&r, data, bytes);
    return replace_close(&r);
}
