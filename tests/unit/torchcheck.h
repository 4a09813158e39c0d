/* torchcheck.h - what the tests of PyTorch's files share. */
#ifndef TORCHCHECK_H
#define TORCHCHECK_H

#include <unistd.h>

#include "check.h"
#include "runtime/tensors.h"
#include "runtime/torch/torch.h"
#include "runtime/vfs.h"
#include "torchmake.h"

static char room[64] = "/tmp/soho-torch-XXXXXX";
static Blob pickle;

static inline const char *
in_room(const char *name)
{
    static char path[4][256];
    static u32 next;
    char *to = path[next++ % 4];

    snprintf(to, sizeof *path, "%s/%s", room, name);
    return to;
}

/* 0.5, 1.5, 2.5 ... */
static inline const f32 *
numbers(void)
{
    static f32 x[64];

    for (u32 i = 0; i < countof(x); i++)
        x[i] = (f32)i + 0.5f;
    return x;
}

/* A dictionary of one view of storage 0, which has 24 floats. */
static inline void
one_view(const char *name, i64 offset, const char *sizes, const char *strides)
{
    pickle.n = 0;
    pk(&pickle, "\x80\x02}");
    pk_text(&pickle, name);
    pk_tensor(&pickle, "FloatStorage", "0", 24, offset, sizes, strides);
    pk(&pickle, "s.");
}

/* Opens the file and compares one tensor; `want` NULL: only its being there. */
static inline int
holds(Err *e, const char *path, const char *name, u32 dtype, const void *want,
      u64 bytes)
{
    Tensors *file;
    const TensorRow *row;
    u8 got[1024];
    int same;

    *e = (Err){0};
    if (tensors_open(e, path, &file))
        return 0;
    row = tensors_find(file, name);
    same = row && row->dtype == dtype && row->bytes == bytes &&
           bytes <= sizeof got && !tensors_read(e, file, row, got) &&
           (!want || !memcmp(got, want, bytes));
    tensors_close(file);
    return same;
}

#endif
