/* safetensors.c - reads and writes safetensors files.
 *
 *   file   = n (8 bytes, little-endian), header (n bytes of JSON), data
 *   header = {"name": {"dtype": "F32", "shape": [..], "data_offsets": [a, b]},
 *             "__metadata__": {"key": "value"}}
 *
 * In: files from anybody.  Out: rows whose ranges lie inside the file, cover
 * the data without a hole or an overlap, and have unique names; or SOHO_BAD.
 * Nothing larger than the header is read before a tensor is asked for. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/data/data.h"
#include "runtime/quote.h"
#include "runtime/run.h"
#include "runtime/vfs.h"

#define HEADER_MAX ((u64)100 << 20)
enum { MAX_RANK = countof(((TensorRow *)0)->dim) };

/* Types of the format; those that a plan can hold come first, as DT_*. */
static const struct {
    const char *name;
    u32 bytes;
} dtype_row[] = {
    [DT_u8] = {"U8", 1},
    [DT_i32] = {"I32", 4},
    [DT_f32] = {"F32", 4},
    {"BOOL", 1},
    {"I8", 1},
    {"F8_E5M2", 1},
    {"F8_E4M3", 1},
    {"I16", 2},
    {"U16", 2},
    {"F16", 2},
    {"BF16", 2},
    {"U32", 4},
    {"F64", 8},
    {"I64", 8},
    {"U64", 8},
    {"C64", 8},
};

struct Tensors {
    int fd;
    char *path;
    u64 bytes, data; /* of the file; where the data begin */
    TensorRow *row;  /* sorted by name */
    u32 n, room;
    char *names; /* all names, one after the other */
    u64 used;
    const char *meta; /* among them: key, value, key, value ... */
    u32 nmeta;
};

/* SOHO_IO with errno's reason; `doing` is a verb. */
static int
fail(Err *e, const char *doing, const char *path)
{
    return err_set(e, SOHO_IO, "%s: cannot %s: %s", path, doing,
                   strerror(errno));
}

const char *
tensors_dtype(const TensorRow *row)
{
    return dtype_row[row->dtype].name;
}

/* ----------------------------------------------------------------- header */

static int
read_dtype(Json *j, u32 *dtype)
{
    char name[16], shown[64];
    u64 n, at = json_at(j);

    TRY(json_string(j, name, sizeof name, &n));
    for (u32 i = 0; i < countof(dtype_row); i++)
        if (json_is(name, n, dtype_row[i].name)) {
            *dtype = i;
            return 0;
        }
    return json_bad(j, at, "unknown dtype '%s'",
                    err_clean(shown, sizeof shown, name, n));
}

static int
read_shape(Json *j, TensorRow *row)
{
    int more;

    TRY(json_array(j));
    row->rank = 0;
    while (!json_next(j, &more) && more) {
        if (row->rank == MAX_RANK)
            return json_bad(j, json_at(j), "more than %d dimensions", MAX_RANK);
        TRY(json_integer(j, 0, INT64_MAX, &row->dim[row->rank++]));
    }
    return j->err->code;
}

static int
read_offsets(Json *j, u64 *begin, u64 *end)
{
    i64 at[2] = {0, 0};
    u32 n = 0;
    int more;

    TRY(json_array(j));
    while (!json_next(j, &more) && more) {
        if (n == 2)
            return json_bad(j, json_at(j), "more than 2 data_offsets");
        TRY(json_integer(j, 0, INT64_MAX, &at[n++]));
    }
    TRY(j->err->code);
    if (n != 2)
        return json_bad(j, json_at(j), "data_offsets has %u numbers, not 2", n);
    if (at[0] > at[1])
        return json_bad(j, json_at(j),
                        "data_offsets end at %" PRId64 " before %" PRId64,
                        at[1], at[0]);
    *begin = (u64)at[0];
    *end = (u64)at[1];
    return 0;
}

/* The bytes of a shape, UINT64_MAX if they are more than 64 bits hold. */
static u64
shape_bytes(const TensorRow *row)
{
    u64 bytes = dtype_row[row->dtype].bytes;

    for (u32 i = 0; i < row->rank; i++)
        if (__builtin_mul_overflow(bytes, (u64)row->dim[i], &bytes))
            return UINT64_MAX;
    return bytes;
}

/* {"dtype": .., "shape": .., "data_offsets": ..}, each once, in any order. */
static int
read_entry(Json *j, TensorRow *row)
{
    static const char *const field[] = {"dtype", "shape", "data_offsets"};
    u64 n, end = 0, place = json_at(j);
    u32 seen = 0;
    char key[64];
    int more;

    TRY(json_object(j));
    while (!json_next(j, &more) && more) {
        u64 at = json_at(j);
        u32 k = 0;

        TRY(json_key_text(j, key, sizeof key, &n));
        while (k < 3 && !json_is(key, n, field[k]))
            k++;
        if (k < 3 && seen & 1u << k)
            return json_bad(j, at, "a second '%s'", field[k]);
        seen |= 1u << k;
        TRY(k == 0   ? read_dtype(j, &row->dtype)
            : k == 1 ? read_shape(j, row)
            : k == 2 ? read_offsets(j, &row->offset, &end)
                     : json_skip(j));
    }
    TRY(j->err->code);
    for (u32 k = 0; k < 3; k++)
        if (!(seen & 1u << k))
            return json_bad(j, place, "a tensor without '%s'", field[k]);
    row->bytes = end - row->offset;
    if (row->bytes != shape_bytes(row))
        return json_bad(j, place,
                        "%" PRIu64 " bytes do not fit its shape and dtype %s",
                        row->bytes, tensors_dtype(row));
    return 0;
}

/* {"key": "value"}: kept among the names, one after the other. */
static int
read_metadata(Json *j, Tensors *t)
{
    int more;
    u64 n;

    TRY(json_object(j));
    t->meta = t->names + t->used;
    while (!json_next(j, &more) && more) {
        TRY(json_key(j, t->names + t->used, j->bytes + 1 - t->used));
        t->used += strlen(t->names + t->used) + 1;
        TRY(json_string(j, t->names + t->used, j->bytes + 1 - t->used, &n));
        t->used += strlen(t->names + t->used) + 1;
        t->nmeta++;
    }
    return j->err->code;
}

static int
add_row(Err *e, Tensors *t, TensorRow **row)
{
    if (t->n == t->room) {
        u32 room = t->room ? t->room * 2 : 256;
        TensorRow *more = realloc(t->row, room * sizeof *more);

        FAIL_IF(!more, e, SOHO_MEMORY, "%s: no memory for %u tensors", t->path,
                room);
        t->row = more;
        t->room = room;
    }
    *row = &t->row[t->n++];
    return 0;
}

/* All entries; names are kept in one block as long as the header. */
static int
read_entries(Err *e, Tensors *t, const u8 *text, u64 bytes)
{
    Json j;
    int more, metadata = 0;

    json_start(&j, e, t->path, text, bytes);
    TRY(json_object(&j));
    while (!json_next(&j, &more) && more) {
        char *name = t->names + t->used;
        u64 at = json_at(&j);
        TensorRow *row = NULL;

        TRY(json_key(&j, name, bytes + 1 - t->used));
        if (!strcmp(name, "__metadata__")) {
            if (metadata++)
                return json_bad(&j, at, "a second __metadata__");
            TRY(read_metadata(&j, t));
            continue;
        }
        t->used += strlen(name) + 1;
        TRY(add_row(e, t, &row));
        row->name = name;
        TRY(read_entry(&j, row));
    }
    TRY(e->code);
    return json_end(&j);
}

/* ---------------------------------------------------- rows among each other */

static int
by_place(const void *a, const void *b)
{
    const TensorRow *x = a, *y = b;

    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(((const TensorRow *)a)->name, ((const TensorRow *)b)->name);
}

static char *
shown_name(const TensorRow *row, char shown[128])
{
    return err_clean(shown, 128, row->name, strlen(row->name));
}

/* The ranges follow each other from the header to the end of the file. */
static int
check_cover(Err *e, Tensors *t)
{
    u64 end = 0, room = t->bytes - t->data;
    char shown[128];

    qsort(t->row, t->n, sizeof *t->row, by_place);
    for (u32 i = 0; i < t->n; i++) {
        TensorRow *row = &t->row[i];

        FAIL_IF(row->offset != end, e, SOHO_BAD,
                "%s: tensor %s begins at byte %" PRIu64 " of the data, %s: "
                "expected %" PRIu64,
                t->path, shown_name(row, shown), row->offset,
                row->offset < end ? "over another one" : "after a hole", end);
        end += row->bytes;
        FAIL_IF(end > room, e, SOHO_BAD,
                "%s: truncated at %" PRIu64 ", need %" PRIu64
                " bytes for tensor %s",
                t->path, t->bytes, t->data + end, shown_name(row, shown));
        row->offset += t->data;
    }
    FAIL_IF(end != room, e, SOHO_BAD,
            "%s: %" PRIu64 " bytes follow the last tensor at %" PRIu64, t->path,
            room - end, t->data + end);
    return 0;
}

static int
check_rows(Err *e, Tensors *t)
{
    char shown[128];

    if (!t->n)
        FAIL_IF(t->bytes != t->data, e, SOHO_BAD,
                "%s: %" PRIu64 " bytes follow an empty header", t->path,
                t->bytes - t->data);
    if (!t->n)
        return 0;
    TRY(check_cover(e, t));
    qsort(t->row, t->n, sizeof *t->row, by_name);
    for (u32 i = 1; i < t->n; i++)
        FAIL_IF(!by_name(&t->row[i - 1], &t->row[i]), e, SOHO_BAD,
                "%s: two tensors have the name %s", t->path,
                shown_name(&t->row[i], shown));
    return 0;
}

/* ---------------------------------------------------------------- the file */

/* What a file that is no safetensors file probably is. */
static const char *
guess(const u8 head[8])
{
    if (!memcmp(head, "version ", 8))
        return ": it is a git-lfs pointer, fetch the real file";
    if (!memcmp(head, "PK\3\4", 4))
        return ": it is a zip archive (.pth), convert it first";
    return "";
}

static int
read_length(Err *e, Tensors *t, u64 *length)
{
    u8 head[8];

    FAIL_IF(t->bytes < sizeof head, e, SOHO_BAD,
            "%s: truncated at %" PRIu64 ", need 8 bytes", t->path, t->bytes);
    TRY(vfs_read_at(e, t->fd, t->path, head, sizeof head, 0));
    *length = 0;
    for (int i = 7; i >= 0; i--)
        *length = *length << 8 | head[i];
    FAIL_IF(*length > HEADER_MAX, e, SOHO_BAD,
            "%s: byte 0: header of %" PRIu64 " bytes, at most %" PRIu64
            " are allowed%s",
            t->path, *length, HEADER_MAX, guess(head));
    FAIL_IF(*length > t->bytes - sizeof head, e, SOHO_BAD,
            "%s: truncated at %" PRIu64 ", need %" PRIu64 " bytes%s", t->path,
            t->bytes, *length + sizeof head, guess(head));
    t->data = *length + sizeof head;
    return 0;
}

static int
read_header(Err *e, Tensors *t)
{
    u64 length = 0;
    u8 *text;
    int code;

    TRY(read_length(e, t, &length));
    text = malloc(length + 1);
    t->names = malloc(length + 1);
    if (!text || !t->names)
        code = err_set(e, SOHO_MEMORY,
                       "%s: no memory for its header of %" PRIu64 " bytes",
                       t->path, length);
    else
        code = vfs_read_at(e, t->fd, t->path, text, length, 8);
    if (!code && (length < 2 || text[0] != '{'))
        code = err_set(e, SOHO_BAD, "%s: byte 8: the header begins not with {",
                       t->path);
    if (!code)
        code = read_entries(e, t, text, length);
    free(text);
    return code;
}

int
tensors_open(Err *e, const char *path, Tensors **file)
{
    Tensors *t = calloc(1, sizeof *t);
    i64 size;

    *file = NULL;
    FAIL_IF(!t, e, SOHO_MEMORY, "%s: no memory", path);
    t->path = strdup(path);
    t->fd = t->path ? vfs->open(path, O_RDONLY, 0) : -1;
    size = t->fd < 0 ? -1 : vfs->size(t->fd);
    if (!t->path)
        err_set(e, SOHO_MEMORY, "%s: no memory", path);
    else if (t->fd < 0)
        fail(e, "open", path);
    else if (size < 0)
        err_set(e, SOHO_IO, "%s: not a regular file", path);
    t->bytes = (u64)size;
    if (e->code || read_header(e, t) || check_rows(e, t)) {
        tensors_close(t);
        return e->code;
    }
    *file = t;
    return 0;
}

void
tensors_close(Tensors *file)
{
    if (!file)
        return;
    if (file->fd >= 0)
        vfs->close(file->fd);
    free(file->path);
    free(file->row);
    free(file->names);
    free(file);
}

u32
tensors_count(const Tensors *file)
{
    return file->n;
}

const TensorRow *
tensors_row(const Tensors *file, u32 i)
{
    return &file->row[i];
}

const TensorRow *
tensors_find(const Tensors *file, const char *name)
{
    TensorRow key = {.name = name};

    return file->n ? bsearch(&key, file->row, file->n, sizeof key, by_name)
                   : NULL;
}

const char *
tensors_meta(const Tensors *file, const char *key)
{
    const char *at = file->meta;

    for (u32 i = 0; i < file->nmeta; i++) {
        const char *value = at + strlen(at) + 1;

        if (!strcmp(at, key))
            return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
}

int
tensors_read(Err *e, Tensors *file, const TensorRow *row, void *to)
{
    return vfs_read_at(e, file->fd, file->path, to, row->bytes, row->offset);
}

/* ----------------------------------------------------------------- writing */

static u64
out_bytes(const TensorOut *row)
{
    u64 bytes = dtype_bytes(row->dtype);

    for (u32 i = 0; i < row->rank; i++)
        bytes *= (u64)row->dim[i];
    return bytes;
}

static void
put_row(FILE *out, const TensorOut *row, u64 begin)
{
    quote_json(out, row->name);
    fprintf(out, ":{\"dtype\":\"%s\",\"shape\":[", dtype_row[row->dtype].name);
    for (u32 i = 0; i < row->rank; i++)
        fprintf(out, i ? ",%" PRId64 : "%" PRId64, row->dim[i]);
    fprintf(out, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", begin,
            begin + out_bytes(row));
}

static void
put_metadata(FILE *out, const char *const *meta)
{
    fputs("\"__metadata__\":{", out);
    for (u32 i = 0; meta[i]; i += 2) {
        if (i)
            fputc(',', out);
        quote_json(out, meta[i]);
        fputc(':', out);
        quote_json(out, meta[i + 1]);
    }
    fputc('}', out);
}

/* Length word and header in one malloc'ed block; its size is a multiple of
 * 8, padded with spaces. */
static char *
make_header(const TensorOut *rows, u32 n, const char *const *meta, size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    const char *comma = "";
    u64 begin = 0, length;

    if (!out)
        return NULL;
    fwrite("\0\0\0\0\0\0\0", 1, 8, out);
    fputc('{', out);
    if (meta) {
        put_metadata(out, meta);
        comma = ",";
    }
    for (u32 i = 0; i < n; i++) {
        fputs(comma, out);
        put_row(out, &rows[i], begin);
        begin += out_bytes(&rows[i]);
        comma = ",";
    }
    fputc('}', out);
    while (ftell(out) % 8)
        fputc(' ', out);
    if (fclose(out)) {
        free(text);
        return NULL;
    }
    length = *size - 8;
    for (u32 i = 0; i < 8; i++)
        text[i] = (char)(length >> 8 * i);
    return text;
}

/* Header and data into the open file, down to the disk. */
static int
write_parts(Err *e, int fd, const char *path, const TensorOut *rows, u32 n,
            const char *const *meta)
{
    size_t size;
    char *header = make_header(rows, n, meta, &size);

    FAIL_IF(!header, e, SOHO_MEMORY, "%s: no memory for its header", path);
    vfs_write_all(e, fd, path, header, size);
    free(header);
    for (u32 i = 0; i < n && !e->code; i++)
        vfs_write_all(e, fd, path, rows[i].data, out_bytes(&rows[i]));
    if (!e->code && vfs->fsync(fd))
        fail(e, "sync", path);
    return e->code;
}

/* Makes the rename last. */
static int
sync_folder_of(Err *e, char *path)
{
    char *slash = strrchr(path, '/');

    if (!slash)
        return vfs_sync_dir(e, ".");
    slash[slash == path] = 0; /* "/file" lies in "/" */
    return vfs_sync_dir(e, path);
}

int
tensors_write(Err *e, const char *path, const TensorOut *rows, u32 n,
              const char *const *meta)
{
    char fresh[PATH_MAX];
    int fd;

    FAIL_IF(snprintf(fresh, sizeof fresh, "%s.tmp", path) >= PATH_MAX, e,
            SOHO_IO, "%.64s...: path of more than %d bytes", path,
            PATH_MAX - 5);
    fd = vfs->open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0666);
    if (fd < 0)
        return fail(e, "create", fresh);
    write_parts(e, fd, fresh, rows, n, meta);
    if (vfs->close(fd) && !e->code)
        fail(e, "close", fresh);
    if (!e->code && vfs->rename(fresh, path))
        fail(e, "rename to", path);
    if (e->code) {
        vfs->unlink(fresh);
        return e->code;
    }
    return sync_folder_of(e, fresh);
}
