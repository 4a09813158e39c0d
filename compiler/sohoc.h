/* sohoc.h - everything the compiler's files share: the types first, then the
 * functions of each file in the order of the pipeline. */
#ifndef SOHOC_H
#define SOHOC_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "soho/plan.h"

struct Grad;
struct Build;
struct Target;

/* ------------------------------------------------------------------ graph */

/* A value: output k of node n.  An input's node id is always smaller than its
 * user's, so the order of nodes is an order of execution. */
typedef u32 Val;
#define VAL(node, k) ((Val)(node) << 2 | (Val)(k))
#define VAL_NODE(v) ((v) >> 2)
#define VAL_OUT(v) ((v)&3)
#define VAL_NONE 0xffffffffu

enum { MAX_IN = 8, MAX_OUT = 2, MAX_LIST = 8, MAX_RANK = PLAN_RANK,
       MAX_ATTR = 24, MAX_DIM = 1 << 28 };

typedef struct Type {
    u8 dtype, rank; /* DT_*; rank 0 is a scalar */
    i32 dim[MAX_RANK];
} Type;

/* One attribute; which field counts says the op's row. */
typedef struct Attr {
    f64 num;         /* types i and f */
    const char *str; /* type s, interned */
    u8 n;            /* type l */
    f64 list[MAX_LIST];
} Attr;

typedef struct Node {
    u16 op; /* OP_* */
    u8 nin, nout;
    Val in[MAX_IN];
    Type out[MAX_OUT];
    Attr *attr;        /* in the order of the op's row */
    const char *name;  /* module path ("neck.ln") or "" */
    const char *place; /* "models/lib/nn.lua:3 < models/tiny.lua:9" */
    i32 group;         /* after fuse: index into Func.group; views -1 */
} Node;

/* A named output of a phase, and a door the caller reads. */
typedef struct Out {
    const char *name;
    Val val;
    bool kept; /* by --keep, not by the model */
} Out;

/* Nodes that become one kernel or one library call. */
enum { GROUP_elem, GROUP_row, GROUP_column, GROUP_library, GROUP_special,
       GROUP_move };
typedef struct Group {
    u8 kind;
    u32 *node; /* ids in ascending order */
    u32 nnode, node_cap;
    Type space;       /* elem, row, column: the shape that is walked */
    u32 first, count; /* row, column: the axes of it that are reduced */
    u8 *level; /* row: loop that computes node k (reductions: feeds) */
} Group;

typedef struct Step {
    u32 kind, what; /* ST_* and the index it points to */
    PlanArg *arg;   /* .buffer indexes Prog.buf */
    u32 narg;
    bool one_way; /* of a range it reads and writes, it does only one a run */
    const char *name, *place;
    u32 grid; /* target cuda: blocks of a kernel */
    u64 flop, bytes;
} Step;

/* One phase for one bucket. */
typedef struct Func {
    const char *name; /* "train@96x128", "update" */
    u8 kind;          /* PH_* */
    i32 batch, sentences, tokens, answers, height, width;
    Node *node;
    u32 nnode, node_cap;
    Out *out;
    u32 nout, out_cap;
    Val loss;  /* train: what grad starts from, else VAL_NONE */
    i32 pack;  /* index of the pack func it depends on, or -1 */
    Group *group;
    u32 ngroup, group_cap;
    Step *step;
    u32 nstep, step_cap;
} Func;

/* A persistent named tensor. */
enum { INIT_none, INIT_fill, INIT_normal };
typedef struct Tensor {
    const char *name, *place;
    Type type;
    u8 role; /* RO_param, RO_state, RO_const */
    bool half; /* const: its numbers have 16 bits, as it is stored */
    u8 init; /* INIT_* with value: the number, or the standard deviation */
    f64 value;
    bool trainable; /* param: the model wants a gradient (not frozen) */
    i32 group;      /* param after grad: optimiser group, -1 none */
} Tensor;

typedef struct OptGroup {
    const char *pattern; /* glob on the whole name, first match wins */
    const char *rule;    /* "adamw" or "sgd" */
    f64 lr, beta1, beta2, eps, decay, momentum, dampening;
    f64 nesterov, correct_bias; /* 0 or 1 */
    u32 nparam; /* that train, counted in update.c */
    const char *place;
} OptGroup;

enum { MAX_GROUPS = 16, MAX_MILESTONES = 8 };
#define SCHEDULE_POLICIES                                                      \
    "fixed", "step", "exp", "poly", "inv", "cosine", "cosine_restart", "cyclic"
#define SCHEDULE_SHAPES "constant", "linear", "exp"

/* X(name, missing, what) */
#define SCHEDULE_NUMBERS(X)                                                    \
    X(by_epoch, 1, "0: every micro-batch, 1: at the start of every epoch")     \
    X(warmup, 0, "how long it warms up")                                       \
    X(warmup_by_epoch, 0, "1: that is in epochs, 0: micro-batches")            \
    X(ratio, 1, "of the factor when the warm-up starts; momentum: divisor")     \
    X(gamma, 0.1, "step, exp: base; inv: slope")                               \
    X(power, 1, "poly, inv: exponent")                                         \
    X(floor, 0, "poly, cosine, cosine_restart: factor at the end ...")         \
    X(min_lr, 0, "... or rate at the end, the same for every group")           \
    X(total, 0, "poly, cosine, cyclic: length; 0: the run says")               \
    X(every, 0, "step: how often, where `at` is empty")                        \
    X(high, 10, "cyclic: factor at the top")                                   \
    X(low, 1e-4, "cyclic: factor at the end of a cycle")                       \
    X(cycles, 1, "cyclic: how many in the run")                                \
    X(up, 0.4, "cyclic: share of a cycle that goes up")

/* How a factor moves over the run.  Lengths are in the unit of by_epoch. */
typedef struct Schedule {
    const char *policy; /* NULL: there is no schedule */
    const char *shape;  /* of the warm-up */
#define X(name, missing, what) f64 name;
    SCHEDULE_NUMBERS(X)
#undef X
    f64 at[MAX_MILESTONES];     /* step: where; cosine_restart: lengths */
    f64 weight[MAX_MILESTONES]; /* cosine_restart: heights, as many */
    u32 nat, nweight;
} Schedule;

/* What the update phase does. */
typedef struct Update {
    OptGroup group[MAX_GROUPS];
    u32 ngroup;
    f64 clip;       /* 0: none */
    i32 accumulate; /* micro-batches per update, at least 1 */
    f64 loss_scale; /* at the start; 0: the loss is not scaled */
    f64 dynamic;    /* 1: it moves, up to max_scale, after scale_window */
    f64 scale_window, max_scale;
    Schedule lr, momentum;
} Update;

/* A place in memory: whole tensors, temporaries, or a range of either. */
typedef struct Buf {
    const char *name, *place; /* name: unique in the program */
    Type type;
    u8 arena, role; /* AR_*, RO_* */
    i32 func;       /* act and io: the phase it lives in, else -1 */
    i32 maker; /* const: the pack phase that writes it, else -1 */
    i32 group;      /* param, grad, moment: optimiser group, -1 none */
    u8 span_role;   /* role range: covers all buffers of this role ... */
    i32 span_group; /* ... and group (-1: every group); of kind span_kind */
    const char *span_prefix; /* moments: "moment1." or "moment2.", else "" */
    u64 bytes, offset; /* offset by place */
} Buf;

/* An instance of a template (tmpl.c). */
typedef struct Define {
    const char *name, *value;
} Define;
typedef struct Splice { /* one line put in at //@slot NAME */
    const char *slot, *text;
    const char *place; /* its first file:line goes into #line */
} Splice;
typedef struct Kernel {
    const char *name; /* readable and unique: layer_norm_c128 */
    const char *tmpl; /* templates/cpu/<tmpl>.c, templates/cuda/<tmpl>.cu */
    u32 block, shared; /* target cuda: threads, bytes of shared memory */
    Define *def;
    u32 ndef;
    Splice *splice;
    u32 nsplice;
    const char *job;   /* why it exists: "add, relu of backbone.layer2.0" */
    const char *place; /* of its first node */
    char *source;      /* emit: path below the output folder */
} Kernel;

/* A cuDNN plan for a convolution on an architecture (engines.c). */
typedef struct Engine {
    u32 conv, arch;
    const char *text;
    u64 workspace;
} Engine;

typedef struct Meta {
    const char *key, *value;
} Meta;

enum { MAX_KEEP = 64, MAX_OPTIONAL = 8, MAX_BLOBS = 8 };
typedef struct Options {
    const char *model, *out; /* MODEL.lua, -o DIR */
    const struct Target *target;
    const char *dump;        /* -d WORDS */
    const char *keep[MAX_KEEP]; /* --keep: value names that must survive */
    u32 nkeep;
    const char *why;
    u32 cpu;     /* CPU_* */
    const char *arch[MAX_BLOBS]; /* --arch: sm_80, sm_90a ..., ptx_90, emu */
    u32 narch;
    bool ptxas; /* --ptxas: registers, shared memory, spills of kernels */
    i32 threads;
    bool no_fuse, no_reuse;         /* switches of tests */
    const char *without[MAX_OPTIONAL]; /* passes to leave out, NULL: none */
    bool stop_before_build;         /* -S */
    bool guard;                     /* -g: guard bytes between buffers */
    const char *set[MAX_KEEP];      /* key=value */
    u32 nset;
} Options;

typedef struct Prog {
    Options opt;
    Meta *meta;         u32 nmeta, meta_cap;
    Tensor *tensor;     u32 ntensor, tensor_cap;
    Func *func;         u32 nfunc, func_cap;
    Update update;
    const char **answer; u32 nanswer, answer_cap;
    u8 *vocab;          u64 vocab_bytes;
    Buf *buf;           u32 nbuf, buf_cap;
    Kernel *kernel;     u32 nkernel, kernel_cap;
    PlanGemm *gemm;     u32 ngemm, gemm_cap;
    PlanConv *conv;     u32 nconv, conv_cap;
    Engine *engine;     u32 nengine, engine_cap;
    PlanBlob blob[MAX_BLOBS]; /* by build: code files, what they run on ... */
    const char *blob_name[MAX_BLOBS]; /* ... and their names */
    u32 nblob;
    u64 need[NARENA];   /* by place: bytes of each arena */
    u32 state;          /* what holds now: HAS_* */
} Prog;

enum { HAS_SHAPES = 1, HAS_GRAD = 2, HAS_SMALL = 4, HAS_GROUPS = 8,
       HAS_STEPS = 16, HAS_ORDER = 32, HAS_PLACE = 64, HAS_CODE = 128,
       HAS_BLOB = 256 };

/* -------------------------------------------------------------------- ops */

enum {
#define OP(name, nin, nout, kind, flags, family, attrs, text) OP_##name,
#include "compiler/ops.def"
    NOP
};
enum { KIND_leaf, KIND_elem, KIND_view, KIND_reduce, KIND_move, KIND_library,
       KIND_special, KIND_composite, KIND_effect };
enum { F_COMM = 1, F_RAND = 2 };

typedef struct AttrSpec {
    const char *name; /* interned */
    char type;        /* i f s l */
    bool required;
    f64 missing;
} AttrSpec;

/* What a family file offers; NULL where its ops have none. */
typedef struct Family {
    /* Fills n->out from its inputs' types; false after diag_err(). */
    bool (*infer)(Func *f, Node *n);
    /* Adds to each input's gradient (grad_add) for dy of output 0. */
    void (*grad)(struct Grad *g, u32 node, Val dy);
    /* composite: emits primitives, returns the value they make. */
    Val (*expand)(struct Build *b, const Node *n, const Val *in);
} Family;

typedef struct Op {
    const char *name, *family_name, *attrs, *text;
    i32 nin, nout; /* nin -1: any number from 1 on */
    u8 kind, flags;
    const Family *family;
    AttrSpec attr[MAX_ATTR];
    u32 nattr;
} Op;
extern Op optab[NOP]; /* ops.c */

/* ------------------------------------------------------------------- util.c
 * One arena that lives until exit; strings are interned, so equal text means
 * equal pointer. */
void *mem_alloc(u64 bytes);                      /* zeroed; never NULL */
void *mem_grow(void *p, u32 n, u32 *cap, u64 size); /* room for n+1 rows */
#define PUSH(array, n, cap)                                                    \
    ((array) = mem_grow(array, n, &(cap), sizeof *(array)), &(array)[(n)++])
const char *intern(const char *s);
const char *intern_n(const char *s, u64 n);
const char *format(const char *fmt, ...)         /* interned */
    __attribute__((format(printf, 1, 2)));
bool glob(const char *pattern, const char *text); /* '*' and '?' */
const char *nearest(const char *word, const char *const *words, u32 n);
u8 *file_read(const char *path, u64 limit, u64 *bytes); /* NULL: errno says */
bool file_write(const char *path, const void *data, u64 bytes); /* tmp+rename */
bool make_dirs(const char *path);

/* ------------------------------------------------------------------- diag.c
 * Errors of the user are collected (at most 20) and counted; `place` is a
 * chain "file:line < file:line", whose first file's line is shown. */
void diag_err(const char *place, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void diag_note(const char *place, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
u32 diag_count(void);
/* Exits with `code` after printing; for what cannot be collected. */
_Noreturn void die(int code, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Our own fault: says which pass and node, exits 70. */
_Noreturn void bug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Lines of the model's files, for carets; front.c gives them. */
void diag_source(const char *file, const char *text, u64 bytes);
void diag_folder(const char *prefix); /* put before files that are shown */
/* How many of the bytes are UTF-8 text that a terminal only draws. */
u64 diag_plain(const char *s, u64 bytes);
extern bool diag_child; /* in the model's process: leave without clean-up */
extern const char *diag_pass; /* word of the running pass, for bug() */

/* -------------------------------------------------------------------- ops.c */
void ops_init(void);                     /* fills optab from ops.def */
int op_find(const char *name);           /* OP_*, or -1 */
int attr_find(u32 op, const char *name); /* index, or -1 */
i64 attr_i(const Node *n, const char *name);
f64 attr_f(const Node *n, const char *name);
const char *attr_s(const Node *n, const char *name);
const Attr *attr_l(const Node *n, const char *name);
/* A fresh attribute row of op with its defaults, and setters into it. */
Attr *attrs_new(u32 op);
void attr_set_f(Attr *a, u32 op, const char *name, f64 value);
void attr_set_s(Attr *a, u32 op, const char *name, const char *value);
void attr_set_l(Attr *a, u32 op, const char *name, u32 n, const i32 *list);
/* The manual page of `sohoc --ops`, printed from the table. */
void ops_print(FILE *out);

/* ------------------------------------------------------------------ graph.c */
Type type_make(u32 dtype, u32 rank, const i32 *dim);
Type type_of(const Func *f, Val v);
i64 type_count(const Type *t); /* elements */
u64 type_bytes(const Type *t);
bool type_same(const Type *a, const Type *b);
const char *type_text(const Type *t); /* "f32[4,768]" */
const Node *node_of(const Func *f, Val v);
/* Is it a literal?  *value (may be NULL) gets its number. */
bool val_literal(const Func *f, Val v, f64 *value);

/* Appends a node; attrs may be NULL (defaults).  No check: see infer_node. */
u32 node_add(Func *f, u32 op, const Val *in, u32 nin, const Attr *attrs,
             const char *name, const char *place);
/* Fills and checks n's output types; false if diag_err was called. */
bool infer_node(Func *f, u32 node);

/* Building with the place and name of an origin; nodes are inferred at once.
 * Used by grad, expand and the rewriting passes. */
typedef struct Build {
    struct Prog *prog;
    Func *f;
    const char *name, *place;
} Build;
Val emit1(Build *b, u32 op, Val a);
Val emit2(Build *b, u32 op, Val a, Val c);
Val emit_attrs(Build *b, u32 op, const Val *in, u32 nin, const Attr *attrs);
Val emit_literal(Build *b, f64 value);
Val emit_dims(Build *b, u32 op, Val x, u32 rank, const i32 *dim);
Val emit_reshape(Build *b, Val x, u32 rank, const i32 *dim);
Val emit_broadcast(Build *b, Val x, u32 rank, const i32 *dim);
Val emit_permute(Build *b, Val x, const u8 *order);
Val emit_slice(Build *b, Val x, u32 dim, i64 first, i64 count);
Val emit_sum(Build *b, Val x, u32 first, u32 count);
Val emit_max(Build *b, Val x, u32 first, u32 count);
Val emit_load(Build *b, const char *tensor);
void emit_store(Build *b, const char *tensor, Val v, bool add);

/* Rewrites f into a fresh node list: for each old node in order `fn` returns
 * the value that replaces output 0 (it may emit any number of nodes), or
 * VAL_NONE to keep the node as it is.  Outs, loss and inputs follow. */
typedef Val Rewrite(Build *b, const Node *n, const Val *in, void *user);
void graph_rebuild(Prog *p, Func *f, Rewrite *fn, void *user);
/* Drops the nodes that are not live (all that live ones use must be). */
void graph_sweep(Func *f, const bool *live);
/* Number of users of each value, outs included; index with a Val. */
u32 *graph_uses(const Func *f);

Tensor *tensor_find(const Prog *p, const char *name); /* NULL: none */
Tensor *tensor_add(Prog *p, const char *name, Type type, u32 role,
                   const char *place);
const char *meta_get(const Prog *p, const char *key); /* NULL: none */
void meta_set(Prog *p, const char *key, const char *value);
Func *func_find(Prog *p, const char *name);
Func *func_add(Prog *p, const char *name, u32 kind);

/* ---------------------------------------------------------------- options.c
 * Exits after -h, -d ?, -t ? and --ops, and with 2 on a wrong line. */
void options_read(Options *o, int argc, char **argv);

/* ------------------------------------------------------------------ front.c
 * Runs the model in a sandboxed child and reads the text it hands over. */
void front_read(Prog *p); /* exits 2, 3 or 6 with a message */

/* ------------------------------------------------------------------- keep.c
 * Values named by --keep become outputs; exits 2 where there is none. */
void keep_values(Prog *p);
/* For fuse: kept values that library calls would swallow get own nodes. */
void keep_apart(Func *f);

/* ------------------------------------------------ print.c, parse.c: the one
 * text form; parse reads exactly what print writes, and trusts nothing. */
void print_prog(const Prog *p, FILE *out);
void print_func(const Func *f, FILE *out);
bool parse_prog(Prog *p, const char *name, const char *text, u64 bytes);
/* Dotted name of 1..255 letters, digits, _ (and @); chain of places. */
bool name_good(const char *s);
bool place_good(const char *s);

/* ----------------------------------------------------------------- verify.c
 * Checks what p->state promises; shares no code with the passes. */
void verify(const Prog *p, const char *after); /* bug() if broken */
/* verify_place.c: that order changed nobody's input; that memory is apart. */
void verify_versions(const Prog *p, const char *after);
void verify_place(const Prog *p, const char *after);

/* -------------------------------------------------------------- the passes */
#define PASS(word, needs, gives, job) void pass_##word(Prog *p);
#include "compiler/pass.def"

/* prune.c: drops nodes that nobody reads, before grad. */
void prune_unread(Func *f);

/* ops/attention.c: sizes of attention, or of its gradient; attend.c: the shared
 * memory that its kernel needs. */
typedef struct AttentionShape {
    i64 rows, queries, keys, heads, side; /* side: numbers of a head */
    bool packed, drops; /* q k v in one input; some scores are dropped */
} AttentionShape;
enum { ATTENTION_TILE = 16 }; /* rows that a warp has (attention.h) */
AttentionShape attention_shape(const Func *f, const Node *n);
u32 attention_bytes(const AttentionShape *a, bool gradient);

/* ------------------------------------------------------------------ grad.c */
typedef struct Grad {
    Build b;     /* appends to the func that is differentiated */
    Val *of;     /* gradient of output 0 of each node, or VAL_NONE */
    bool *wants; /* nodes a parameter's gradient flows through */
    u32 nnode;   /* nodes of the forward part */
} Grad;
/* Adds v (any shape that broadcasts from x's) to the gradient of value x. */
void grad_add(Grad *g, Val x, Val v);
void update_build(Prog *p); /* update.c: phases update and init */

/* ------------------------------------------------------------------- view.c
 * Where a value's elements lie: a chain of views resolved to its base. */
typedef struct Where {
    Val base;             /* the value that owns the memory; never a view */
    i64 offset;           /* elements from the base's first one */
    i64 stride[MAX_RANK]; /* elements, per axis; 0 where it repeats */
    bool ok;              /* false: a reshape in the chain needs a copy */
} Where;
Where where(const Func *f, Val v);
/* Are elements of type t with these strides dense in row-major order? */
bool is_dense(const Type *t, const i64 *stride);
void natural_strides(const Type *t, i64 *stride);

/* Do v's numbers have 16 bits, rounded or picked from rounded ones?  Such a
 * value is stored in half the bytes. */
bool is_half(const Func *f, Val v);
/* The type that config.precision names: DT_bf16 or DT_f16. */
u8 half_type(const struct Prog *p);
/* Does v lie in memory as that type, a constant for one? */
bool lies_half(const struct Prog *p, const Func *f, Val v);

/* special.c: on the GPU, does the template of `op` read its first input and
 * write its first output as halves, too? */
bool special_takes_half(u32 op);

/* late.c, for fuse: per node, is it computed where it is read, however early
 * it could be?  LATE_alone: only where no kernel is there to go with.  `uses`
 * from graph_uses. */
enum { LATE_not, LATE_always, LATE_alone };
u8 *late_nodes(const Func *f, const u32 *uses);

/* fuse.c: the value behind v if only dense reshapes lie between, else v. */
Val through_reshape(const Func *f, Val v);
enum { ROW_MAX = 8192, ROW_LEVELS = 4, ROW_SUMS = 4, ROW_TOPS = 2,
       GROUP_MAX = 48, COLUMN_SUMS = 4 };

/* ------------------------------------------------------------------ steps.c
 * Buffers and steps: rows, ranges, the text of dumps after lower. */
u32 buf_add(Prog *p, const char *name, const Type *t, u32 arena, u32 role,
            i32 func, const char *place);
u32 buf_find(const Prog *p, const char *name); /* PLAN_NONE: none */
/* Whether the range (role range) covers buffer b. */
bool buf_covers(const Buf *range, const Buf *b);
void print_steps(const Prog *p, FILE *out);

/* ------------------------------------------------------------------ tmpl.c
 * Files built into the program (made by the Makefile), ended by path NULL. */
typedef struct Embed {
    const char *path, *text; /* "templates/cpu/row.c" */
} Embed;
extern const Embed embed_files[];
const char *tmpl_text(const char *path); /* NULL: there is none */
/* The whole text of a kernel's source file, malloc'ed. */
char *tmpl_instance(const struct Target *t, const Kernel *k, u64 *bytes);

/* ---------------------------------------------------------- emit.c, build.c
 * The C compiler gets all kernels in this many files, gen/unity0.c, ...; the
 * CUDA compiler in one. */
enum { UNITY_PARTS = 2 };
/* Runs n programs at once in the folder `dir`; argv lists end with NULL.  Ends
 * the compiler with their messages if one fails: generated code must compile,
 * so that is a bug. */
void build_run(const char *dir, const char *const *const argv[], u32 n);
/* The file DIR/NAME is code of this plan for ARCH_*: size and SHA-256. */
void build_blob(Prog *p, const char *name, u32 arch);

/* What a target does; a target never changes the graph. */
typedef struct Target {
    const char *name, *help;
    u32 id; /* TARGET_* */
    const struct Dialect *dialect; /* of its kernels (loops.h) */
    const char *folder, *suffix;   /* templates/FOLDER/X.SUFFIX */
    /* Fill sizes and form of library calls; false: diag_err was said. */
    bool (*size_gemm)(const Options *o, PlanGemm *g, const char *place);
    bool (*size_conv)(const Options *o, PlanConv *c, const char *place);
    /* Compile all kernels of p into files below p->opt.out. */
    bool (*build)(Prog *p);
} Target;
extern const Target target_null, target_cpu, target_cuda;

/* target/cuda.c: takes an architecture of --arch; those of a plan for which
 * none was named; "sm_90a" is 90, "ptx_90" is ARCH_PTX | 90. */
void cuda_arch(Options *o, const char *name);
void cuda_defaults(Options *o);
u32 cuda_arch_id(const char *name);
/* Is the emulated GPU of the tests the only one? */
bool cuda_only_emulated(const Options *o);
/* target/engines.c: asks cuDNN for plans of a row on the devices of the plan's
 * architectures, and for the scratch they need; lists them once all rows are
 * known. */
void engines_size(const Options *o, PlanConv *c);
void engines_list(Prog *p);
/* target/ptxas.c: what ptxas says of each kernel: a warning where one spills,
 * with `all` a table. */
void ptxas_print(const char *arch, const char *log, bool all);

#endif
