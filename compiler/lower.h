/* lower.h - what lower.c, kernel.c and library.c share while groups of one
 * phase become steps. */
#ifndef SOHOC_LOWER_H
#define SOHOC_LOWER_H

#include "compiler/sohoc.h"
#include "soho/kernel.h"

enum { MAX_ARGS = 128 };

/* A buffer's copy as another type, and the number of steps up to which the next
 * reader may have it, too. */
typedef struct Converted {
    u32 from, to, until;
} Converted;
enum { CONVERTED = 4 };

typedef struct Lower {
    Prog *p;
    Func *f;
    i32 func;      /* index of f */
    u32 *buf;      /* per base value: index into p->buf, or PLAN_NONE */
    u32 *uses;     /* per value: readers */
    bool *outside; /* per base value: read beyond its own group */
    Converted converted[CONVERTED];
    u32 nconverted;
} Lower;

/* A step under construction. */
typedef struct Draft {
    PlanArg arg[MAX_ARGS];
    u32 narg;
    bool one_way; /* of a range it reads and writes, it does only one a run */
} Draft;

static inline bool
is_gpu(const Lower *l)
{
    return l->p->opt.target->id == TARGET_cuda;
}

static inline bool
is_attention(const Node *n)
{
    return n->op == OP_attention || n->op == OP_attention_dx;
}

/* lower.c */
u32 value_buf(Lower *l, Val base); /* makes the buffer on first use */
u32 scratch_buf(Lower *l, u64 bytes, const char *place);
u32 whole_buf(Lower *l, u32 buf, u32 dtype); /* buf, or its copy as dtype */
void draft_buf(Draft *d, u32 buf, u32 mode, i64 byte_offset);
void draft_value(Lower *l, Draft *d, Val v); /* read through its views */
void draft_as(Lower *l, Draft *d, Val v, u32 dtype);
void draft_int(Draft *d, i64 value);
void draft_range(Draft *d, u32 range_buf); /* its length in floats */
void step_add(Lower *l, u32 kind, u32 what, const Draft *d, const char *name,
              const char *place, u64 flop);
/* Index of a kernel equal to k, added if it is new; k->name gets a number
 * where another kernel has it. */
u32 kernel_add(Prog *p, const Kernel *k);
/* Target cuda: threads of a block, and the number of arguments. */
void kernel_launch(Kernel *k, u32 block, u32 narg);
/* Target cuda: blocks of the last step, at most MOST_BLOCKS: kernels go on with
 * what is left. */
enum { MOST_BLOCKS = 4096 };
void step_blocks(Lower *l, i64 blocks);
/* Buffer that receives node n of group g: its tensor for a store. */
u32 tensor_buf(const Lower *l, const char *tensor);

/* kernel.c */
void lower_loops(Lower *l, const Group *g); /* elem, row, column */
/* Copies value v into buffer `to` at an element offset, by strides. */
void lower_copy(Lower *l, Val v, u32 to, i64 offset, const i64 *stride,
                const char *place);

/* Copies buffer `from` into buffer `to`, one half, the other f32. */
void lower_convert(Lower *l, u32 from, u32 to);

/* library.c */
void lower_library(Lower *l, const Group *g);

/* instance.c: a template of an op's name, while its #defines are collected */
typedef struct Instance {
    Kernel k;
    Define def[64];
} Instance;
void instance_start(Instance *i, const Node *n);
void instance_define(Instance *i, const char *name, const char *value);
/* Attributes as #defines; `dims` are arguments, names of tensors are not. */
void instance_attrs(Instance *i, const Node *n);
const char *number_text(f64 x); /* as C reads it back */
/* The step that runs it on the arguments of d. */
void instance_step(Lower *l, Instance *i, const Draft *d, const Node *n);

/* effect.c */
void lower_effect(Lower *l, const Node *n);
u32 draw_site(const char *name); /* CRC-32 of a site, as zlib computes it */

/* special.c */
void lower_special(Lower *l, const Group *g);
void lower_move(Lower *l, const Group *g);
/* GPU: packs weights of a convolution into buffer `to`, from `from` + offset;
 * brings the packed gradient `from` into `to`. */
void lower_pack_conv(Lower *l, const PlanConv *c, u32 to, u32 from, i64 offset,
                     const Node *n);
void lower_unpack_conv(Lower *l, const PlanConv *c, u32 to, u32 from, bool add,
                       const Node *n);

#endif
