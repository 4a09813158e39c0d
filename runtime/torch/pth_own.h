/* pth_own.h - what pth_read.c and state_dict.c share. */
#ifndef SOHO_PTH_OWN_H
#define SOHO_PTH_OWN_H

#include "runtime/tensors_own.h"
#include "runtime/torch/pickle.h"
#include "runtime/torch/stored.h"

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

/* SOHO_BAD: "PATH: what" */
int pth_bad(Err *e, const Reader *r, const char *what);
/* Child i of a storage or tensor, which has it. */
const PickleValue *pth_child(const Reader *r, const PickleValue *v, u32 i);
/* The storage of a tensor: type, elements, where in the file. */
int pth_storage(Err *e, Reader *r, const PickleValue *storage, u32 *dtype,
                u64 *elements, u64 *at);

/* state_dict.c: the tensors of what the pickle made become rows. */
int pth_object(Err *e, Reader *r, u32 object);

#endif
