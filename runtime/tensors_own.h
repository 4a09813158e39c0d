/* tensors_own.h - what tensors.c and the readers of the formats share. */
#ifndef SOHO_TENSORS_OWN_H
#define SOHO_TENSORS_OWN_H

#include "runtime/buffer.h"
#include "runtime/tensors.h"

struct Tensors {
    int fd;
    char *path;     /* as opened, cleaned for messages */
    u64 bytes;      /* of the file */
    u64 data;       /* where the data of a safetensors file begin */
    TensorRow *row; /* sorted by name once the file is open */
    u32 n, room;
    char *names; /* all names, one after the other */
    u64 used;
    const char *meta; /* among them: key, value, key, value ... */
    u32 nmeta;
    char note[256];
};

/* One row more, zeroed; SOHO_MEMORY. */
int tensors_add(Err *e, Tensors *t, TensorRow **row);

/* Bytes of a shape, UINT64_MAX if they are more than 64 bits hold. */
u64 tensors_shape_bytes(const TensorRow *row);

/* A row's name, fit for a message. */
char *tensors_shown(const TensorRow *row, char shown[128]);

/* Reads the index of the open file into rows. */
int safetensors_read(Err *e, Tensors *t);

/* The bytes of a tensor to write, from memory or read into `room`. */
int tensors_out_data(Err *e, const TensorOut *row, Buffer *room,
                     const void **data);

#endif
