/* pth_write.c - tensors as a PyTorch file of the zip format.
 *
 * In: tensors by name.  Out: archive/data.pkl, which builds an OrderedDict of
 * them, and archive/data/N with their elements at multiples of 64 bytes.  Rows
 * that are read from the same tensor of a file share one storage. */
#include "runtime/torch/torch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/data/pack.h"
#include "runtime/tensors_own.h"

enum {
    ALIGN = 64,
    RECORDS = 3,    /* members beside storages */
    MEMBERS = 65534 /* of a zip without extensions */
};
#define LARGEST ((u64)4000 << 20) /* leaves room for the directory */

typedef struct Out {
    const TensorOut *rows;
    u32 n;
    u32 *storage; /* by row: the row whose storage it uses */
    PackZip zip;
    Bytes pickle;
    Buffer room;
} Out;

/* ---------------------------------------------------------------- storages */

/* A row, to be sorted by what it is read from. */
typedef struct Share {
    const TensorRow *from;
    u32 i;
} Share;

static int
by_source(const void *a, const void *b)
{
    const Share *x = a, *y = b;

    if (x->from != y->from)
        return (uintptr_t)x->from < (uintptr_t)y->from ? -1 : 1;
    return x->i < y->i ? -1 : x->i > y->i;
}

/* Of rows that are read from the same tensor, the first has the storage. */
static int
share(Err *e, Out *out, const char *path)
{
    Share *s = malloc((out->n + 1) * sizeof *s);

    out->storage = malloc((out->n + 1) * sizeof *out->storage);
    if (!s || !out->storage)
        err_set(e, SOHO_MEMORY, "%s: no memory for a list of %u tensors", path,
                out->n);
    for (u32 i = 0; i < out->n && !e->code; i++)
        s[i] = (Share){out->rows[i].row, i};
    if (out->n && !e->code)
        qsort(s, out->n, sizeof *s, by_source);
    for (u32 k = 0; k < out->n && !e->code; k++)
        out->storage[s[k].i] = k && s[k].from && s[k].from == s[k - 1].from
                                   ? out->storage[s[k - 1].i]
                                   : s[k].i;
    free(s);
    return e->code;
}

/* ------------------------------------------------------------------ pickle */

static void
put_raw(Out *out, const char *opcodes)
{
    bytes_add(&out->pickle, opcodes, strlen(opcodes));
}

/* The lowest n bytes of a number, little-endian. */
static void
put_number(Out *out, u64 value, u32 n)
{
    u8 at[8];

    for (u32 i = 0; i < n; i++)
        at[i] = (u8)(value >> 8 * i);
    bytes_add(&out->pickle, at, n);
}

static void
put_text(Out *out, const char *text)
{
    put_raw(out, "X"); /* BINUNICODE */
    put_number(out, strlen(text), 4);
    put_raw(out, text);
}

static void
put_integer(Out *out, i64 value)
{
    if (value <= INT32_MAX) {
        put_raw(out, "J"); /* BININT */
        put_number(out, (u64)value, 4);
    } else {
        put_raw(out, "\x8a\x08"); /* LONG1 */
        put_number(out, (u64)value, 8);
    }
}

/* Name of the storage class of a type, NULL: PyTorch has none. */
static const char *
storage_class(u32 dtype)
{
    switch (dtype) {
#define X(class_, dtype)                                                       \
    case dtype:                                                                \
        return #class_;
        TORCH_STORAGES(X)
#undef X
    default:
        return NULL;
    }
}

static void
put_storage(Out *out, u32 i)
{
    const TensorOut *row = &out->rows[i];
    char text[64];

    put_raw(out, "("); /* MARK */
    put_text(out, "storage");
    snprintf(text, sizeof text, "ctorch\n%s\n", storage_class(row->dtype));
    put_raw(out, text);
    snprintf(text, sizeof text, "%u", out->storage[i]);
    put_text(out, text);
    put_text(out, "cpu");
    put_integer(
        out, (i64)(tensors_out_bytes(row) / tensors_dtype_bytes(row->dtype)));
    put_raw(out, "tQ"); /* TUPLE, BINPERSID */
}

/* The sizes, and of strides that leave no gaps the products of those behind. */
static void
put_sizes(Out *out, const TensorOut *row)
{
    put_raw(out, "(");
    for (u32 i = 0; i < row->rank; i++)
        put_integer(out, row->dim[i]);
    put_raw(out, "t(");
    for (u32 i = 0; i < row->rank; i++) {
        i64 stride = 1;

        for (u32 k = i + 1; k < row->rank; k++)
            stride *= max_i64(row->dim[k], 1);
        put_integer(out, stride);
    }
    put_raw(out, "t");
}

static const char ordered_dict[] = "ccollections\nOrderedDict\n)R";

/* {name: _rebuild_tensor_v2(storage, 0, sizes, strides, False, {}), ...} */
static void
make_pickle(Out *out)
{
    put_raw(out, "\x80\x02"); /* PROTO 2 */
    put_raw(out, ordered_dict);
    for (u32 i = 0; i < out->n; i++) {
        put_text(out, out->rows[i].name);
        put_raw(out, "ctorch._utils\n_rebuild_tensor_v2\n(");
        put_storage(out, i);
        put_integer(out, 0);
        put_sizes(out, &out->rows[i]);
        put_raw(out, "\x89"); /* NEWFALSE */
        put_raw(out, ordered_dict);
        put_raw(out, "tRs"); /* TUPLE, REDUCE, SETITEM */
    }
    put_raw(out, ".");
}

/* --------------------------------------------------------------------- zip */

static int
put_member(Err *e, Out *out, const char *record, const void *data, u64 bytes)
{
    char name[64];

    FAIL_IF(bytes > LARGEST || out->zip.at > LARGEST - bytes, e, SOHO_BAD,
            "%s: a .pth of more than 4 GB; write .safetensors",
            out->zip.file.path);
    snprintf(name, sizeof name, "archive/%s", record);
    return pack_member(&out->zip, name, data, bytes, ALIGN);
}

static int
put_tensors(Err *e, Out *out)
{
    char record[32];
    const void *data = NULL;

    for (u32 i = 0; i < out->n; i++) {
        if (out->storage[i] != i)
            continue;
        TRY(tensors_out_data(e, &out->rows[i], &out->room, &data));
        snprintf(record, sizeof record, "data/%u", i);
        TRY(put_member(e, out, record, data, tensors_out_bytes(&out->rows[i])));
    }
    return 0;
}

static int
put_members(Err *e, Out *out)
{
    TRY(put_member(e, out, "data.pkl", out->pickle.data, out->pickle.n));
    TRY(put_member(e, out, "byteorder", "little", 6));
    TRY(put_tensors(e, out));
    return put_member(e, out, "version", "3\n", 2);
}

static int
write_file(Err *e, Out *out, const char *path)
{
    TRY(pack_open(e, &out->zip, path));
    put_members(e, out);
    return pack_close(&out->zip);
}

int
torch_write(Err *e, const char *path, const TensorOut *rows, u32 n)
{
    Out out = {.rows = rows, .n = n};
    char shown[128];

    for (u32 i = 0; i < n; i++)
        FAIL_IF(
            !storage_class(rows[i].dtype), e, SOHO_BAD,
            "%s: tensor %s: PyTorch has no type %s", path,
            err_clean(shown, sizeof shown, rows[i].name, strlen(rows[i].name)),
            tensors_dtype(rows[i].dtype));
    FAIL_IF(n > MEMBERS - RECORDS, e, SOHO_BAD,
            "%s: a .pth of %u tensors, at most %d are possible; write "
            ".safetensors",
            path, n, MEMBERS - RECORDS);
    if (!share(e, &out, path)) {
        make_pickle(&out);
        if (out.pickle.failed)
            err_set(e, SOHO_MEMORY, "%s: no memory for its pickle", path);
        else
            write_file(e, &out, path);
    }
    free(out.storage);
    bytes_free(&out.pickle);
    buffer_free(&out.room);
    return e->code;
}
