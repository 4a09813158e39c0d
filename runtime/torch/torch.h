/* torch.h - PyTorch's files of weights: what they hold is read, and written,
 * as tensors by name.
 *
 *   zip     ROOT/data.pkl, a pickle whose storages lie in ROOT/data/KEY, each
 *           stored as it is; written since PyTorch 1.6
 *   stream  pickles of a magic number, a protocol number, the system, the
 *           object and the list of storage keys; then each storage: its number
 *           of elements (8 bytes) and its elements
 *
 * The object is a dictionary of tensors, or one that has such a dictionary
 * under `state_dict`; what stands beside it (optimizer, meta) is parsed and
 * passed over.  Nothing in a file is ever executed: see pickle.h; and what
 * reads it can do nothing but read: see apart.c. */
#ifndef SOHO_TORCH_H
#define SOHO_TORCH_H

#include "runtime/tensors.h"

enum { TORCH_HEAD = 16 };

/* Is a file that begins so one for torch_read?  Everything is that does not
 * begin as a safetensors file does. */
int torch_is(const u8 head[TORCH_HEAD]);

/* Reads the index of the open file, in a process of its own, into rows; of the
 * state dictionary alone, names without the prefix `module.` where all have it.
 * Storages of a zip are compared with their CRC.  SOHO_BAD, SOHO_IO,
 * SOHO_MEMORY. */
int torch_read(Err *e, Tensors *t);

/* Storage classes and what their elements are: X(class, dtype) */
#define TORCH_STORAGES(X)                                                      \
    X(FloatStorage, DT_f32)                                                    \
    X(HalfStorage, DT_f16)                                                     \
    X(BFloat16Storage, DT_bf16)                                                \
    X(DoubleStorage, TD_f64)                                                   \
    X(LongStorage, TD_i64)                                                     \
    X(IntStorage, DT_i32)                                                      \
    X(ShortStorage, TD_i16)                                                    \
    X(CharStorage, TD_i8)                                                      \
    X(ByteStorage, DT_u8)                                                      \
    X(BoolStorage, TD_bool)                                                    \
    X(ComplexFloatStorage, TD_c64)

/* Writes a zip-format file that torch.load of 1.6 and later reads as an
 * OrderedDict of tensors on the CPU; equal rows give equal bytes.  path.tmp,
 * fsync, rename.  SOHO_BAD: a type that PyTorch has not, more than 4 GiB. */
int torch_write(Err *e, const char *path, const TensorOut *rows, u32 n);

#endif
