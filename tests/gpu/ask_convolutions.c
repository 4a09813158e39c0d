/* ask_convolutions.c - what cuDNN offers on this device. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cuda/convs.h"
#include "soho/cudnn.h"
#include "tests/gpu/ask.h"

enum { BEST_OF = 8, TENSORS = 5, ENGINES = 12 };
#define WORKSPACE ((i64)1 << 30)

typedef struct Lib {
    const Ask *ask;
    Cudnn cudnn;
    void *handle;
    CudnnDesc device;
    char *text; /* the device's properties */
} Lib;

static const struct {
    const char *name;
    PlanConv row;
} shapes[] = {
#define SHAPE(label, direction, height, width, channels)                       \
    {                                                                          \
        label " " #height "x" #width "x" #channels " 3x3",                     \
        {                                                                      \
            .n = 32, .h = height, .w = width, .ci = channels, .oh = height,    \
            .ow = width, .co = channels, .kh = 3, .kw = 3, .stride = {1, 1},   \
            .dilation = {1, 1}, .groups = 1, .pad = {1, 1, 1, 1},              \
            .dir = direction, .dtype = {                                       \
                DT_bf16,                                                       \
                DT_bf16,                                                       \
                DT_bf16,                                                       \
                DT_bf16                                                        \
            }                                                                  \
        }                                                                      \
    }
    SHAPE("forward", 0, 152, 256, 64), SHAPE("forward", 0, 76, 128, 128),
    SHAPE("forward", 0, 38, 64, 256),  SHAPE("forward", 0, 19, 32, 512),
    SHAPE("data", 1, 76, 128, 128),    SHAPE("weights", 2, 76, 128, 128),
};
enum { STATS_SHAPE = 1 };

/* ------------------------------------------------------------------- running
 */

typedef struct Call {
    const Lib *lib;
    CudnnDesc plan, pack;
} Call;

static int
execute(void *own)
{
    const Call *c = own;

    return c->lib->cudnn.BackendExecute(c->lib->handle, c->plan, c->pack);
}

/* Milliseconds of a plan whose tensors 1..n lie half a GB apart. */
static f64
time_plan(const Lib *lib, CudnnDesc plan, int64_t n)
{
    const Cudnn *c = &lib->cudnn;
    Call call = {lib, plan, NULL};
    int64_t id[TENSORS];
    void *at[TENSORS], *scratch;
    f64 ms = -1;

    for (int64_t i = 0; i < n; i++) {
        id[i] = i + 1;
        at[i] = (void *)(uintptr_t)(lib->ask->room + ((u64)i << 29));
    }
    scratch = (void *)(uintptr_t)(lib->ask->room + ((u64)TENSORS << 29));
    if (!c->BackendCreateDescriptor(CUDNN_PACK, &call.pack) &&
        !c->BackendSetAttribute(call.pack, CUDNN_A_PACK_IDS, CUDNN_T_I64, n,
                                id) &&
        !c->BackendSetAttribute(call.pack, CUDNN_A_PACK_POINTERS,
                                CUDNN_T_POINTER, n, at) &&
        !c->BackendSetAttribute(call.pack, CUDNN_A_PACK_WORKSPACE,
                                CUDNN_T_POINTER, 1, &scratch) &&
        !c->BackendFinalize(call.pack))
        ms = ask_time(lib->ask, execute, &call);
    if (call.pack)
        c->BackendDestroyDescriptor(call.pack);
    return ms;
}

/* --------------------------------------------------------------- plain ones
 */

/* The fastest of the first BEST_OF engines; *first: of the first. */
static f64
best_of(const Lib *lib, const PlanConv *row, f64 *first, i64 *engine)
{
    CudnnPlan p;
    f64 best = -1;

    *first = -1;
    for (u32 k = 0; k < BEST_OF; k++) {
        f64 ms;

        if (!cudnn_choose(&lib->cudnn, lib->device, row, WORKSPACE, k, &p))
            break;
        ms = time_plan(lib, p.plan, 3);
        lib->cudnn.BackendDestroyDescriptor(p.plan);
        *first = k ? *first : ms;
        if (ms >= 0 && (best < 0 || ms < best))
            best = ms, *engine = p.engine;
    }
    return best;
}

static f64
ask_shape(const Lib *lib, u32 i)
{
    const PlanConv *c = &shapes[i].row;
    f64 flop = 2.0 * (f64)(c->n * c->oh * c->ow) *
               (f64)(c->co * c->ci * c->kh * c->kw);
    i64 engine = -1;
    f64 first, ms = best_of(lib, c, &first, &engine);

    if (ms < 0)
        printf("convolution %s: no engine runs\n", shapes[i].name);
    else
        printf("convolution %s, batch 32, bf16: %.4f ms by the heuristics, "
               "%.4f ms at best (engine %lld), %.0f TFLOP/s\n",
               shapes[i].name, first, ms, (long long)engine, flop / ms * 1e-9);
    return ms;
}

/* --------------------------------------------- engines chosen without a GPU
 */

static void
ask_loading(const Lib *lib, const char *h200)
{
    const Cudnn *c = &lib->cudnn;
    CudnnDesc other = *h200 ? cudnn_device(c, h200) : NULL, plan = NULL;
    u32 chosen = 0, loaded = 0;
    CudnnPlan p;

    for (u32 i = 0; other && i < countof(shapes); i++) {
        char *text, *own;

        if (!cudnn_choose(c, other, &shapes[i].row, WORKSPACE, 0, &p))
            continue;
        chosen++;
        text = cudnn_text(c, p.plan);
        own = text ? convs_adapt(text, lib->text) : NULL;
        loaded += own && !c->BackendCreateDescriptor(CUDNN_PLAN, &plan) &&
                  !c->BackendSetAttribute(plan, CUDNN_A_PLAN_DEVICE,
                                          CUDNN_T_DESC, 1, &lib->device) &&
                  !c->BackendSetAttribute(plan, CUDNN_A_PLAN_JSON, CUDNN_T_CHAR,
                                          (int64_t)strlen(own), own) &&
                  !c->BackendFinalize(plan);
        free(text);
        free(own);
    }
    printf("engines chosen for an H200 that load here, adapted: %u of %u\n",
           loaded, chosen);
}

/* --------------------------------------------------------- sums per channel
 */

/* y = conv(x, w) with the sums of y and of its squares per channel. */
static int
stats_graph(const Lib *lib, const PlanConv *c, CudnnGraph *g)
{
    const i64 x[4] = {c->n, c->ci, c->h, c->w};
    const i64 w[4] = {c->co, c->ci, c->kh, c->kw};
    const i64 y[4] = {c->n, c->co, c->oh, c->ow}, sum[4] = {1, c->co, 1, 1};
    int type = CUDNN_FLOAT, both = CUDNN_STATS_BOTH;
    CudnnDesc to, op[2];

    *g = (CudnnGraph){.lib = &lib->cudnn};
    to = cudnn_tensor(g, 1, DT_bf16, y);
    op[0] = cudnn_conv(g, c, cudnn_tensor(g, 3, DT_bf16, w),
                       cudnn_tensor(g, 2, DT_bf16, x), to);
    op[1] = cudnn_new(g, CUDNN_OP_STATS);
    cudnn_set(g, op[1], CUDNN_A_STATS_MODE, CUDNN_T_STATS, 1, &both);
    cudnn_set(g, op[1], CUDNN_A_STATS_TYPE, CUDNN_T_DTYPE, 1, &type);
    cudnn_set_desc(g, op[1], CUDNN_A_STATS_X, to);
    cudnn_set_desc(g, op[1], CUDNN_A_STATS_SUM,
                   cudnn_tensor(g, 4, DT_f32, sum));
    cudnn_set_desc(g, op[1], CUDNN_A_STATS_SQUARES,
                   cudnn_tensor(g, 5, DT_f32, sum));
    cudnn_done(g, op[1]);
    g->graph = cudnn_new(g, CUDNN_GRAPH);
    cudnn_set(g, g->graph, CUDNN_A_GRAPH_OPS, CUDNN_T_DESC, 2, op);
    cudnn_done(g, g->graph);
    return g->error;
}

/* A plan of engine `index` with its own choice of knobs; NULL: none. */
static CudnnDesc
engine_plan(const Lib *lib, CudnnGraph *g, int64_t index)
{
    CudnnDesc engine = cudnn_new(g, CUDNN_ENGINE), config, plan;

    g->error = 0;
    cudnn_set_desc(g, engine, CUDNN_A_ENGINE_GRAPH, g->graph);
    cudnn_set(g, engine, CUDNN_A_ENGINE_INDEX, CUDNN_T_I64, 1, &index);
    cudnn_set_desc(g, engine, CUDNN_A_ENGINE_DEVICE, lib->device);
    cudnn_done(g, engine);
    config = cudnn_new(g, CUDNN_CONFIG);
    cudnn_set_desc(g, config, CUDNN_A_CONFIG_ENGINE, engine);
    cudnn_done(g, config);
    plan = cudnn_new(g, CUDNN_PLAN);
    cudnn_set_desc(g, plan, CUDNN_A_PLAN_CONFIG, config);
    cudnn_set_desc(g, plan, CUDNN_A_PLAN_DEVICE, lib->device);
    cudnn_done(g, plan);
    return g->error ? NULL : plan;
}

/* The generation that a kernel's name speaks of: "sm90", or "". */
static const char *
generation(const char *text)
{
    static char word[8];
    const char *at = text ? strstr(text, "sm") : NULL;

    while (at && !isdigit((unsigned char)at[2]))
        at = strstr(at + 2, "sm");
    snprintf(word, sizeof word, "%.4s", at ? at : "");
    return word;
}

static void
ask_stats(const Lib *lib, f64 plain)
{
    CudnnGraph g;
    u32 found = 0;

    for (int64_t i = 0; i < ENGINES; i++) {
        CudnnDesc plan;
        char *text;

        if (stats_graph(lib, &shapes[STATS_SHAPE].row, &g)) {
            printf("convolution with sums per channel: no graph\n");
            cudnn_close_graph(&g);
            return;
        }
        plan = engine_plan(lib, &g, i);
        if (plan) {
            text = cudnn_text(&lib->cudnn, plan);
            printf("convolution with sums per channel, engine %d, %s: %.4f ms, "
                   "the convolution alone %.4f\n",
                   (int)i, generation(text), time_plan(lib, plan, TENSORS),
                   plain);
            found++;
            free(text);
        }
        cudnn_close_graph(&g);
    }
    printf("convolution with sums per channel: %u of the engines 0 to %d\n",
           found, ENGINES - 1);
}

/* ------------------------------------------------------------------- opening
 */

static int
open_library(Lib *lib)
{
    Cudnn *c = &lib->cudnn;
    int64_t n = 0;
    const char *why;
    int bad;

    if (!cudnn_open(c, &why)) {
        printf("cuDNN: %s\n", why);
        return 1;
    }
    bad = c->Create(&lib->handle) ||
          c->SetStream(lib->handle, lib->ask->stream) ||
          c->BackendCreateDescriptor(CUDNN_DEVICE, &lib->device) ||
          c->BackendSetAttribute(lib->device, CUDNN_A_DEVICE_HANDLE, 0, 1,
                                 &lib->handle) ||
          c->BackendFinalize(lib->device) ||
          c->BackendGetAttribute(lib->device, CUDNN_A_DEVICE_JSON, CUDNN_T_CHAR,
                                 0, &n, NULL);
    lib->text = bad ? NULL : calloc((size_t)n + 1, 1);
    if (!lib->text || c->BackendGetAttribute(lib->device, CUDNN_A_DEVICE_JSON,
                                             CUDNN_T_CHAR, n, &n, lib->text)) {
        printf("cuDNN %zu does not start on this device\n", c->GetVersion());
        return 1;
    }
    return 0;
}

void
ask_convolutions(const Ask *a, const char *h200)
{
    Lib lib = {.ask = a};
    f64 ms[countof(shapes)];

    if (open_library(&lib))
        return;
    for (char *s = lib.text; *s; s++)
        *s = isspace((unsigned char)*s) ? ' ' : *s;
    printf("device, as cuDNN %zu sees it: %s\n", lib.cudnn.GetVersion(),
           lib.text);
    ask_loading(&lib, h200);
    for (u32 i = 0; i < countof(shapes); i++)
        ms[i] = ask_shape(&lib, i);
    ask_stats(&lib, ms[STATS_SHAPE]);
    free(lib.text);
    lib.cudnn.BackendDestroyDescriptor(lib.device);
    lib.cudnn.Destroy(lib.handle);
}
