/* tensors.c - named tensors in a file, whatever its format.
 *
 * In: a path.  Out: rows by name, and their elements on demand, one after the
 * other even where the file holds a view with strides.  Which format a file has
 * is told by its first bytes; a name that ends in .safetensors allows no
 * other. */
#include "runtime/tensors_own.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/torch/torch.h"
#include "runtime/vfs.h"

/* Types that a plan can hold come first, as DT_*. */
static const struct {
    const char *name;
    u32 bytes;
} dtype_row[TD_COUNT] = {
    [DT_u8] = {"U8", 1},     [DT_i32] = {"I32", 4}, [DT_f32] = {"F32", 4},
    [DT_bf16] = {"BF16", 2}, [DT_f16] = {"F16", 2},
#define X(word, name, bytes) [TD_##word] = {name, bytes},
    TENSOR_DTYPES(X)
#undef X
};

const char *
tensors_dtype(u32 dtype)
{
    return dtype_row[dtype].name;
}

u64
tensors_dtype_bytes(u32 dtype)
{
    return dtype_row[dtype].bytes;
}

int
tensors_is_float(u32 dtype)
{
    return dtype == DT_f32 || dtype == DT_f16 || dtype == DT_bf16 ||
           dtype == TD_f64;
}

/* ------------------------------------------------------------------- rows */

int
tensors_add(Err *e, Tensors *t, TensorRow **row)
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
    **row = (TensorRow){0};
    return 0;
}

u64
tensors_shape_bytes(const TensorRow *row)
{
    u64 bytes = dtype_row[row->dtype].bytes;

    for (u32 i = 0; i < row->rank; i++)
        if (__builtin_mul_overflow(bytes, (u64)row->dim[i], &bytes))
            return UINT64_MAX;
    return bytes;
}

char *
tensors_shown(const TensorRow *row, char shown[128])
{
    return err_clean(shown, 128, row->name, strlen(row->name));
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(((const TensorRow *)a)->name, ((const TensorRow *)b)->name);
}

static int
sort_rows(Err *e, Tensors *t)
{
    char shown[128];

    if (t->n)
        qsort(t->row, t->n, sizeof *t->row, by_name);
    for (u32 i = 1; i < t->n; i++)
        FAIL_IF(!by_name(&t->row[i - 1], &t->row[i]), e, SOHO_BAD,
                "%s: two tensors have the name %s", t->path,
                tensors_shown(&t->row[i], shown));
    return 0;
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

const char **
tensors_meta_list(const Tensors *file)
{
    const char **list = calloc(2 * (u64)file->nmeta + 1, sizeof *list);
    const char *at = file->meta;

    for (u32 i = 0; list && i < 2 * file->nmeta; i++) {
        list[i] = at;
        at += strlen(at) + 1;
    }
    return list;
}

const char *
tensors_note(const Tensors *file)
{
    return file->note;
}

/* ---------------------------------------------------------------- the file */

static int
open_file(Err *e, Tensors *t, const char *path)
{
    char clean[512];
    i64 size;

    t->path = strdup(err_clean(clean, sizeof clean, path, strlen(path)));
    FAIL_IF(!t->path, e, SOHO_MEMORY, "no memory to open a file");
    t->fd = vfs->open(path, O_RDONLY, 0);
    FAIL_IF(t->fd < 0, e, SOHO_IO, "%s: cannot open: %s", t->path,
            strerror(errno));
    size = vfs->size(t->fd);
    FAIL_IF(size < 0, e, SOHO_IO, "%s: not a regular file", t->path);
    t->bytes = (u64)size;
    return 0;
}

static int
read_index(Err *e, Tensors *t, const char *path)
{
    static const char end[] = ".safetensors";
    size_t n = strlen(path), m = sizeof end - 1;
    u8 head[TORCH_HEAD] = {0};

    if (n >= m && !strcmp(path + n - m, end))
        return safetensors_read(e, t);
    TRY(vfs_read_at(e, t->fd, t->path, head,
                    (u64)min_i64((i64)t->bytes, TORCH_HEAD), 0));
    return torch_is(head) ? torch_read(e, t) : safetensors_read(e, t);
}

int
tensors_open(Err *e, const char *path, Tensors **file)
{
    Tensors *t = calloc(1, sizeof *t);

    *file = NULL;
    FAIL_IF(!t, e, SOHO_MEMORY, "no memory to open a file");
    t->fd = -1;
    if (open_file(e, t, path) || read_index(e, t, path) || sort_rows(e, t)) {
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

/* ---------------------------------------------------------------- elements */

/* The elements of a view in logical order, from the bytes that it lies in. */
static void
gather(const TensorRow *row, const u8 *from, u8 *to)
{
    u64 size = dtype_row[row->dtype].bytes;
    i64 at[TENSOR_RANK] = {0}, k = 0;

    for (u64 done = 0; done < row->bytes; done += size) {
        memcpy(to + done, from + (u64)k * size, size);
        for (u32 d = row->rank; d-- > 0;) {
            k += row->stride[d];
            if (++at[d] < row->dim[d])
                break;
            k -= at[d] * row->stride[d];
            at[d] = 0;
        }
    }
}

int
tensors_read(Err *e, Tensors *file, const TensorRow *row, void *to)
{
    char shown[128];
    u8 *span;

    if (!row->span)
        return vfs_read_at(e, file->fd, file->path, to, row->bytes,
                           row->offset);
    span = malloc(row->span);
    FAIL_IF(!span, e, SOHO_MEMORY,
            "%s: no memory for %" PRIu64 " bytes of tensor %s", file->path,
            row->span, tensors_shown(row, shown));
    if (!vfs_read_at(e, file->fd, file->path, span, row->span, row->offset))
        gather(row, span, to);
    free(span);
    return e->code;
}

static f32
from_bits(u32 bits)
{
    f32 value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* IEEE 754 half precision: 1 sign, 5 exponent, 10 mantissa bits. */
static f32
from_half(u16 half)
{
    u32 sign = (u32)(half & 0x8000) << 16, rest = half & 0x7FFF;

    if (rest < 0x400) /* subnormal: a multiple of 2^-24 */
        return sign ? -(f32)rest * 0x1p-24f : (f32)rest * 0x1p-24f;
    if (rest >= 0x7C00) /* infinite, or not a number */
        return from_bits(sign | 0x7F800000 | (rest & 0x3FF) << 13);
    return from_bits(sign | ((rest << 13) + ((127 - 15) << 23)));
}

static void
to_single(u32 dtype, const void *from, f32 *to, u64 n)
{
    const u16 *half = from;
    const f64 *wide = from;

    for (u64 i = 0; i < n; i++)
        to[i] = dtype == DT_f16    ? from_half(half[i])
                : dtype == DT_bf16 ? from_bits((u32)half[i] << 16)
                                   : (f32)wide[i];
}

int
tensors_read_f32(Err *e, Tensors *file, const TensorRow *row, f32 *to)
{
    char shown[128];
    void *raw;

    if (row->dtype == DT_f32)
        return tensors_read(e, file, row, to);
    raw = malloc(row->bytes + 1);
    FAIL_IF(!raw, e, SOHO_MEMORY,
            "%s: no memory for %" PRIu64 " bytes of tensor %s", file->path,
            row->bytes, tensors_shown(row, shown));
    if (!tensors_read(e, file, row, raw))
        to_single(row->dtype, raw, to,
                  row->bytes / dtype_row[row->dtype].bytes);
    free(raw);
    return e->code;
}

/* ----------------------------------------------------------------- writing */

u64
tensors_out_bytes(const TensorOut *row)
{
    u64 bytes = dtype_row[row->dtype].bytes;

    for (u32 i = 0; i < row->rank; i++)
        bytes *= (u64)row->dim[i];
    return bytes;
}

int
tensors_out_data(Err *e, const TensorOut *row, Buffer *room, const void **data)
{
    *data = row->data;
    if (row->data)
        return 0;
    TRY(buffer_reserve(e, room, row->row->bytes, row->name));
    *data = room->at;
    return tensors_read(e, row->file, row->row, room->at);
}
