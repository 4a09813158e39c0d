/* plan.h - plan.bin: the static plan that sohoc writes and soho-rt runs.
 *
 *   plan    = head section-row[nsection] section*
 *   head    = magic version probe target flags file-bytes hash nsection
 *   section = zero padding to a multiple of 64, then count rows of one kind
 *
 *   STRINGS  characters, each string ended by 0; offset 0 is ""
 *   META     {key value}: the model's config and the compiler's choices
 *   ARENAS   {arena bytes}: one row per arena, in the order of SOHO_ARENAS
 *   BUFFERS  {name arena dtype rank role dim[6] offset bytes place}
 *   BLOBS    {name arch bytes sha256}: code files beside plan.bin
 *   KERNELS  {symbol blob block shared}
 *   GEMMS    one PlanGemm per distinct product
 *   CONVS    one PlanConv per distinct convolution
 *   ENGINES  {conv arch text workspace}: cuDNN plans of convolutions
 *   ARGS     {kind mode buffer value}
 *   STEPS    {kind what arg narg name place grid flop bytes}
 *   DOORS    {name buffer out}
 *   PHASES   {name kind steps doors pack sizes need[arena]}
 *   ANSWERS  {name}: answer names in the order of their labels (may be empty)
 *   VOCAB    the vocabulary file, byte for byte (may be empty)
 *
 * Everything is little-endian; names are offsets into STRINGS; there are no
 * pointers and no code.  `hash` is the SHA-256 of the whole file with these 32
 * bytes as 0.  The reader checks everything once (planread.c); the writer is
 * its mirror (planwrite.c). */
#ifndef SOHO_PLAN_H
#define SOHO_PLAN_H

#include <assert.h>

#include "soho/base.h"

#define PLAN_MAGIC "SOHO\r\n\x1a\n"
enum { PLAN_VERSION = 3, PLAN_PROBE = 0x01020304, PLAN_ALIGN = 64 };
enum { PLAN_WORKSPACE = 256 };
enum { PLAN_RANK = 6, PLAN_NAME = 255 };
#define PLAN_NONE 0xffffffffu /* no row */

/* X(name, bytes per element).  bf16: upper half of an f32; f16: as IEEE 754 has
 * it; both only inside a phase. */
#define SOHO_DTYPES(X) X(u8, 1) X(i32, 4) X(f32, 4) X(bf16, 2) X(f16, 2)
enum {
#define X(name, bytes) DT_##name,
    SOHO_DTYPES(X)
#undef X
        NDTYPE
};

/* X(name, what it holds) */
#define SOHO_ARENAS(X)                                                         \
    X(param, "weights, in groups of the optimiser")                            \
    X(grad, "gradients, in the order of param")                                \
    X(state, "step block, running statistics (live, good), then moments")      \
    X(act, "activations and scratch; reused from step to step")                \
    X(io, "doors: what the caller writes and reads")                           \
    X(const, "what `pack` makes of the weights: folded and packed copies")
enum {
#define X(name, what) AR_##name,
    SOHO_ARENAS(X)
#undef X
        NARENA
};

/* X(name): the part a buffer plays */
#define SOHO_ROLES(X)                                                          \
    X(param)                                                                   \
    X(grad) X(moment) X(state) X(good) X(step) X(act) X(scratch) X(input)      \
        X(output) X(const) X(range)
enum {
#define X(name) RO_##name,
    SOHO_ROLES(X)
#undef X
        NROLE
};

/* X(name, `what` of the step points into); none: `what` is 0.
 * fill: to, bytes, word: writes the 32-bit word over `bytes` bytes of `to`.
 * Optional arguments of library steps are there exactly when the row asks for
 * them: bias and residual by POST_*, packed and scratch when not 0 bytes. */
#define SOHO_STEPS(X)                                                          \
    X(kernel, KERNELS)                                                         \
    X(gemm, GEMMS) X(conv, CONVS) X(pack_gemm, GEMMS) X(pack_conv, CONVS)      \
        X(fill, none)
enum {
#define X(name, table) ST_##name,
    SOHO_STEPS(X)
#undef X
        NSTEPKIND
};

#define SOHO_PHASES(X) X(init) X(pack) X(train) X(update) X(eval) X(infer)
enum {
#define X(name) PH_##name,
    SOHO_PHASES(X)
#undef X
        NPHASEKIND
};

#define SOHO_SECTIONS(X)                                                       \
    X(STRINGS, char)                                                           \
    X(META, PlanMeta) X(ARENAS, PlanArena) X(BUFFERS, PlanBuffer)              \
        X(BLOBS, PlanBlob) X(KERNELS, PlanKernel) X(GEMMS, PlanGemm)           \
            X(CONVS, PlanConv) X(ENGINES, PlanEngine) X(ARGS, PlanArg) X(STEPS, PlanStep)             \
                X(DOORS, PlanDoor) X(PHASES, PlanPhase) X(ANSWERS, u32)        \
                    X(VOCAB, char)
enum {
#define X(name, row) SEC_##name,
    SOHO_SECTIONS(X)
#undef X
        NSECTION
};

enum { TARGET_null, TARGET_cpu, TARGET_cuda };
enum { CPU_avx2 = 1, CPU_avx512 = 2 };

typedef struct PlanHead {
    u8 magic[8];
    u32 version, probe;
    u32 target;  /* TARGET_* */
    u32 cpu;     /* CPU_* the kernels were compiled for, 0 on other targets */
    u32 threads; /* threads the steps were planned for */
    u32 nsection;
    u64 file_bytes;
    u8 hash[32];
    u64 spare;
} PlanHead;

typedef struct PlanSection {
    u32 kind, count;
    u64 offset, bytes;
} PlanSection;

typedef struct PlanMeta {
    u32 key, value;
} PlanMeta;

typedef struct PlanArena {
    u64 bytes; /* the most that any phase needs */
} PlanArena;

typedef struct PlanBuffer {
    u32 name;  /* unique; official name for parameters and state; others of
                * a tensor T: grad.T, moment1.T, moment2.T, good.T */
    u32 place; /* "models/lib/nn.lua:3 < models/tiny.lua:9" */
    u8 arena, dtype, rank, role;
    u32 phase; /* act, io: index of the phase it lives in; else PLAN_NONE */
    i64 dim[PLAN_RANK]; /* logical shape, first `rank` used, others 0 */
    u64 offset, bytes;  /* offset a multiple of 64 */
} PlanBuffer;

/* What a code file runs on: the host, compute capability 8.0 as 80 (a cubin,
 * or with ARCH_PTX the text that a newer driver compiles), or the emulated
 * device of the tests, whose code is the host's, too. */
enum { ARCH_host = 0, ARCH_emu = 1, ARCH_PTX = 1 << 16 };
typedef struct PlanBlob {
    u32 name; /* file name beside plan.bin, no slash */
    u32 arch;
    u64 bytes;
    u8 sha256[32];
} PlanBlob;

typedef struct PlanKernel {
    u32 symbol, blob;  /* target cuda: blob is PLAN_NONE, all of them have it */
    u32 block, shared; /* cuda: threads of a block, bytes of shared memory */
} PlanKernel;

/* c[i,j] = post(sum_k a[i,k] b[k,j]) for each of nb[0] x nb[1] batches;
 * strides in elements: batch 0, batch 1, row, column. */
enum {
    POST_accum = 1, /* c += product (before everything else) */
    POST_bias = 2,  /* + bias[j] (gemm) or bias[channel] (conv) */
    POST_add = 4,   /* + residual of the shape and strides of the result */
    POST_relu = 8,
    POST_gelu = 16,  /* erf form */
    POST_packed = 32, /* weights (b of a gemm) come packed */
    POST_tf32 = 64, /* factors may be rounded to 10 bits behind the point */
    POST_varies = 128 /* last bits may differ from run to run (conv) */
};

/* arguments of a gemm step: c a b [bias] [residual] [scratch];
 * pack_gemm: packed b, plain b */
typedef struct PlanGemm {
    i64 nb[2], m, n, k;
    i64 a_stride[4], b_stride[4], c_stride[4];
    u32 post;
    u8 dtype[4];         /* DT_*: result, a, b, bias and residual */
    u64 packed, scratch; /* bytes of the packed b and of the scratch buffer */
    u64 form; /* hash of how packed bytes lie: rows with the same one can share
               * packed weights; 0: with no other row */
} PlanGemm;

/* x [n,h,w,ci] * w [co,ci/groups,kh,kw] -> y [n,oh,ow,co]; x and y NHWC.
 * dir 0: y from x, w.       arguments: y x w [bias] [residual] [scratch]
 * dir 1: dx from dy, w.     arguments: dx dy w [scratch]
 * dir 2: dw from x, dy.     arguments: dw x dy [packed] [scratch]; dw plain
 *                           OIHW, POST_accum adds to it
 * pack_conv: packed w, plain w (OIHW).
 *
 * On target cuda scratch holds a library's workspace, from a multiple of
 * PLAN_WORKSPACE bytes on; packed weights are [co,kh,kw,ci/groups], made by
 * kernels of the plan (`packed` is 0), and dw comes in that order. */
typedef struct PlanConv {
    i64 n, h, w, ci, oh, ow, co, kh, kw;
    i64 stride[2], dilation[2], groups;
    i64 pad[4]; /* top, left, bottom, right */
    u32 dir, post;
    u8 dtype[4]; /* DT_*: result, first and second operand, the rest */
    u32 spare;
    u64 packed, scratch; /* bytes of packed weights (dir 2: of packed dw) */
    u64 form; /* of packed weights, as in PlanGemm; 0 in dir 2, target cuda */
} PlanConv;

/* How cuDNN serves convolution `conv` on devices of an architecture (ARCH_*):
 * the text of a finalised plan, which names an engine and its settings. */
typedef struct PlanEngine {
    u32 conv, arch, text, spare;
    u64 workspace; /* bytes, at most the row's scratch */
} PlanEngine;

enum { ARG_none, ARG_buffer, ARG_int };
enum { ACCESS_r = 1, ACCESS_w = 2, ACCESS_rw = 3 };

typedef struct PlanArg {
    u8 kind, mode;
    u16 spare;
    u32 buffer; /* ARG_buffer */
    i64 value;  /* ARG_int: the number; ARG_buffer: byte offset into it */
} PlanArg;

typedef struct PlanStep {
    u32 kind, what;
    u32 arg, narg; /* ARGS arg .. arg+narg-1 */
    u32 name, place;
    u32 grid, spare; /* cuda: blocks of a kernel */
    u64 flop, bytes; /* work and least memory traffic, for bench */
} PlanStep;

typedef struct PlanDoor {
    u32 name, buffer;
    u32 out, spare; /* 0: the caller writes it, 1: the caller reads it */
} PlanDoor;

typedef struct PlanPhase {
    u32 name; /* "train@608x1024", "update" ... */
    u32 kind; /* PH_* */
    u32 step, nstep, door, ndoor;
    u32 pack; /* phase to run first when weights changed, or PLAN_NONE */
    u32 spare;
    i32 batch, sentences, tokens, answers, height, width; /* 0: none */
    u64 need[NARENA]; /* bytes of each arena this phase touches */
} PlanPhase;

static_assert(sizeof(PlanHead) == 80, "head");
static_assert(sizeof(PlanSection) == 24, "section row");
static_assert(sizeof(PlanBuffer) == 80, "buffer row");
static_assert(sizeof(PlanBlob) == 48, "blob row");
static_assert(sizeof(PlanKernel) == 16, "kernel row");
static_assert(sizeof(PlanGemm) == 168, "gemm row");
static_assert(sizeof(PlanConv) == 184, "conv row");
static_assert(sizeof(PlanEngine) == 24, "engine row");
static_assert(sizeof(PlanArg) == 16, "arg row");
static_assert(sizeof(PlanStep) == 48, "step row");
static_assert(sizeof(PlanDoor) == 16, "door row");
static_assert(sizeof(PlanPhase) == 104, "phase row");

/* Is it one of those with 16 bits? */
static inline int
dtype_half(u32 dtype)
{
    return dtype == DT_bf16 || dtype == DT_f16;
}

/* Bytes of one element. */
static inline u64
dtype_bytes(u32 dtype)
{
    static const u8 bytes[NDTYPE] = {
#define X(name, size) size,
        SOHO_DTYPES(X)
#undef X
    };
    return dtype < NDTYPE ? bytes[dtype] : 0;
}

#endif
