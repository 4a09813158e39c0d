/* safetensors.c - reads and writes safetensors files.
 *
 *   file   = n (8 bytes, little-endian), header (n bytes of JSON), data
 *   header = {"name": {"dtype": "F32", "shape": [..], "data_offsets": [a, b]},
 *             "__metadata__": {"key": "value"}}
 *
 * In: files from anybody.  Out: rows whose ranges lie inside the file, cover
 * the data without a hole or an overlap, and have unique names; or SOHO_BAD.
 * Nothing larger than the header is read before a tensor is asked for. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/data/data.h"
#include "runtime/quote.h"
#include "runtime/replace.h"
#include "runtime/tensors_own.h"
#include "runtime/vfs.h"

#define HEADER_MAX ((u64)100 << 20)
enum { MAX_RANK = TENSOR_RANK };

/* ----------------------------------------------------------------- header */

static int
read_dtype(Json *j, u32 *dtype)
{
    char name[16], shown[64];
    u64 n, at = json_at(j);

    TRY(json_string(j, name, sizeof name, &n));
    for (u32 i = 0; i < TD_COUNT; i++)
        if (json_is(name, n, tensors_dtype(i))) {
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
    if (row->bytes != tensors_shape_bytes(row))
        return json_bad(j, place,
                        "%" PRIu64 " bytes do not fit its shape and dtype %s",
                        row->bytes, tensors_dtype(row->dtype));
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
        TRY(tensors_add(e, t, &row));
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
                t->path, tensors_shown(row, shown), row->offset,
                row->offset < end ? "over another one" : "after a hole", end);
        end += row->bytes;
        FAIL_IF(end > room, e, SOHO_BAD,
                "%s: truncated at %" PRIu64 ", need %" PRIu64
                " bytes for tensor %s",
                t->path, t->bytes, t->data + end, tensors_shown(row, shown));
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
    if (t->n)
        return check_cover(e, t);
    FAIL_IF(t->bytes != t->data, e, SOHO_BAD,
            "%s: %" PRIu64 " bytes follow an empty header", t->path,
            t->bytes - t->data);
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
        return ": it is a zip archive; give it a name that ends in .pth";
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
safetensors_read(Err *e, Tensors *t)
{
    TRY(read_header(e, t));
    return check_rows(e, t);
}

/* ----------------------------------------------------------------- writing */

static void
put_row(FILE *out, const TensorOut *row, u64 begin)
{
    quote_json(out, row->name);
    fprintf(out, ":{\"dtype\":\"%s\",\"shape\":[", tensors_dtype(row->dtype));
    for (u32 i = 0; i < row->rank; i++)
        fprintf(out, i ? ",%" PRId64 : "%" PRId64, row->dim[i]);
    fprintf(out, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", begin,
            begin + tensors_out_bytes(row));
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
        begin += tensors_out_bytes(&rows[i]);
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

/* Header and data into the new file. */
static int
put_file(Replace *r, const TensorOut *rows, u32 n, const char *const *meta)
{
    Err *e = r->e;
    size_t size;
    char *header = make_header(rows, n, meta, &size);
    Buffer room = {0};

    FAIL_IF(!header, e, SOHO_MEMORY, "%s: no memory for its header", r->path);
    replace_put(r, header, size);
    free(header);
    for (u32 i = 0; i < n && !e->code; i++) {
        const void *data;

        if (!tensors_out_data(e, &rows[i], &room, &data))
            replace_put(r, data, tensors_out_bytes(&rows[i]));
    }
    buffer_free(&room);
    return e->code;
}

int
tensors_write(Err *e, const char *path, const TensorOut *rows, u32 n,
              const char *const *meta)
{
    Replace r;

    TRY(replace_open(e, &r, path));
    put_file(&r, rows, n, meta);
    return replace_close(&r);
}
