/* tensors.h - named tensors in a file, whatever its format. */
#ifndef SOHO_TENSORS_H
#define SOHO_TENSORS_H

#include "soho/plan.h"
#include "runtime/err.h"

/* Types that files have and no plan holds: X(word, name in safetensors, bytes
 * per element). */
#define TENSOR_DTYPES(X)                                                       \
    X(bool, "BOOL", 1)                                                         \
    X(i8, "I8", 1)                                                             \
    X(f8_e5m2, "F8_E5M2", 1)                                                   \
    X(f8_e4m3, "F8_E4M3", 1)                                                   \
    X(i16, "I16", 2)                                                           \
    X(u16, "U16", 2)                                                           \
    X(u32, "U32", 4)                                                           \
    X(f64, "F64", 8)                                                           \
    X(i64, "I64", 8)                                                           \
    X(u64, "U64", 8)                                                           \
    X(c64, "C64", 8)
enum {
    TD_FIRST = NDTYPE - 1,
#define X(word, name, bytes) TD_##word,
    TENSOR_DTYPES(X)
#undef X
        TD_COUNT
};
enum { TENSOR_RANK = 8 };

/* An open file: its index read and checked, its data read by range. */
typedef struct Tensors Tensors;
typedef struct TensorRow {
    const char *name;
    u32 dtype, rank; /* DT_* or TD_* */
    i64 dim[TENSOR_RANK];
    u64 offset;              /* of the first element, from the file's start */
    u64 bytes;               /* of all elements, one after the other */
    i64 stride[TENSOR_RANK]; /* of a view, in elements */
    u64 span;                /* bytes from offset that a view lies in; or 0 */
} TensorRow;

/* Safetensors, or a PyTorch file (torch/torch.h).  SOHO_IO, SOHO_BAD. */
int tensors_open(Err *e, const char *path, Tensors **file);
void tensors_close(Tensors *file);
u32 tensors_count(const Tensors *file);
const TensorRow *tensors_row(const Tensors *file, u32 i); /* by name */
const TensorRow *tensors_find(const Tensors *file, const char *name);
/* Value of a key of __metadata__, or NULL. */
const char *tensors_meta(const Tensors *file, const char *key);
/* All of it as pairs key, value, NULL-ended, in a malloc'ed list; NULL: no
 * memory. */
const char **tensors_meta_list(const Tensors *file);
/* What a reader passed over on purpose, in words, or "". */
const char *tensors_note(const Tensors *file);

const char *tensors_dtype(u32 dtype); /* "F32", "BF16" */
u64 tensors_dtype_bytes(u32 dtype);
int tensors_is_float(u32 dtype); /* f16, bf16, f32, f64 */

/* All row->bytes of a tensor, in its own type. */
int tensors_read(Err *e, Tensors *file, const TensorRow *row, void *to);
/* The same, rounded to single precision; of a floating type. */
int tensors_read_f32(Err *e, Tensors *file, const TensorRow *row, f32 *to);

/* One tensor to write. */
typedef struct TensorOut {
    const char *name;
    u32 dtype, rank;
    i64 dim[TENSOR_RANK];
    const void *data; /* NULL: read from `row` of `file` */
    Tensors *file;
    const TensorRow *row;
} TensorOut;

u64 tensors_out_bytes(const TensorOut *row);

/* Writes a safetensors file, rows in the given order: path.tmp, fsync,
 * rename.  `meta`: pairs key, value, NULL-ended, or NULL.  The header is padded
 * so that data start at a multiple of 8. */
int tensors_write(Err *e, const char *path, const TensorOut *rows, u32 n,
                  const char *const *meta);

#endif
