/* pth_own.h - what apart.c, pth_read.c and state_dict.c share. */
#ifndef SOHO_PTH_OWN_H
#define SOHO_PTH_OWN_H

#include "runtime/tensors_own.h"
#include "runtime/torch/pickle.h"
#include "runtime/torch/stored.h"

enum { PTH_NAME = 512 }; /* bytes of a tensor's name, at most */

/* A storage of the stream format: declared in the pickle, then found. */
typedef struct Storage {
    const u8 *key; /* in the pickle */
    u32 key_bytes, dtype;
    u64 elements;
    u64 at; /* of its data in the file; 0: not found */
} Storage;

typedef struct Reader {
    Tensors *t;
    Pickle pickle;
    char where[600]; /* of the pickle, for messages */
    u8 *text;        /* of the pickle */
    Stored zip;      /* of the zip format */
    const char *root;
    u64 root_bytes;
    Storage *storage; /* of the stream format, by key */
    u32 nstorage;
    u64 total; /* bytes of all tensors */
} Reader;

/* pth_read.c: torch_read without walls. */
int pth_read(Err *e, Tensors *t);

/* SOHO_BAD: "PATH: what" */
int pth_bad(Err *e, const Reader *r, const char *what);
/* Child i of a storage or tensor, which has it. */
const PickleValue *pth_child(const Reader *r, const PickleValue *v, u32 i);
/* The storage of a tensor: type, elements, where in the file. */
int pth_storage(Err *e, Reader *r, const PickleValue *storage, u32 *dtype,
                u64 *elements, u64 *at);

/* state_dict.c: the tensors of what the pickle made become rows. */
int pth_object(Err *e, Reader *r, u32 object);
/* Index of the last element of a view, counted from the first; -1: out of
 * range. */
i64 pth_last_element(const TensorRow *row);
/* Has it no control characters, so that every format can hold it? */
int pth_name_good(const char *name, u64 n);

/* What apart.c's process says before the rows. */
typedef struct PthAnswer {
    Err e;
    u32 n, names; /* rows; bytes of their names with a 0 behind each */
    int walls;    /* 0: there was no filter */
    char note[sizeof((Tensors *)0)->note];
} PthAnswer;

/* apart.c: from here on this process may compute, read `fd` and write `pipe`;
 * every other system call ends it.  0: this kernel has no such filter. */
int pth_walls(int fd, int pipe);

#endif
