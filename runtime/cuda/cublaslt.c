/* cublaslt.c - products of a plan by NVIDIA's cuBLASLt.
 *
 * In: rows of the plan and the device addresses of a step's arguments.  Out:
 * calls whose algorithm was chosen when the plan was opened; running one
 * allocates nothing. */
#include "runtime/cuda/cublaslt_own.h"

#include <stdlib.h>
#include <string.h>

#include <dlfcn.h>

struct GemmCall {
    GemmShape shape;
    void *desc, *left, *right, *d; /* descriptions */
    struct LtAlgo algo;
    DevicePtr at[4], workspace; /* left, right, added, result */
    u64 bytes[3], room;         /* of an element of each; of the workspace */
    float beta;
};

/* ------------------------------------------------------------------- shapes */

/* A matrix of `rows` x `columns` with these strides, or its transpose, with
 * contiguous columns? */
static int
layout(i64 rows, i64 columns, i64 row, i64 column, u8 *turned, i64 *ld)
{
    if (row == 1 || rows == 1) {
        *turned = 0;
        *ld = columns == 1 ? rows : column;
        return *ld >= rows;
    }
    *turned = 1;
    *ld = row;
    return (column == 1 || columns == 1) && row >= columns;
}

/* The larger batch dimension goes into one call, or both where they are one. */
static void
batches(const PlanGemm *g, const i64 *left, const i64 *right, GemmShape *s)
{
    const i64 *c = g->c_stride;
    int one = g->nb[0] == 1 || g->nb[1] == 1 ||
              (left[0] == left[1] * g->nb[1] &&
               right[0] == right[1] * g->nb[1] && c[0] == c[1] * g->nb[1]);
    u32 in = g->nb[1] > 1 && (one || g->nb[1] >= g->nb[0]) ? 1 : 0;

    s->batch = one ? g->nb[0] * g->nb[1] : g->nb[in];
    s->times = one ? 1 : g->nb[1 - in];
    s->left_step = left[in], s->left_jump = left[1 - in];
    s->right_step = right[in], s->right_jump = right[1 - in];
    s->d_step = c[in], s->d_jump = c[1 - in];
}

int
gemm_shape(const PlanGemm *g, GemmShape *s)
{
    const i64 *a = g->a_stride, *b = g->b_stride, *c = g->c_stride;
    int whole = c[3] == 1 || g->n == 1; /* rows of c are contiguous */
    u8 plain;

    *s = (GemmShape){.inner = g->k};
    if (whole) { /* the transpose is computed */
        s->rows = g->n, s->columns = g->m, s->left = 2, s->right = 1;
        batches(g, b, a, s);
        return layout(g->n, g->k, b[3], b[2], &s->left_turned, &s->left_ld) &&
               layout(g->k, g->m, a[3], a[2], &s->right_turned, &s->right_ld) &&
               layout(g->n, g->m, 1, c[2], &plain, &s->d_ld);
    }
    s->rows = g->m, s->columns = g->n, s->left = 1, s->right = 2;
    batches(g, a, b, s);
    return layout(g->m, g->k, a[2], a[3], &s->left_turned, &s->left_ld) &&
           layout(g->k, g->n, b[2], b[3], &s->right_turned, &s->right_ld) &&
           layout(g->m, g->n, c[2], c[3], &plain, &s->d_ld) && !plain;
}

/* ------------------------------------------------------------------ library */

int
cublaslt_open(Err *e, const Plan *plan, CublasLt **to)
{
    static const char *const name[] = {
        "libcublasLt.so.13", "libcublasLt.so.12",
        "/usr/local/cuda/lib64/libcublasLt.so.13",
        "/usr/local/cuda/lib64/libcublasLt.so.12"};
    CublasLt *lt = calloc(1, sizeof *lt);

    *to = lt;
    FAIL_IF(!lt, e, SOHO_MEMORY, "no memory for cuBLASLt");
    for (u32 i = 0; i < countof(name) && !lt->library; i++)
        lt->library = dlopen(name[i], RTLD_NOW | RTLD_LOCAL);
    FAIL_IF(!lt->library, e, SOHO_DEVICE,
            "%s: its products need libcublasLt.so.13 or .12, which comes with "
            "the CUDA toolkit",
            plan->path);
#define X(name, args)                                                          \
    {                                                                          \
        void *at = dlsym(lt->library, "cublasLt" #name);                       \
        FAIL_IF(!at, e, SOHO_DEVICE, "cuBLASLt has no cublasLt" #name);        \
        memcpy(&lt->name, &at, sizeof at);                                     \
    }
    LT_FUNCTIONS(X)
    X(GetVersion, )
#undef X
    FAIL_IF(lt->Create(&lt->handle), e, SOHO_DEVICE,
            "%s: cuBLASLt does not start on this device", plan->path);
    return 0;
}

size_t
cublaslt_version(const CublasLt *lt)
{
    return lt ? lt->GetVersion() : 0;
}

void
cublaslt_close(CublasLt *lt)
{
    if (!lt)
        return;
    if (lt->handle)
        lt->Destroy(lt->handle);
    free(lt);
}

/* ----------------------------------------------------------------- preparing
 */

static int
type_of(u8 dtype)
{
    return dtype == DT_bf16 ? LT_BF16 : dtype == DT_f16 ? LT_F16 : LT_F32;
}

static int
describe(CublasLt *lt, void **layout_, u8 dtype, i64 rows, i64 columns, i64 ld,
         const GemmShape *s, i64 step)
{
    i32 batch = (i32)s->batch;
    int bad = lt->MatrixLayoutCreate(layout_, type_of(dtype), (u64)rows,
                                     (u64)columns, ld);

    if (!bad && batch > 1)
        bad = lt->MatrixLayoutSetAttribute(*layout_, LT_BATCH, &batch,
                                           sizeof batch) ||
              lt->MatrixLayoutSetAttribute(*layout_, LT_BATCH_STEP, &step,
                                           sizeof step);
    return bad;
}

/* Transposes, bias and activation. */
static int
describe_product(CublasLt *lt, GemmCall *call, const PlanGemm *g,
                 DevicePtr bias)
{
    i32 left = call->shape.left_turned, right = call->shape.right_turned;
    i32 type = type_of(g->dtype[3]), epilogue = LT_ADDS_NOTHING;
    int compute = g->post & POST_tf32 ? LT_COMPUTE_TF32 : LT_COMPUTE_F32;

    if (lt->MatmulDescCreate(&call->desc, compute, LT_F32) ||
        lt->MatmulDescSetAttribute(call->desc, LT_TURN_A, &left, sizeof left) ||
        lt->MatmulDescSetAttribute(call->desc, LT_TURN_B, &right, sizeof right))
        return 1;
    if (g->post & POST_relu)
        epilogue = LT_ADDS_RELU;
    if (g->post & POST_bias) {
        epilogue = LT_ADDS_BIAS | (g->post & POST_relu ? LT_ADDS_RELU : 0);
        if (lt->MatmulDescSetAttribute(call->desc, LT_BIAS, &bias,
                                       sizeof bias) ||
            lt->MatmulDescSetAttribute(call->desc, LT_BIAS_TYPE, &type,
                                       sizeof type))
            return 1;
    }
    return lt->MatmulDescSetAttribute(call->desc, LT_EPILOGUE, &epilogue,
                                      sizeof epilogue);
}

/* Bytes that all addresses of a matrix are multiples of: its first, and those
 * of the next of a batch. */
static u32
alignment(u64 first, i64 step, i64 jump, u64 bytes)
{
    u64 all = first | (u64)step * bytes | (u64)jump * bytes | 256;

    return (u32)(all & -all);
}

static int
tell_alignments(CublasLt *lt, const GemmCall *call, void *preference)
{
    const GemmShape *s = &call->shape;
    const u64 *at = call->at, *bytes = call->bytes;
    const u32 is[4] = {alignment(at[0], s->left_step, s->left_jump, bytes[0]),
                       alignment(at[1], s->right_step, s->right_jump, bytes[1]),
                       alignment(at[2], s->d_step, s->d_jump, bytes[2]),
                       alignment(at[3], s->d_step, s->d_jump, bytes[2])};
    int bad = 0;

    for (int i = 0; i < 4 && !bad; i++)
        bad = lt->MatmulPreferenceSetAttribute(preference, LT_ALIGNED + i,
                                               &is[i], sizeof is[i]);
    return bad;
}

static int
choose(CublasLt *lt, GemmCall *call, u32 nth)
{
    void *preference = NULL;
    LtAlgo found[CANDIDATES];
    int n = 0, bad = lt->MatmulPreferenceCreate(&preference);

    if (bad)
        return bad;
    bad = lt->MatmulPreferenceSetAttribute(preference, LT_WORKSPACE,
                                           &call->room, sizeof call->room) ||
          tell_alignments(lt, call, preference) ||
          lt->MatmulAlgoGetHeuristic(lt->handle, call->desc, call->left,
                                     call->right, call->d, call->d, preference,
                                     (int)nth + 1, found, &n) ||
          n <= (int)nth;
    lt->MatmulPreferenceDestroy(preference);
    if (!bad)
        call->algo = found[nth];
    return bad;
}

/* Addresses of a step's arguments: c a b [bias] [residual] [scratch]. */
static DevicePtr
take_addresses(const PlanGemm *g, const DevicePtr *at, GemmCall *call)
{
    const DevicePtr *extra = at + 3;
    DevicePtr bias = g->post & POST_bias ? *extra++ : 0;

    call->at[0] = at[call->shape.left];
    call->at[1] = at[call->shape.right];
    call->at[2] = g->post & POST_add ? *extra++ : at[0];
    call->at[3] = at[0];
    call->beta = g->post & (POST_add | POST_accum) ? 1 : 0;
    call->workspace = g->scratch ? align_up(*extra, PLAN_WORKSPACE) : 0;
    call->room = g->scratch ? g->scratch - PLAN_WORKSPACE : 0;
    call->bytes[0] = dtype_bytes(g->dtype[call->shape.left]);
    call->bytes[1] = dtype_bytes(g->dtype[call->shape.right]);
    call->bytes[2] = dtype_bytes(g->dtype[0]);
    return bias;
}

int
cublaslt_prepare(Err *e, CublasLt *lt, const PlanGemm *g, const DevicePtr *at,
                 u32 nth, GemmCall **to)
{
    GemmCall *call = *to = calloc(1, sizeof *call);
    GemmShape *s = &call->shape;
    DevicePtr bias;

    FAIL_IF(!call, e, SOHO_MEMORY, "no memory for a product");
    FAIL_IF(!gemm_shape(g, s), e, SOHO_DEVICE,
            "cuBLASLt has no product with such strides");
    bias = take_addresses(g, at, call);
    FAIL_IF(describe_product(lt, call, g, bias) ||
                describe(lt, &call->left, g->dtype[s->left],
                         s->left_turned ? s->inner : s->rows,
                         s->left_turned ? s->rows : s->inner, s->left_ld, s,
                         s->left_step) ||
                describe(lt, &call->right, g->dtype[s->right],
                         s->right_turned ? s->columns : s->inner,
                         s->right_turned ? s->inner : s->columns, s->right_ld,
                         s, s->right_step) ||
                describe(lt, &call->d, g->dtype[0], s->rows, s->columns,
                         s->d_ld, s, s->d_step) ||
                choose(lt, call, nth),
            e, SOHO_DEVICE, "cuBLASLt has no algorithm for this product");
    return 0;
}

void
cublaslt_forget(CublasLt *lt, GemmCall *call)
{
    if (!call)
        return;
    if (call->desc)
        lt->MatmulDescDestroy(call->desc);
    if (call->left)
        lt->MatrixLayoutDestroy(call->left);
    if (call->right)
        lt->MatrixLayoutDestroy(call->right);
    if (call->d)
        lt->MatrixLayoutDestroy(call->d);
    free(call);
}

int
cublaslt_run(CublasLt *lt, const GemmCall *call, void *stream)
{
    const GemmShape *s = &call->shape;
    const float one = 1;

    for (i64 i = 0; i < s->times; i++) {
        u64 d = (u64)(i * s->d_jump) * call->bytes[2];
        int code = lt->Matmul(
            lt->handle, call->desc, &one,
            call->at[0] + (u64)(i * s->left_jump) * call->bytes[0], call->left,
            call->at[1] + (u64)(i * s->right_jump) * call->bytes[1],
            call->right, &call->beta, call->at[2] + d, call->d, call->at[3] + d,
            call->d, &call->algo, call->workspace, call->room, stream);

        if (code)
            return code;
    }
    return 0;
}
