/* zip.c - members of a zip archive, the files below a folder, or those that an
 * index file speaks of.
 *
 * In: a path.  Out: members whole in memory, checked against their CRC.
 * Several threads may read at once, but they wait for each other: libzip's
 * handles serve one thread each, and each holds the whole directory, some 330
 * bytes a member.  Reading a picture takes little time beside decoding it. */
#include "runtime/data/data.h"
#include "runtime/data/list.h"
#include "runtime/data/zip_index.h"
#include "runtime/data/zip_own.h"
#include "runtime/random.h"
#include "runtime/vfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

struct Zip {
    char *path;      /* cleaned, for messages */
    char *root;      /* a folder's absolute path, else NULL */
    ZipIndex *index; /* of an index file, else NULL */
    int fd;          /* an archive's */
    u64 bytes;
    u64 at;            /* where libzip's source stands in the file */
    zip_error_t error; /* of the source */
    zip_t *handle;     /* an archive's */
    const char **name; /* in the order of the central directory */
    Pool names;        /* those that libzip does not have as they are here */
    u64 count;
    u64 largest;          /* bytes of a member, of those that are read */
    pthread_mutex_t lock; /* of the handle */
};

/* ------------------------------------------- libzip reads through the vfs */

static i64
source_read(Zip *z, void *to, u64 n)
{
    i64 got;

    do
        got = vfs->pread(z->fd, to, n, z->at);
    while (got < 0 && errno == EINTR);
    if (got < 0) {
        zip_error_set(&z->error, ZIP_ER_READ, errno);
        return -1;
    }
    z->at += (u64)got;
    return got;
}

static i64
source_stat(Zip *z, zip_stat_t *stat)
{
    zip_stat_init(stat);
    stat->size = z->bytes;
    stat->valid |= ZIP_STAT_SIZE;
    return sizeof *stat;
}

static i64
source_seek(Zip *z, void *data, u64 n)
{
    i64 to =
        zip_source_seek_compute_offset(z->at, z->bytes, data, n, &z->error);

    if (to < 0)
        return -1;
    z->at = (u64)to;
    return 0;
}

static zip_int64_t
source(void *user, void *data, zip_uint64_t n, zip_source_cmd_t command)
{
    Zip *z = user;

    switch (command) {
    case ZIP_SOURCE_OPEN:
        z->at = 0;
        return 0;
    case ZIP_SOURCE_READ:
        return source_read(z, data, n);
    case ZIP_SOURCE_SEEK:
        return source_seek(z, data, n);
    case ZIP_SOURCE_TELL:
        return (i64)z->at;
    case ZIP_SOURCE_STAT:
        return source_stat(z, data);
    case ZIP_SOURCE_ERROR:
        return zip_error_to_data(&z->error, data, n);
    case ZIP_SOURCE_CLOSE:
    case ZIP_SOURCE_FREE:
        return 0;
    case ZIP_SOURCE_SUPPORTS:
        return zip_source_make_command_bitmap(
            ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL,
            ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR, ZIP_SOURCE_CLOSE,
            ZIP_SOURCE_FREE, -1);
    default:
        zip_error_set(&z->error, ZIP_ER_OPNOTSUPP, 0);
        return -1;
    }
}

/* ----------------------------------------------------------------- handle */

/* libzip's codes for what is not the archive's fault. */
static int
code_of(const zip_error_t *error)
{
    switch (zip_error_code_zip(error)) {
    case ZIP_ER_MEMORY:
        return SOHO_MEMORY;
    case ZIP_ER_READ:
        return SOHO_IO;
    default:
        return SOHO_BAD;
    }
}

static int
open_handle(Err *e, Zip *zip)
{
    zip_source_t *from;
    zip_error_t error;

    zip_error_init(&error);
    from = zip_source_function_create(source, zip, &error);
    if (from)
        zip->handle = zip_open_from_source(from, ZIP_RDONLY, &error);
    if (!zip->handle) {
        err_set(e, code_of(&error),
                "%s: not a zip archive that can be read: %s", zip->path,
                zip_error_strerror(&error));
        zip_source_free(from);
    }
    zip_error_fini(&error);
    return e->code;
}

/* ---------------------------------------------------------------- opening */

/* Why a member is not read, or NULL.  Only what zips of pictures need is
 * let through to libzip's many decompressors. */
static const char *
refusal(const zip_stat_t *stat)
{
    if (!(stat->valid & ZIP_STAT_SIZE) ||
        !(stat->valid & ZIP_STAT_COMP_METHOD) ||
        !(stat->valid & ZIP_STAT_ENCRYPTION_METHOD))
        return "its size or method is unknown";
    if (stat->encryption_method != ZIP_EM_NONE)
        return "it is encrypted; pack it again without a password";
    if (stat->comp_method != ZIP_CM_STORE &&
        stat->comp_method != ZIP_CM_DEFLATE && stat->comp_method != ZIP_CM_LZMA)
        return "only members that are stored, deflated or packed by LZMA are "
               "read; pack it again";
    if (stat->size > ZIP_MAX_MEMBER)
        return "it is larger than 256 MiB";
    return NULL;
}

/* A name as others get it, which lives as long as the archive is open. */
static const char *
keep_name(Err *e, Zip *zip, const char *raw, const char *name)
{
    char *copy;

    if (!strcmp(raw, name))
        return raw; /* libzip's own */
    copy = cp437_to_utf8(raw);
    if (!copy)
        err_set(e, SOHO_MEMORY, "%s: no memory for names", zip->path);
    else if (strlen(copy) >= POOL_BLOCK)
        err_set(e, SOHO_BAD, "%s: a name of %zu bytes", zip->path,
                strlen(copy));
    else
        name = pool_text(e, &zip->names, copy);
    free(copy);
    return e->code ? NULL : name;
}

/* Lists all names, so that they can be asked for without the lock. */
static int
list_names(Err *e, Zip *zip, zip_t *from)
{
    u64 count = (u64)zip_get_num_entries(from, 0);

    zip->name = calloc(count + 1, sizeof *zip->name);
    FAIL_IF(!zip->name, e, SOHO_MEMORY, "%s: no memory for %llu names",
            zip->path, (unsigned long long)count);
    for (; zip->count < count; zip->count++) {
        u64 i = zip->count;
        const char *raw = zip_get_name(from, i, ZIP_FL_ENC_RAW);
        const char *name = zip_get_name(from, i, ZIP_FL_ENC_STRICT);

        FAIL_IF(!raw || !name || !name[0], e, SOHO_BAD,
                "%s: member %llu has no name", zip->path,
                (unsigned long long)i);
        zip->name[i] = keep_name(e, zip, raw, name);
        TRY(e->code);
    }
    return 0;
}

/* What zip_largest answers. */
static void
measure(Zip *zip, zip_t *from)
{
    zip_stat_t stat;

    for (u64 i = 0; i < zip->count; i++)
        if (!zip_stat_index(from, i, 0, &stat) && !refusal(&stat) &&
            stat.size > zip->largest)
            zip->largest = stat.size;
}

static int
open_archive(Err *e, Zip *zip, const char *path)
{
    i64 size;

    zip->fd = vfs->open(path, O_RDONLY, 0);
    FAIL_IF(zip->fd < 0, e, SOHO_IO, "%s: cannot open: %s", zip->path,
            strerror(errno));
    size = vfs->size(zip->fd);
    FAIL_IF(size < 0, e, SOHO_IO, "%s: neither a regular file nor a folder",
            zip->path);
    FAIL_IF(size == 0, e, SOHO_BAD, "%s: empty file, need a zip archive",
            zip->path);
    zip->bytes = (u64)size;
    TRY(open_handle(e, zip));
    TRY(list_names(e, zip, zip->handle));
    measure(zip, zip->handle);
    return 0;
}

/* Opening it as a folder tells whether it is one. */
static int
is_folder(const char *path)
{
    int fd = vfs->open(path, O_RDONLY | O_DIRECTORY, 0);

    if (fd >= 0)
        vfs->close(fd);
    return fd >= 0;
}

static int
open_folder(Err *e, Zip *zip, const char *path)
{
    zip->root = realpath(path, NULL);
    FAIL_IF(!zip->root, e, SOHO_IO, "%s: cannot open folder: %s", zip->path,
            strerror(errno));
    return 0;
}

int
zip_open_at(Err *e, const char *path, Zip **to)
{
    char clean[512];
    Zip *zip = calloc(1, sizeof *zip);

    FAIL_IF(!zip, e, SOHO_MEMORY, "%s: no memory to open it", path);
    zip->fd = -1;
    zip_error_init(&zip->error);
    pthread_mutex_init(&zip->lock, NULL);
    zip->path = strdup(err_clean(clean, sizeof clean, path, strlen(path)));
    if (!zip->path)
        err_set(e, SOHO_MEMORY, "no memory to open an archive");
    else if (is_folder(path))
        open_folder(e, zip, path);
    else if (zip_index_is(path))
        zip_index_open(e, path, &zip->index);
    else
        open_archive(e, zip, path);
    if (e->code) {
        zip_close_at(zip);
        return e->code;
    }
    *to = zip;
    return 0;
}

void
zip_close_at(Zip *zip)
{
    if (!zip)
        return;
    if (zip->handle)
        zip_discard(zip->handle);
    zip_index_close(zip->index);
    zip_error_fini(&zip->error);
    pool_free(&zip->names);
    if (zip->fd >= 0)
        vfs->close(zip->fd);
    pthread_mutex_destroy(&zip->lock);
    free(zip->name);
    free(zip->path);
    free(zip->root);
    free(zip);
}

u64
zip_largest(const Zip *zip)
{
    return zip->index ? zip_index_largest(zip->index) : zip->largest;
}

u64
zip_count(const Zip *zip)
{
    return zip->index ? zip_index_count(zip->index) : zip->count;
}

const char *
zip_name(const Zip *zip, u64 i)
{
    if (zip->index)
        return zip_index_name(zip->index, i);
    return i < zip->count ? zip->name[i] : NULL;
}

void
zip_prefix(const char *path, char prefix[ZIP_PREFIX])
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    u64 n = strlen(name);

    prefix[0] = 0;
    if (n > 4 && !strcmp(name + n - 4, ".zip") && !strstr(name, "images"))
        snprintf(prefix, ZIP_PREFIX, "%.*s", (int)n - 4, name);
}

/* ---------------------------------------------------------------- reading */

/* Reads exactly `size` bytes and makes sure that no more follow; libzip
 * compares the CRC when it meets the end. */
static int
read_open(Err *e, zip_file_t *file, u8 *to, u64 size)
{
    u64 done = 0;

    for (;;) {
        u8 beyond;
        i64 got = done < size ? zip_fread(file, to + done, size - done)
                              : zip_fread(file, &beyond, 1);
        zip_error_t *error = zip_file_get_error(file);

        FAIL_IF(got < 0, e, code_of(error), "%s", zip_error_strerror(error));
        if (got == 0)
            break;
        FAIL_IF(done == size, e, SOHO_BAD, "more than the %llu bytes it states",
                (unsigned long long)size);
        done += (u64)got;
    }
    FAIL_IF(done < size, e, SOHO_BAD, "truncated at %llu of %llu bytes",
            (unsigned long long)done, (unsigned long long)size);
    return 0;
}

static i64
read_packed(Err *e, void *file, void *to, u64 n)
{
    i64 got = zip_fread(file, to, n);
    zip_error_t *error = zip_file_get_error(file);

    if (got < 0)
        err_set(e, code_of(error), "%s", zip_error_strerror(error));
    return got;
}

/* libzip of Debian 12 is made without LZMA. */
static int
read_lzma(Err *e, zip_file_t *file, u8 *to, const zip_stat_t *stat)
{
    TRY(unlzma(e, read_packed, file, to, stat->size));
    FAIL_IF((stat->valid & ZIP_STAT_CRC) &&
                random_crc32(0, to, stat->size) != stat->crc,
            e, SOHO_BAD, "CRC error");
    return 0;
}

/* Messages begin with the fault; the caller puts the names before it. */
static int
read_index(Err *e, zip_t *zip, u64 i, Buffer *to, u64 *bytes)
{
    zip_stat_t stat;
    zip_file_t *file;
    int lzma;

    FAIL_IF(zip_stat_index(zip, i, 0, &stat), e, SOHO_BAD, "%s",
            zip_error_strerror(zip_get_error(zip)));
    FAIL_IF(refusal(&stat), e, SOHO_BAD, "%s", refusal(&stat));
    TRY(buffer_reserve(e, to, stat.size + 1, "what it holds"));
    lzma = stat.comp_method == ZIP_CM_LZMA;
    file = zip_fopen_index(zip, i, lzma ? ZIP_FL_COMPRESSED : 0);
    FAIL_IF(!file, e, code_of(zip_get_error(zip)), "%s",
            zip_error_strerror(zip_get_error(zip)));
    if (lzma)
        read_lzma(e, file, to->at, &stat);
    else
        read_open(e, file, to->at, stat.size);
    zip_fclose(file);
    to->at[stat.size] = 0;
    *bytes = stat.size;
    return e->code;
}

/* A reader's error, or its memory handed to a caller who frees it. */
static int
hand_over(const Err *e, Buffer *from, u8 **data)
{
    if (e->code)
        buffer_free(from);
    else
        *data = from->at;
    return e->code;
}

int
zip_read_index(Err *e, Zip *zip, u64 i, u8 **data, u64 *bytes)
{
    char clean[256];
    Buffer to = {NULL, 0};

    FAIL_IF(i >= zip_count(zip), e, SOHO_BAD, "%s: has no member %llu",
            zip->path, (unsigned long long)i);
    if (zip->index)
        return zip_read(e, zip, zip_name(zip, i), data, bytes);
    pthread_mutex_lock(&zip->lock);
    if (read_index(e, zip->handle, i, &to, bytes))
        err_at(
            e, "%s: member %s", zip->path,
            err_clean(clean, sizeof clean, zip->name[i], strlen(zip->name[i])));
    pthread_mutex_unlock(&zip->lock);
    return hand_over(e, &to, data);
}

int
zip_name_is_plain(const char *name)
{
    if (!name[0] || name[0] == '/' || strchr(name, '\\'))
        return 0;
    for (const char *part = name; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (!strncmp(part, "..", 2) && (part[2] == '/' || !part[2]))
            return 0;
    }
    return 1;
}

/* A link may lead to another file of the folder, not out of it. */
static int
read_below(Err *e, const Zip *zip, const char *member, const char *clean,
           Buffer *to, u64 *bytes)
{
    char path[PATH_MAX], real[PATH_MAX];
    u64 root = strlen(zip->root);

    if (root == 1) /* "/" */
        root = 0;
    FAIL_IF(root + strlen(member) + 2 > sizeof path, e, SOHO_BAD,
            "%s: the name %s is too long", zip->path, clean);
    memcpy(path, zip->root, root);
    path[root] = '/';
    strcpy(path + root + 1, member);
    FAIL_IF(!realpath(path, real), e, SOHO_IO, "%s/%s: cannot open: %s",
            zip->path, clean, strerror(errno));
    FAIL_IF(strncmp(real, zip->root, root) || real[root] != '/', e, SOHO_BAD,
            "%s/%s: a link that leads out of the folder; put the file itself "
            "there, or name the folder that it lies in",
            zip->path, clean);
    return vfs_read_into(e, real, ZIP_MAX_MEMBER, to, bytes);
}

/* The member that the index file speaks of. */
static int
read_indexed(Err *e, const Zip *zip, const char *file, Buffer *to, u64 *bytes)
{
    char member[PATH_MAX];
    Zip *part;

    TRY(zip_index_find(e, zip->index, file, &part, member, sizeof member));
    return zip_read_into(e, part, member, to, bytes);
}

int
zip_read_into(Err *e, Zip *zip, const char *member, Buffer *to, u64 *bytes)
{
    char clean[256];
    i64 i;

    if (zip->index)
        return read_indexed(e, zip, member, to, bytes);

    err_clean(clean, sizeof clean, member, strlen(member));
    FAIL_IF(!zip_name_is_plain(member), e, SOHO_BAD,
            "%s: the name \"%s\" is refused: it must be relative, without "
            "\"..\" and backslashes",
            zip->path, clean);
    if (zip->root)
        return read_below(e, zip, member, clean, to, bytes);
    pthread_mutex_lock(&zip->lock);
    i = zip_name_locate(zip->handle, member, 0);
    if (i < 0)
        err_set(e, SOHO_IO, "%s: has no member %s", zip->path, clean);
    else if (read_index(e, zip->handle, (u64)i, to, bytes))
        err_at(e, "%s: member %s", zip->path, clean);
    pthread_mutex_unlock(&zip->lock);
    return e->code;
}

int
zip_read(Err *e, Zip *zip, const char *member, u8 **data, u64 *bytes)
{
    Buffer to = {NULL, 0};

    zip_read_into(e, zip, member, &to, bytes);
    return hand_over(e, &to, data);
}
