/* run_cuda.c - an NVIDIA GPU under a plan: device memory, kernels, and phases
 * as CUDA graphs.
 *
 * Every arena is one allocation, made when the plan is opened.  The first run
 * of a phase calls its steps one after another, the second records them as a
 * graph, which then is one launch.  The host's arenas are copies: doors and the
 * upper part of the step block go up before a phase, doors that are read and
 * the step block come down behind it; weights and state only when a caller
 * asks. */
#include "runtime/cuda/cudalib.h"
#include "runtime/exec.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* One kernel of the plan. */
typedef struct Function {
    void *at;
    u32 block, shared;
} Function;

typedef struct Graph {
    u32 runs; /* of the phase so far */
    void *exec;
} Graph;

typedef struct Gpu {
    const Driver *driver;
    int device;
    u32 arch; /* compute capability, 90 for 9.0 */
    void *context, *stream, *module;
    DevicePtr arena[NARENA];
    Function *function; /* per kernel */
    u64 *word;          /* per argument: a device address or a number */
    Graph *graph;       /* per phase */
    CudaLib lib;
    u8 up[NARENA], down[NARENA]; /* the host's, the device's copy is newer */
    void **event;                /* one more than steps, for times */
    u64 *ns;
} Gpu;

/* ------------------------------------------------------------------ errors */

static int
failed(Err *e, const Run *run, const Driver *d, int code, const char *doing)
{
    return err_set(e, code == DRIVER_NO_MEMORY ? SOHO_MEMORY : SOHO_DEVICE,
                   "%s: %s: the CUDA driver says %s", run->plan.path, doing,
                   driver_error(d, code));
}

#define DRIVER(call, doing)                                                    \
    do {                                                                       \
        int code_ = gpu->driver->call;                                         \
        if (code_)                                                             \
            return failed(e, run, gpu->driver, code_, doing);                  \
    } while (0)

/* -------------------------------------------------------------------- code */

/* Does a code file for `arch` run on compute capability `have`? */
static int
runs_on(u32 arch, u32 have)
{
    u32 bare = arch & ~(u32)ARCH_PTX;

    if (arch & ARCH_PTX)
        return bare <= have && have != ARCH_emu;
    if (bare == 90 || bare == ARCH_emu) /* sm_90a is that one device's */
        return bare == have;
    return bare / 10 == have / 10 && bare <= have;
}

/* The best code file for this device: machine code before PTX, then the newest.
 */
static u32
choose_blob(const Plan *p, u32 have)
{
    u32 best = PLAN_NONE;

    for (u32 i = 0; i < p->nblob; i++) {
        u32 arch = p->blob[i].arch, old;

        if (!runs_on(arch, have))
            continue;
        old = best == PLAN_NONE ? 0 : p->blob[best].arch;
        if (best == PLAN_NONE || (old & ARCH_PTX && !(arch & ARCH_PTX)) ||
            ((old & ARCH_PTX) == (arch & ARCH_PTX) && arch > old))
            best = i;
    }
    return best;
}

static int
load_module(Err *e, Run *run, Gpu *gpu)
{
    const Plan *p = &run->plan;
    int major = 0, minor = 0, code;
    char path[PATH_MAX], name[64] = "";
    u32 best;
    u64 bytes;
    u8 *data;

    DRIVER(device_attribute(&major, DEVICE_MAJOR, gpu->device), "the device");
    DRIVER(device_attribute(&minor, DEVICE_MINOR, gpu->device), "the device");
    gpu->driver->device_name(name, sizeof name, gpu->device);
    gpu->arch = (u32)(10 * major + minor);
    best = choose_blob(p, gpu->arch);
    if (best == PLAN_NONE)
        return run_mismatch(e, p,
                            "has no code for %s, compute capability %d.%d",
                            name, major, minor);
    TRY(run_read_blob(e, p, best, path, &data, &bytes));
    data = realloc(data, bytes + 1); /* PTX is a text that ends with 0 */
    FAIL_IF(!data, e, SOHO_MEMORY, "%s: no memory", path);
    data[bytes] = 0;
    code = gpu->driver->module_load(&gpu->module, data);
    free(data);
    return code ? failed(e, run, gpu->driver, code, path) : 0;
}

static int
find_functions(Err *e, Run *run, Gpu *gpu)
{
    const Plan *p = &run->plan;

    gpu->function = calloc(p->nkernel + 1, sizeof *gpu->function);
    FAIL_IF(!gpu->function, e, SOHO_MEMORY, "%s: no memory", p->path);
    for (u32 i = 0; i < p->nkernel; i++) {
        const char *symbol = plan_text(p, p->kernel[i].symbol);
        Function *f = &gpu->function[i];

        DRIVER(module_function(&f->at, gpu->module, symbol), symbol);
        f->block = p->kernel[i].block;
        f->shared = p->kernel[i].shared;
        if (f->shared > 48 << 10)
            DRIVER(function_set(f->at, FUNCTION_SHARED, (int)f->shared),
                   symbol);
    }
    return 0;
}

/* ------------------------------------------------------------------ memory */

static int
allocate(Err *e, Run *run, Gpu *gpu)
{
    for (u32 k = 0; k < NARENA; k++) {
        if (!run->arena_bytes[k])
            continue;
        DRIVER(alloc(&gpu->arena[k], run->arena_bytes[k]), "an arena");
        DRIVER(fill_bytes(gpu->arena[k], 0, run->arena_bytes[k], gpu->stream),
               "an arena");
    }
    if (run->arena[AR_io])
        DRIVER(
            pin(run->arena[AR_io], align_up(run->arena_bytes[AR_io], 4096), 0),
            "pinned memory");
    DRIVER(stream_wait(gpu->stream), "an arena");
    return 0;
}

static DevicePtr
address(const Run *run, const Gpu *gpu, u32 buffer)
{
    const PlanBuffer *b = &run->plan.buffer[buffer];

    return gpu->arena[b->arena] + b->offset;
}

/* ----------------------------------------------------------------- opening */

static int
prepare_steps(Err *e, Run *run, Gpu *gpu)
{
    const Plan *p = &run->plan;

    gpu->word = calloc(p->narg + 1, sizeof *gpu->word);
    gpu->graph = calloc(p->nphase + 1, sizeof *gpu->graph);
    gpu->ns = calloc(p->nstep + 1, sizeof *gpu->ns);
    FAIL_IF(!gpu->word || !gpu->graph || !gpu->ns, e, SOHO_MEMORY,
            "%s: no memory for %u steps", p->path, p->nstep);
    for (u32 i = 0; i < p->narg; i++)
        gpu->word[i] =
            p->arg[i].kind == ARG_int
                ? (u64)p->arg[i].value
                : address(run, gpu, p->arg[i].buffer) + (u64)p->arg[i].value;
    for (u32 i = 0; i < p->nphase; i++)
        for (u32 s = p->phase[i].step;
             run_opens(run, i) && s < p->phase[i].step + p->phase[i].nstep; s++)
            if (p->step[s].kind == ST_gemm || p->step[s].kind == ST_conv)
                TRY(gpu->lib.prepare(e, &gpu->lib, s,
                                     gpu->word + p->step[s].arg));
    return 0;
}

static int
cuda_check(Err *e, const Plan *plan)
{
    const Driver *driver;

    return driver_open(e, plan, &driver);
}

static int
cuda_open(Err *e, Run *run)
{
    Gpu *gpu = calloc(1, sizeof *gpu);

    run->own = gpu;
    FAIL_IF(!gpu, e, SOHO_MEMORY, "%s: no memory", run->plan.path);
    TRY(driver_open(e, &run->plan, &gpu->driver));
    DRIVER(device_get(&gpu->device, 0), "the device");
    DRIVER(retain(&gpu->context, gpu->device), "the device");
    DRIVER(use(gpu->context), "the device");
    DRIVER(stream_create(&gpu->stream, STREAM_ALONE), "a stream");
    TRY(load_module(e, run, gpu));
    TRY(find_functions(e, run, gpu));
    TRY(allocate(e, run, gpu));
    TRY(cudalib_open(e, &run->plan, gpu->driver, gpu->arch, gpu->stream,
                     &gpu->lib));
    return prepare_steps(e, run, gpu);
}

static void
free_events(Gpu *gpu, u32 n)
{
    for (u32 i = 0; gpu->event && i < n; i++)
        if (gpu->event[i])
            gpu->driver->event_destroy(gpu->event[i]);
    free(gpu->event);
    gpu->event = NULL;
}

static void
cuda_close(Run *run)
{
    Gpu *gpu = run->own;
    const Driver *d = gpu->driver;

    if (gpu->stream)
        d->stream_wait(gpu->stream);
    if (gpu->lib.close)
        gpu->lib.close(&gpu->lib);
    for (u32 i = 0; gpu->graph && i < run->plan.nphase; i++)
        if (gpu->graph[i].exec)
            d->exec_destroy(gpu->graph[i].exec);
    free_events(gpu, run->plan.nstep + 1);
    for (u32 k = 0; k < NARENA; k++)
        if (gpu->arena[k])
            d->free(gpu->arena[k]);
    if (gpu->arena[AR_io])
        d->unpin(run->arena[AR_io]);
    if (gpu->module)
        d->module_unload(gpu->module);
    if (gpu->stream)
        d->stream_destroy(gpu->stream);
    if (gpu->context)
        d->release(gpu->device);
    free(gpu->function);
    free(gpu->word);
    free(gpu->graph);
    free(gpu->ns);
    free(gpu);
}

/* ----------------------------------------------------------------- running */

static int
call_step(const Run *run, Gpu *gpu, u32 i)
{
    const PlanStep *s = &run->plan.step[i];
    u64 *word = gpu->word + s->arg;
    size_t bytes = s->narg * sizeof *word;
    void *extra[] = {LAUNCH_POINTER, word, LAUNCH_SIZE, &bytes, LAUNCH_END};
    const Function *f;

    switch (s->kind) {
    case ST_kernel:
        f = &gpu->function[s->what];
        return gpu->driver->launch(f->at, s->grid, 1, 1, f->block, 1, 1,
                                   f->shared, gpu->stream, NULL, extra);
    case ST_fill:
        if (word[2] == 0)
            return gpu->driver->fill_bytes(word[0], 0, word[1], gpu->stream);
        return gpu->driver->fill_words(word[0], (u32)word[2], word[1] / 4,
                                       gpu->stream);
    default:
        return gpu->lib.run(&gpu->lib, i, word, gpu->stream);
    }
}

/* Says which step failed, and where in the model it comes from. */
static int
step_failed(Err *e, const Run *run, const Gpu *gpu, u32 i, int code)
{
    const PlanStep *s = &run->plan.step[i];
    char name[96], place[192], doing[320];

    err_clean(name, sizeof name, plan_text(&run->plan, s->name),
              strlen(plan_text(&run->plan, s->name)));
    err_clean(place, sizeof place, plan_text(&run->plan, s->place),
              strlen(plan_text(&run->plan, s->place)));
    snprintf(doing, sizeof doing, "step %u (%s; %s)", i, name, place);
    return failed(e, run, gpu->driver, code, doing);
}

static int
call_steps(Err *e, Run *run, Gpu *gpu, u32 p)
{
    const PlanPhase *h = &run->plan.phase[p];

    for (u32 s = h->step; s < h->step + h->nstep; s++) {
        int code = call_step(run, gpu, s);

        if (code)
            return step_failed(e, run, gpu, s, code);
    }
    return 0;
}

/* Records the phase as a graph. */
static int
record(Err *e, Run *run, Gpu *gpu, u32 p)
{
    void *graph = NULL;
    int code;

    DRIVER(capture_begin(gpu->stream, CAPTURE_THREAD), "recording a graph");
    code = call_steps(e, run, gpu, p);
    DRIVER(capture_end(gpu->stream, &graph), "recording a graph");
    if (!code)
        DRIVER(graph_instantiate(&gpu->graph[p].exec, graph, 0),
               "making a graph");
    gpu->driver->graph_destroy(graph);
    return code;
}

/* With run->trace: an event between any two steps. */
static int
call_timed(Err *e, Run *run, Gpu *gpu, u32 p)
{
    const PlanPhase *h = &run->plan.phase[p];
    u32 n = run->plan.nstep + 1;

    if (!gpu->event) {
        gpu->event = calloc(n, sizeof *gpu->event);
        FAIL_IF(!gpu->event, e, SOHO_MEMORY, "no memory for %u events", n);
        for (u32 i = 0; i < n; i++)
            DRIVER(event_create(&gpu->event[i], 0), "an event");
    }
    DRIVER(event_record(gpu->event[h->step], gpu->stream), "an event");
    for (u32 s = h->step; s < h->step + h->nstep; s++) {
        int code = call_step(run, gpu, s);

        if (code)
            return step_failed(e, run, gpu, s, code);
        DRIVER(event_record(gpu->event[s + 1], gpu->stream), "an event");
    }
    DRIVER(stream_wait(gpu->stream), "the device");
    for (u32 s = h->step; s < h->step + h->nstep; s++) {
        float ms = 0;

        DRIVER(event_between(&ms, gpu->event[s], gpu->event[s + 1]),
               "an event");
        gpu->ns[s] = (u64)((f64)ms * 1e6);
    }
    return 0;
}

static int
copy_doors(Err *e, Run *run, Gpu *gpu, u32 p, u32 out)
{
    const PlanPhase *h = &run->plan.phase[p];

    for (u32 i = h->door; i < h->door + h->ndoor; i++) {
        const PlanDoor *door = &run->plan.door[i];
        const PlanBuffer *b = &run->plan.buffer[door->buffer];
        u8 *host = run->arena[AR_io] + b->offset;
        DevicePtr device = gpu->arena[AR_io] + b->offset;

        if (door->out != out)
            continue;
        if (out)
            DRIVER(download(host, device, b->bytes, gpu->stream), "a door");
        else
            DRIVER(upload(device, host, b->bytes, gpu->stream), "a door");
    }
    return 0;
}

/* Words of the step block that the runtime writes. */
enum { STEP_OWN = offsetof(SohoStep, count) };

static int
upload(Err *e, Run *run, Gpu *gpu, u32 p)
{
    for (u32 k = 0; k < NARENA; k++) {
        if (gpu->up[k])
            DRIVER(upload(gpu->arena[k], run->arena[k], run->arena_bytes[k],
                          gpu->stream),
                   "an arena");
        gpu->up[k] = 0;
    }
    DRIVER(upload(gpu->arena[AR_state], run->arena[AR_state], STEP_OWN,
                  gpu->stream),
           "the step block");
    return copy_doors(e, run, gpu, p, 0);
}

static int
run_on_device(Err *e, Run *run, Gpu *gpu, u32 p)
{
    Graph *g = &gpu->graph[p];

    if (run->trace)
        return call_timed(e, run, gpu, p);
    if (g->runs == 1)
        TRY(record(e, run, gpu, p));
    g->runs++;
    if (!g->exec)
        return call_steps(e, run, gpu, p);
    DRIVER(graph_launch(g->exec, gpu->stream), "a graph");
    return 0;
}

static int
cuda_run(Run *run, u32 p)
{
    Gpu *gpu = run->own;
    Err *e = &run->err;

    TRY(upload(e, run, gpu, p));
    TRY(run_on_device(e, run, gpu, p));
    DRIVER(download(run->arena[AR_state], gpu->arena[AR_state],
                    sizeof(SohoStep), gpu->stream),
           "the step block");
    TRY(copy_doors(e, run, gpu, p, 1));
    DRIVER(stream_wait(gpu->stream),
           plan_text(&run->plan, run->plan.phase[p].name));
    gpu->down[AR_param] = gpu->down[AR_grad] = gpu->down[AR_state] = 1;
    gpu->down[AR_act] = gpu->down[AR_const] = 1;
    return 0;
}

static const u64 *
cuda_times(const Run *run)
{
    return ((const Gpu *)run->own)->ns;
}

static void
cuda_fetch(Run *run, u32 arena)
{
    Gpu *gpu = run->own;
    const Driver *d = gpu->driver;
    int code;

    if (!gpu->down[arena])
        return;
    code = d->download(run->arena[arena], gpu->arena[arena],
                       run->arena_bytes[arena], gpu->stream);
    if (!code)
        code = d->stream_wait(gpu->stream);
    if (code)
        failed(&run->err, run, d, code, "reading an arena");
    gpu->down[arena] = 0;
}

/* The copies that a caller wrote were up to date: run_buffer() saw to that. */
static void
cuda_changed(Run *run)
{
    Gpu *gpu = run->own;

    for (u32 k = 0; k < NARENA; k++)
        if ((k == AR_param || k == AR_state || k == AR_grad) && !gpu->down[k] &&
            run->arena[k])
            gpu->up[k] = 1;
}

const Device device_cuda = {.check = cuda_check,
                            .open = cuda_open,
                            .close = cuda_close,
                            .run = cuda_run,
                            .times = cuda_times,
                            .fetch = cuda_fetch,
                            .changed = cuda_changed};
