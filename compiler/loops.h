/* loops.h - kernels over a space while they are put together: loops.c finds
 * operands, axes and arguments, formula.c writes expressions, kernel.c fills
 * the templates. */
#ifndef SOHOC_LOOPS_H
#define SOHOC_LOOPS_H

#include "compiler/lower.h"

enum { MAX_OPERANDS = 40, MAX_LINES = 320, MAX_DRAWS = 8 };

/* What differs between the kernels of a CPU and of a GPU: there a thread has
 * one element j at a time, and the lanes of a row share its sums. */
typedef struct Dialect {
    bool gpu;
    const char *drawn;     /* elem, column: element j of the numbers drawn */
    const char *drawn_row; /* row: the same */
    const char *tile, *tile_size;        /* row: element j of a saved value */
    const char *sum;                     /* column: element j of a sum */
    const char *row_sum[2], *row_max[2]; /* row: around an accumulator */
    const char *once;                    /* row: before a row's own numbers */
} Dialect;
extern const Dialect dialect_cpu, dialect_cuda; /* formula.c */

/* One tensor that a kernel reads or writes. */
typedef struct Operand {
    Val v;             /* value read; or value written */
    const Node *store; /* written: the store it serves, or NULL */
    u32 buf;
    i64 offset; /* bytes */
    u8 dtype;
    bool out, add, small; /* small: has the reduced shape */
    bool absent;          /* this kernel has no pointer to it */
    bool wide;            /* neighbours along the inner axis come at once */
    i64 stride[MAX_RANK]; /* over the axes of the space */
} Operand;

/* The numbers member k draws: element i of the space takes the number at
 * offset + sum of index times stride, its place in the whole tensor. */
typedef struct Draw {
    u32 k;
    i64 offset, stride[MAX_RANK];
} Draw;

/* A run of collapsed axes of the space. */
typedef struct Axis {
    u32 from; /* index of its innermost original axis */
    i64 size;
} Axis;
typedef struct Segment {
    Axis axis[MAX_RANK];
    u32 n; /* at least 1 */
} Segment;

typedef struct Loops {
    Lower *l;
    const Group *g;
    const Dialect *dialect;
    Type space;
    Operand op[MAX_OPERANDS];
    u32 nop;
    Segment seg[3];
    Draft d;
    Splice line[MAX_LINES];
    u32 nline;
    u32 vector;        /* GPU: neighbours j that a thread has, 1 or more */
    const char **text; /* per member k: its C expression's name, or NULL */
    Draw draw[MAX_DRAWS];
    u32 ndraw;
    const char *place, *job; /* of the group's first node */
} Loops;

/* Text of an operand's element inside a loop over j. */
typedef const char *LoadText(Loops *x, u32 operand);

/* loops.c.  k counts the group's members, op the operands. */
void loops_put(Loops *x, const char *slot, const char *place, const char *text);
i32 loops_member(const Loops *x, u32 id); /* k of node id, or -1 */
const Node *loops_node(const Loops *x, u32 k);
bool is_reduction(const Node *n);
/* Has t size 1 along the reduced axes (never in an elem group)? */
bool loops_small(const Loops *x, const Type *t);
/* Is member k of the reduced size, a reduction or what is made of some? */
bool loops_result(const Loops *x, u32 k); /* rows.c */
u32 loops_input(Loops *x, Val v);         /* the operand that reads v */
/* The value member k reads as input i: behind the reshape before a store. */
Val loops_reads(const Loops *x, u32 k, u32 i);
bool loops_inside(const Loops *x, Val v); /* computed by a member? */
void loops_operands(Loops *x);            /* finds them all */
/* Segment `seg` = axes first .. first+count-1, collapsed. */
void loops_collapse(Loops *x, u32 seg, u32 first, u32 count);
/* Stride along a collapsed axis, 0 where it has size 1. */
i64 loops_stride(const i64 *stride, const Axis *a);
/* A 64-bit argument unpacked into a local of that name. */
const char *loops_int(Loops *x, const char *name, i64 value);
void loops_pointers(Loops *x); /* pointer arguments, then the step block */
/* Lines that cut the number `from` into <word>0, <word>1 ...; sizes are
 * arguments <word>_n1, ... already, or become some. */
void loops_cut(Loops *x, const char *slot, const char *from, const char *word,
               const Axis *axis, u32 n);
void loops_indices(Loops *x, const char *slot, const char *from,
                   const char *word, const Axis *axis, u32 n);
/* " + i0 * NAME_i0 ..." over the axes along which these strides move. */
const char *loops_offset(Loops *x, const char *name, const i64 *stride,
                         const char *word, const Axis *axis, u32 n);
void loops_pointer(Loops *x, const char *slot, u32 op, const char *offset);
const char *loops_element(Loops *x, u32 op, const Axis *inner);
/* The same along the innermost axis of all; "w3.at[e]" where it is wide. */
const char *loops_inner(Loops *x, u32 op);
const char *loops_single(Loops *x, u32 op); /* never wide */
/* GPU: how many neighbours along `inner` a thread takes, at most `most`, and
 * which operands come that wide; `axis` are the others. */
void loops_widen(Loops *x, u32 most, const Axis *inner, const Axis *axis,
                 u32 n);
/* Lines that bring wide operands and take them away; after all others. */
void loops_vectors(Loops *x);
/* Offset of an operand along these axes. */
const char *loops_operand(Loops *x, u32 op, const char *word, const Axis *axis,
                          u32 n);
/* Is pointer x<op> in a line of the slot? */
bool loops_uses(const Loops *x, const char *slot, u32 op);
void loops_inner_arg(Loops *x, u32 op, const Axis *inner);

/* kernel.c.  Name of the kernel: its kind, then its first ops. */
const char *loops_name(const Loops *x, const char *kind);
/* Number of elements of a segment. */
i64 loops_size(const Segment *s);
/* The lines and arguments put together so far become a step that runs an
 * instance of a template; on a GPU in `blocks` blocks of `block` threads. */
typedef struct Launch {
    i64 blocks;
    u32 block;
} Launch;
void loops_finish(Loops *x, const char *tmpl, const char *name,
                  const Define *def, u32 ndef, Launch launch);

/* rows.c, columns.c */
void loops_row(Loops *x);
void loops_column(Loops *x);

/* formula.c.  `element` is the text of an operand's element. */
const char *formula_load(const Loops *x, u32 op, const char *element);
const char *formula_assign(const Loops *x, u32 op, const char *element,
                           const char *value);
const char *formula_read(Loops *x, u32 k, u32 i, LoadText *load);
const char *formula_of(Loops *x, u32 k, LoadText *load); /* right-hand side */
/* GPU: number u<k> that member k draws for element j, `at` places behind d<k>.
 */
void formula_draw_one(Loops *x, const char *slot, u32 k, const char *at);
/* Fills u<k>[size] with the numbers member k draws, `count` of them from
 * number d<k> + first on. */
void formula_draw(Loops *x, const char *slot, u32 k, const char *size,
                  const char *first, const char *count);
/* The same in a loop `runs` over q, places in u<k>. */
void formula_draw_runs(Loops *x, const char *slot, u32 k, const char *size,
                       const char *runs, const char *first, const char *count);
/* d<k>: where the draws of the row begin; slot row. */
void formula_draw_starts(Loops *x, const char *const *word,
                         const Axis *const *axis, const u32 *n, u32 parts);
/* Writes member k's value to the operands that hold it. */
void formula_store(Loops *x, const char *slot, u32 k, bool small,
                   LoadText *load);
/* Writes what stores take from beyond the group. */
void formula_store_outside(Loops *x, const char *slot, bool small,
                           LoadText *load);

#endif
