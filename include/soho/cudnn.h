/* cudnn.h - convolutions of a plan as graphs of NVIDIA's cuDNN 9: the text that
 * the compiler, which chooses engines ahead of time, and the runtime, which
 * runs them, share.
 *
 * Only cuDNN's backend API is used: descriptors with attributes.  Its functions
 * and the few constants are declared here, so that building needs no toolkit
 * and the library is opened where it is needed.  No GPU is needed to build a
 * graph and to choose a precompiled engine for it: the device is a text of
 * properties.
 *
 * Tensors of a row (plan.h) have the ids of its arguments, from 1 on: result,
 * first operand, second operand, bias, residual.  All are NHWC; weights are
 * [co,kh,kw,ci/groups]. */
#ifndef SOHO_CUDNN_H
#define SOHO_CUDNN_H

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "soho/plan.h"

typedef void *CudnnDesc;

/* X(name, arguments): int cudnnNAME(arguments), 0 is success. */
#define CUDNN_FUNCTIONS(X)                                                     \
    X(BackendCreateDescriptor, (int type, CudnnDesc *d))                       \
    X(BackendDestroyDescriptor, (CudnnDesc d))                                 \
    X(BackendSetAttribute,                                                     \
      (CudnnDesc d, int name, int type, int64_t count, const void *value))     \
    X(BackendGetAttribute, (CudnnDesc d, int name, int type, int64_t room,     \
                            int64_t *count, void *value))                      \
    X(BackendFinalize, (CudnnDesc d))                                          \
    X(BackendExecute, (void *handle, CudnnDesc plan, CudnnDesc pack))          \
    X(Create, (void **handle))                                                 \
    X(Destroy, (void *handle))                                                 \
    X(SetStream, (void *handle, void *stream))

typedef struct Cudnn {
    void *library;
#define X(name, args) int(*name) args;
    CUDNN_FUNCTIONS(X)
#undef X
    size_t (*GetVersion)(void);
    void (*GetLastErrorString)(char *text, size_t bytes);
} Cudnn;

/* Kinds of descriptors. */
enum {
    CUDNN_POINTWISE = 0,
    CUDNN_CONVOLUTION = 1,
    CUDNN_ENGINE = 2,
    CUDNN_CONFIG = 3,
    CUDNN_HEURISTIC = 4,
    CUDNN_PLAN = 5,
    CUDNN_CONV_FORWARD = 10,
    CUDNN_CONV_WEIGHTS = 11,
    CUDNN_CONV_DATA = 12,
    CUDNN_OP_POINTWISE = 13,
    CUDNN_GRAPH = 15,
    CUDNN_PACK = 16,
    CUDNN_TENSOR = 17,
    CUDNN_DEVICE = 38
};

/* Types of attributes. */
enum {
    CUDNN_T_DTYPE = 1,
    CUDNN_T_BOOL = 2,
    CUDNN_T_I64 = 3,
    CUDNN_T_DOUBLE = 5,
    CUDNN_T_POINTER = 6,
    CUDNN_T_CONV_MODE = 7,
    CUDNN_T_HEURISTIC = 8,
    CUDNN_T_NUMERICS = 11,
    CUDNN_T_POINTWISE = 14,
    CUDNN_T_DESC = 15,
    CUDNN_T_BEHAVIOUR = 19,
    CUDNN_T_CHAR = 24
};

/* Attributes. */
enum {
    CUDNN_A_POINTWISE_MODE = 0,
    CUDNN_A_POINTWISE_TYPE = 1,
    CUDNN_A_CONV_TYPE = 100,
    CUDNN_A_CONV_MODE = 101,
    CUDNN_A_CONV_DILATIONS = 102,
    CUDNN_A_CONV_STRIDES = 103,
    CUDNN_A_CONV_POST = 104,
    CUDNN_A_CONV_PRE = 105,
    CUDNN_A_CONV_DIMS = 106,
    CUDNN_A_HEURISTIC_MODE = 200,
    CUDNN_A_HEURISTIC_GRAPH = 201,
    CUDNN_A_HEURISTIC_RESULTS = 202,
    CUDNN_A_HEURISTIC_DEVICE = 204,
    CUDNN_A_CONFIG_ENGINE = 300,
    CUDNN_A_PLAN_HANDLE = 400,
    CUDNN_A_PLAN_CONFIG = 401,
    CUDNN_A_PLAN_WORKSPACE = 402,
    CUDNN_A_PLAN_JSON = 405,
    CUDNN_A_PLAN_DEVICE = 407,
    CUDNN_A_FORWARD = 700,      /* alpha, beta, conv, w, x, y */
    CUDNN_A_DATA = 706,         /* alpha, beta, conv, w, dx, dy */
    CUDNN_A_WEIGHTS = 712,      /* alpha, beta, conv, dw, x, dy */
    CUDNN_A_OP_POINTWISE = 750, /* pointwise, x, b, y */
    CUDNN_A_GRAPH_OPS = 801,
    CUDNN_A_TENSOR_ALIGNMENT = 900,
    CUDNN_A_TENSOR_TYPE = 901,
    CUDNN_A_TENSOR_DIMS = 902,
    CUDNN_A_TENSOR_STRIDES = 903,
    CUDNN_A_TENSOR_ID = 906,
    CUDNN_A_TENSOR_VIRTUAL = 907,
    CUDNN_A_PACK_IDS = 1000,
    CUDNN_A_PACK_POINTERS = 1001,
    CUDNN_A_PACK_WORKSPACE = 1003,
    CUDNN_A_ENGINE_INDEX = 1301,
    CUDNN_A_ENGINE_NUMERICS = 1303,
    CUDNN_A_ENGINE_BEHAVIOUR = 1305,
    CUDNN_A_DEVICE_HANDLE = 2701,
    CUDNN_A_DEVICE_JSON = 2702
};

/* Values. */
enum {
    CUDNN_FLOAT = 0,
    CUDNN_HALF = 2,
    CUDNN_BFLOAT16 = 9,
    CUDNN_CORRELATION = 1,
    CUDNN_ADD = 0,
    CUDNN_RELU = 100,
    CUDNN_MODE_B = 1,
    CUDNN_MODE_FALLBACK = 2,
    CUDNN_MODE_A = 3,
    CUDNN_NOTE_TENSOR_CORE = 0,
    CUDNN_NOTE_DOWN_CONVERT = 1,
    CUDNN_NOTE_REDUCED = 2,
    CUDNN_NOTE_FFT = 3,
    CUDNN_NOTE_NONDETERMINISTIC = 4,
    CUDNN_NOTE_WINOGRAD = 5,
    CUDNN_NOTE_WINOGRAD_13 = 8,
    CUDNN_NOTE_RUNTIME = 0, /* of behaviour: compiled when the plan is made */
    CUDNN_NOTE_CUBLASLT = 4
};

/* ----------------------------------------------------------------- library */

/* Opens cuDNN; false: *why (static) says what is missing. */
static inline bool
cudnn_open(Cudnn *c, const char **why)
{
    static const char *const name[] = {"libcudnn.so.9",
                                       "/usr/local/cuda/lib64/libcudnn.so.9",
                                       "/usr/local/cuda/lib/libcudnn.so.9"};
    const char *own = getenv("SOHO_CUDNN");
    void *at;

    *why = "cuDNN 9 (libcudnn.so.9) is not installed";
    c->library = own ? dlopen(own, RTLD_NOW | RTLD_LOCAL) : NULL;
    for (u32 i = 0; !own && i < countof(name) && !c->library; i++)
        c->library = dlopen(name[i], RTLD_NOW | RTLD_LOCAL);
    if (!c->library)
        return false;
    *why = "this libcudnn.so.9 lacks a function of the backend API";
#define X(name, args)                                                          \
    at = dlsym(c->library, "cudnn" #name);                                     \
    if (!at)                                                                   \
        return false;                                                          \
    memcpy(&c->name, &at, sizeof at);
    CUDNN_FUNCTIONS(X)
    X(GetVersion, )
    X(GetLastErrorString, )
#undef X
    *why = NULL;
    return true;
}

/* -------------------------------------------------------------- descriptors */

/* Everything that one graph is made of, to be given back together. */
typedef struct CudnnGraph {
    const Cudnn *lib;
    CudnnDesc all[40];
    u32 n;
    int error; /* the first */
    CudnnDesc graph;
} CudnnGraph;

static inline CudnnDesc
cudnn_new(CudnnGraph *g, int kind)
{
    CudnnDesc d = NULL;

    if (!g->error && g->n < countof(g->all)) {
        g->error = g->lib->BackendCreateDescriptor(kind, &d);
        if (!g->error)
            g->all[g->n++] = d;
    }
    return d;
}

static inline void
cudnn_set(CudnnGraph *g, CudnnDesc d, int name, int type, int64_t count,
          const void *value)
{
    if (!g->error)
        g->error = g->lib->BackendSetAttribute(d, name, type, count, value);
}

static inline void
cudnn_set_desc(CudnnGraph *g, CudnnDesc d, int name, CudnnDesc value)
{
    cudnn_set(g, d, name, CUDNN_T_DESC, 1, &value);
}

static inline CudnnDesc
cudnn_done(CudnnGraph *g, CudnnDesc d)
{
    if (!g->error)
        g->error = g->lib->BackendFinalize(d);
    return d;
}

static inline void
cudnn_close_graph(CudnnGraph *g)
{
    while (g->n)
        g->lib->BackendDestroyDescriptor(g->all[--g->n]);
}

/* ------------------------------------------------------------------- tensors
 */

/* Dimensions n, c, h, w of a tensor that lies as n, h, w, c.  id 0: between two
 * operations, in f32. */
static inline CudnnDesc
cudnn_tensor(CudnnGraph *g, int64_t id, u32 dtype, const i64 dim[4])
{
    CudnnDesc t = cudnn_new(g, CUDNN_TENSOR);
    int64_t stride[4] = {dim[1] * dim[2] * dim[3], 1, dim[3] * dim[1], dim[1]};
    int64_t size[4] = {dim[0], dim[1], dim[2], dim[3]}, align = 16;
    int64_t own = id ? id : 100 + (int64_t)g->n;
    int type = !id                ? CUDNN_FLOAT
               : dtype == DT_bf16 ? CUDNN_BFLOAT16
               : dtype == DT_f16  ? CUDNN_HALF
                                  : CUDNN_FLOAT;
    bool between = !id;

    cudnn_set(g, t, CUDNN_A_TENSOR_TYPE, CUDNN_T_DTYPE, 1, &type);
    cudnn_set(g, t, CUDNN_A_TENSOR_DIMS, CUDNN_T_I64, 4, size);
    cudnn_set(g, t, CUDNN_A_TENSOR_STRIDES, CUDNN_T_I64, 4, stride);
    cudnn_set(g, t, CUDNN_A_TENSOR_ID, CUDNN_T_I64, 1, &own);
    cudnn_set(g, t, CUDNN_A_TENSOR_ALIGNMENT, CUDNN_T_I64, 1, &align);
    cudnn_set(g, t, CUDNN_A_TENSOR_VIRTUAL, CUDNN_T_BOOL, 1, &between);
    return cudnn_done(g, t);
}

static inline CudnnDesc
cudnn_geometry(CudnnGraph *g, const PlanConv *c)
{
    CudnnDesc d = cudnn_new(g, CUDNN_CONVOLUTION);
    int64_t two = 2, pre[2] = {c->pad[0], c->pad[1]};
    int64_t post[2] = {c->pad[2], c->pad[3]};
    int type = CUDNN_FLOAT, mode = CUDNN_CORRELATION;

    /* what a stride leaves out below and right needs no padding */
    post[0] = post[0] < 0 ? 0 : post[0];
    post[1] = post[1] < 0 ? 0 : post[1];
    cudnn_set(g, d, CUDNN_A_CONV_TYPE, CUDNN_T_DTYPE, 1, &type);
    cudnn_set(g, d, CUDNN_A_CONV_MODE, CUDNN_T_CONV_MODE, 1, &mode);
    cudnn_set(g, d, CUDNN_A_CONV_DIMS, CUDNN_T_I64, 1, &two);
    cudnn_set(g, d, CUDNN_A_CONV_PRE, CUDNN_T_I64, 2, pre);
    cudnn_set(g, d, CUDNN_A_CONV_POST, CUDNN_T_I64, 2, post);
    cudnn_set(g, d, CUDNN_A_CONV_STRIDES, CUDNN_T_I64, 2, c->stride);
    cudnn_set(g, d, CUDNN_A_CONV_DILATIONS, CUDNN_T_I64, 2, c->dilation);
    return cudnn_done(g, d);
}

/* The convolution itself: attributes from `first` on in cuDNN's order. */
static inline CudnnDesc
cudnn_conv(CudnnGraph *g, const PlanConv *c, CudnnDesc w, CudnnDesc x,
           CudnnDesc y)
{
    static const int kind[] = {CUDNN_CONV_FORWARD, CUDNN_CONV_DATA,
                               CUDNN_CONV_WEIGHTS};
    static const int first[] = {CUDNN_A_FORWARD, CUDNN_A_DATA, CUDNN_A_WEIGHTS};
    CudnnDesc d = cudnn_new(g, kind[c->dir]);
    double alpha = 1, beta = 0;
    int a = first[c->dir];

    cudnn_set(g, d, a, CUDNN_T_DOUBLE, 1, &alpha);
    cudnn_set(g, d, a + 1, CUDNN_T_DOUBLE, 1, &beta);
    cudnn_set_desc(g, d, a + 2, cudnn_geometry(g, c));
    cudnn_set_desc(g, d, a + 3, w);
    cudnn_set_desc(g, d, a + 4, x);
    cudnn_set_desc(g, d, a + 5, y);
    return cudnn_done(g, d);
}

/* y = x + b, or max(x, 0) where b is NULL. */
static inline CudnnDesc
cudnn_pointwise(CudnnGraph *g, int mode, CudnnDesc x, CudnnDesc b, CudnnDesc y)
{
    CudnnDesc p = cudnn_new(g, CUDNN_POINTWISE);
    CudnnDesc op = cudnn_new(g, CUDNN_OP_POINTWISE);
    int type = CUDNN_FLOAT;

    cudnn_set(g, p, CUDNN_A_POINTWISE_MODE, CUDNN_T_POINTWISE, 1, &mode);
    cudnn_set(g, p, CUDNN_A_POINTWISE_TYPE, CUDNN_T_DTYPE, 1, &type);
    cudnn_done(g, p);
    cudnn_set_desc(g, op, CUDNN_A_OP_POINTWISE, p);
    cudnn_set_desc(g, op, CUDNN_A_OP_POINTWISE + 1, x);
    if (b)
        cudnn_set_desc(g, op, CUDNN_A_OP_POINTWISE + 2, b);
    cudnn_set_desc(g, op, CUDNN_A_OP_POINTWISE + 3, y);
    return cudnn_done(g, op);
}

/* Builds the graph of a row; false: g->error, and nothing to give back. */
static inline bool
cudnn_graph(const Cudnn *lib, const PlanConv *c, CudnnGraph *g)
{
    const i64 x[4] = {c->n, c->ci, c->h, c->w};
    const i64 w[4] = {c->co, c->ci / c->groups, c->kh, c->kw};
    const i64 y[4] = {c->n, c->co, c->oh, c->ow}, bias[4] = {1, c->co, 1, 1};
    const i64 *const dim[3][3] = {{y, x, w}, {x, y, w}, {w, x, y}};
    /* in the order that precompiled engines know */
    static const u32 order[] = {POST_add, POST_bias, POST_relu};
    u32 left = c->post & (POST_bias | POST_add | POST_relu), nop = 0;
    CudnnDesc t[3], op[4], last;

    *g = (CudnnGraph){.lib = lib};
    for (u32 k = 0; k < 3; k++)
        t[k] = cudnn_tensor(g, k == 0 && left ? 0 : k + 1, c->dtype[k],
                            dim[c->dir][k]);
    op[nop++] = c->dir == 0   ? cudnn_conv(g, c, t[2], t[1], t[0])
                : c->dir == 1 ? cudnn_conv(g, c, t[2], t[0], t[1])
                              : cudnn_conv(g, c, t[0], t[1], t[2]);
    last = t[0];
    for (u32 i = 0; i < countof(order); i++) {
        CudnnDesc other = NULL, to;

        if (!(left & order[i]))
            continue;
        left &= ~order[i];
        if (order[i] == POST_bias)
            other = cudnn_tensor(g, 4, c->dtype[3], bias);
        if (order[i] == POST_add)
            other =
                cudnn_tensor(g, c->post & POST_bias ? 5 : 4, c->dtype[3], y);
        to = cudnn_tensor(g, left ? 0 : 1, c->dtype[0], y);
        op[nop++] =
            cudnn_pointwise(g, other ? CUDNN_ADD : CUDNN_RELU, last, other, to);
        last = to;
    }
    g->graph = cudnn_new(g, CUDNN_GRAPH);
    cudnn_set(g, g->graph, CUDNN_A_GRAPH_OPS, CUDNN_T_DESC, nop, op);
    cudnn_done(g, g->graph);
    if (g->error)
        cudnn_close_graph(g);
    return !g->error;
}

/* ------------------------------------------------------------------- engines
 */

static inline bool
cudnn_has_note(const int *note, int64_t n, int value)
{
    for (int64_t i = 0; i < n; i++)
        if (note[i] == value)
            return true;
    return false;
}

/* May an engine serve?  It has to be compiled already, give the same bits every
 * time unless those may vary, and for f32 do what f32 says. */
static inline bool
cudnn_may(const Cudnn *lib, CudnnDesc engine, const PlanConv *c)
{
    int is[16], does[8];
    int64_t nis = 0, ndoes = 0;
    bool f32_only = c->dtype[1] == DT_f32 && !(c->post & POST_tf32);

    lib->BackendGetAttribute(engine, CUDNN_A_ENGINE_NUMERICS, CUDNN_T_NUMERICS,
                             16, &nis, is);
    lib->BackendGetAttribute(engine, CUDNN_A_ENGINE_BEHAVIOUR,
                             CUDNN_T_BEHAVIOUR, 8, &ndoes, does);
    for (int note = CUDNN_NOTE_WINOGRAD; note <= CUDNN_NOTE_WINOGRAD_13; note++)
        if (cudnn_has_note(is, nis, note))
            return false;
    if (f32_only && (cudnn_has_note(is, nis, CUDNN_NOTE_TENSOR_CORE) ||
                     cudnn_has_note(is, nis, CUDNN_NOTE_DOWN_CONVERT)))
        return false;
    return (c->post & POST_varies ||
            !cudnn_has_note(is, nis, CUDNN_NOTE_NONDETERMINISTIC)) &&
           !cudnn_has_note(is, nis, CUDNN_NOTE_FFT) &&
           !cudnn_has_note(is, nis, CUDNN_NOTE_REDUCED) &&
           !cudnn_has_note(does, ndoes, CUDNN_NOTE_RUNTIME) &&
           !cudnn_has_note(does, ndoes, CUDNN_NOTE_CUBLASLT);
}

/* A finalised plan, the bytes it works in, and the engine's number. */
typedef struct CudnnPlan {
    CudnnDesc plan;
    int64_t workspace, engine;
} CudnnPlan;

static inline bool
cudnn_try(const Cudnn *lib, CudnnDesc config, CudnnDesc device,
          const PlanConv *c, int64_t most, CudnnPlan *p)
{
    CudnnDesc engine = NULL;
    int64_t n = 0;
    bool good;

    *p = (CudnnPlan){.plan = NULL};
    if (lib->BackendCreateDescriptor(CUDNN_ENGINE, &engine))
        return false;
    good = !lib->BackendGetAttribute(config, CUDNN_A_CONFIG_ENGINE,
                                     CUDNN_T_DESC, 1, &n, &engine) &&
           cudnn_may(lib, engine, c) &&
           !lib->BackendGetAttribute(engine, CUDNN_A_ENGINE_INDEX, CUDNN_T_I64,
                                     1, &n, &p->engine) &&
           !lib->BackendCreateDescriptor(CUDNN_PLAN, &p->plan) &&
           !lib->BackendSetAttribute(p->plan, CUDNN_A_PLAN_CONFIG, CUDNN_T_DESC,
                                     1, &config) &&
           !lib->BackendSetAttribute(p->plan, CUDNN_A_PLAN_DEVICE, CUDNN_T_DESC,
                                     1, &device) &&
           !lib->BackendFinalize(p->plan) &&
           !lib->BackendGetAttribute(p->plan, CUDNN_A_PLAN_WORKSPACE,
                                     CUDNN_T_I64, 1, &n, &p->workspace) &&
           p->workspace <= most;
    lib->BackendDestroyDescriptor(engine);
    if (!good && p->plan)
        lib->BackendDestroyDescriptor(p->plan);
    return good;
}

enum { CUDNN_CONFIGS = 64 };

/* The first engine that a mode of the heuristics proposes and that serves, but
 * for *skip of them. */
static inline bool
cudnn_ask(const Cudnn *lib, const CudnnGraph *g, CudnnDesc device, int mode,
          const PlanConv *c, int64_t most, u32 *skip, CudnnPlan *p)
{
    CudnnDesc heuristic = NULL, config[CUDNN_CONFIGS];
    int64_t n = 0, made = 0;
    bool found = false;

    if (lib->BackendCreateDescriptor(CUDNN_HEURISTIC, &heuristic))
        return false;
    while (made < CUDNN_CONFIGS &&
           !lib->BackendCreateDescriptor(CUDNN_CONFIG, &config[made]))
        made++;
    if (!lib->BackendSetAttribute(heuristic, CUDNN_A_HEURISTIC_GRAPH,
                                  CUDNN_T_DESC, 1, &g->graph) &&
        !lib->BackendSetAttribute(heuristic, CUDNN_A_HEURISTIC_MODE,
                                  CUDNN_T_HEURISTIC, 1, &mode) &&
        !lib->BackendSetAttribute(heuristic, CUDNN_A_HEURISTIC_DEVICE,
                                  CUDNN_T_DESC, 1, &device) &&
        !lib->BackendFinalize(heuristic))
        lib->BackendGetAttribute(heuristic, CUDNN_A_HEURISTIC_RESULTS,
                                 CUDNN_T_DESC, made, &n, config);
    for (int64_t i = 0; i < n && i < made && !found; i++) {
        found = cudnn_try(lib, config[i], device, c, most, p);
        if (found && *skip) {
            lib->BackendDestroyDescriptor(p->plan);
            --*skip;
            found = false;
        }
    }
    while (made)
        lib->BackendDestroyDescriptor(config[--made]);
    lib->BackendDestroyDescriptor(heuristic);
    return found;
}

/* Chooses a plan for a row on a device, the nth that serves; the caller
 * destroys p->plan.  `most`: bytes of workspace. */
static inline bool
cudnn_choose(const Cudnn *lib, CudnnDesc device, const PlanConv *c,
             int64_t most, u32 nth, CudnnPlan *p)
{
    static const int mode[] = {CUDNN_MODE_A, CUDNN_MODE_B, CUDNN_MODE_FALLBACK};
    CudnnGraph g;
    bool found = false;

    if (!cudnn_graph(lib, c, &g))
        return false;
    for (u32 i = 0; i < countof(mode) && !found; i++)
        found = cudnn_ask(lib, &g, device, mode[i], c, most, &nth, p);
    cudnn_close_graph(&g);
    return found;
}

/* A device from the text of its properties; NULL: cuDNN does not take it. */
static inline CudnnDesc
cudnn_device(const Cudnn *lib, const char *json)
{
    CudnnDesc d = NULL;

    if (lib->BackendCreateDescriptor(CUDNN_DEVICE, &d))
        return NULL;
    if (!lib->BackendSetAttribute(d, CUDNN_A_DEVICE_JSON, CUDNN_T_CHAR,
                                  (int64_t)strlen(json), json) &&
        !lib->BackendFinalize(d))
        return d;
    lib->BackendDestroyDescriptor(d);
    return NULL;
}

/* The text of a plan, malloc'ed; NULL: none. */
static inline char *
cudnn_text(const Cudnn *lib, CudnnDesc plan)
{
    int64_t n = 0;
    char *text;

    if (lib->BackendGetAttribute(plan, CUDNN_A_PLAN_JSON, CUDNN_T_CHAR, 0, &n,
                                 NULL))
        return NULL;
    text = calloc((size_t)n + 1, 1);
    if (text && lib->BackendGetAttribute(plan, CUDNN_A_PLAN_JSON, CUDNN_T_CHAR,
                                         n, &n, text)) {
        free(text);
        text = NULL;
    }
    return text;
}

#endif
