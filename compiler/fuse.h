/* fuse.h - what fuse.c and epilogue.c share while nodes of one phase get their
 * groups. */
#ifndef SOHOC_FUSE_H
#define SOHOC_FUSE_H

#include "compiler/sohoc.h"

typedef struct Fuse {
    Prog *p;
    Func *f;
    u32 *uses;
    u64 *dep; /* row g: bit set of groups that g runs after, itself out */
    u32 words;
    u8 *late;     /* per node: LATE_*, LATE_always where it waits (late.c) */
    bool *wanted; /* per node: scratch of mark_late */
} Fuse;

/* fuse.c: does group g run after group `on`? */
bool fuse_depends(const Fuse *u, i32 g, i32 on);
bool fuse_is_view(const Func *f, Val v);
bool fuse_same_dims(const Type *a, const Type *b);

/* late.c: calls fn for each node that waits for `id`, as they ascend; false:
 * one said no.  How many those are. */
bool fuse_each_late(Fuse *u, u32 id, i32 g, bool (*fn)(Fuse *u, u32 id, i32 g));
u32 fuse_count_late(Fuse *u, u32 id);

/* epilogue.c: the library group whose last value node `id` continues, or -1. */
i32 fuse_call_of(const Fuse *u, u32 id);

#endif
