/* gpu.c - an NVIDIA GPU made ready for a plan: its code, memory, streams and
 * library calls.
 *
 * In: a plan.  Out: a Gpu on which phases can be started (run_cuda.c).  Every
 * arena is one allocation, made here; nothing is allocated later. */
#include "runtime/cuda/gpu.h"
#include "runtime/tuned.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ errors */

int
gpu_failed(Err *e, const Run *run, const Driver *d, int code, const char *doing)
{
    return err_set(e, code == DRIVER_NO_MEMORY ? SOHO_MEMORY : SOHO_DEVICE,
                   "%s: %s: the CUDA driver says %s", run->plan.path, doing,
                   driver_error(d, code));
}

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
    /* PTX is a text: vfs_read_file() ends it with a 0 */
    code = gpu->driver->module_load(&gpu->module, data);
    free(data);
    return code ? gpu_failed(e, run, gpu->driver, code, path) : 0;
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
    if (run->arena_bytes[AR_io])
        DRIVER(alloc(&gpu->beside, run->arena_bytes[AR_io]), "doors");
    DRIVER(stream_wait(gpu->stream), "an arena");
    return 0;
}

/* Memory that copies need not wait for. */
static int
pin_memory(Err *e, Run *run, Gpu *gpu)
{
    u64 bytes = align_up(run->arena_bytes[AR_io], 4096);

    for (u32 i = 0; i < run->nside && bytes; i++)
        DRIVER(pin(run->side[i], bytes, 0), "pinned memory");
    gpu->note = aligned_alloc(4096, align_up(NOTES * sizeof(Note), 4096));
    FAIL_IF(!gpu->note, e, SOHO_MEMORY, "%s: no memory", run->plan.path);
    memset(gpu->note, 0, NOTES * sizeof(Note));
    DRIVER(pin(gpu->note, align_up(NOTES * sizeof(Note), 4096), 0),
           "pinned memory");
    return 0;
}

static int
create_events(Err *e, Run *run, Gpu *gpu)
{
    DRIVER(event_create(&gpu->arrived, EVENT_NO_TIME), "an event");
    DRIVER(event_create(&gpu->taken, EVENT_NO_TIME), "an event");
    for (u32 i = 0; i < NOTES; i++)
        DRIVER(event_create(&gpu->done[i], EVENT_NO_TIME), "an event");
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
    return 0;
}

void
gpu_identity(const Run *run, char text[RUN_IDENTITY])
{
    const Gpu *gpu = run->own;
    char name[64] = "", libraries[96];
    int version = 0;

    gpu->driver->device_name(name, sizeof name, gpu->device);
    gpu->driver->version(&version);
    gpu->lib.identity(&gpu->lib, libraries, sizeof libraries);
    snprintf(text, RUN_IDENTITY, "%s, driver %d, %s", name, version, libraries);
}

/* Library steps take what tuned.txt says. */
static int
prepare_calls(Err *e, Run *run, Gpu *gpu)
{
    const Plan *p = &run->plan;
    u8 *choice = calloc(p->nstep + 1, 1);
    char on[RUN_IDENTITY];

    FAIL_IF(!choice, e, SOHO_MEMORY, "%s: no memory", p->path);
    gpu_identity(run, on);
    tuned_read(e, p, on, choice);
    for (u32 i = 0; i < p->nphase && !e->code; i++)
        for (u32 s = p->phase[i].step;
             run_opens(run, i) && s < p->phase[i].step + p->phase[i].nstep; s++)
            if ((p->step[s].kind == ST_gemm || p->step[s].kind == ST_conv) &&
                gpu->lib.prepare(e, &gpu->lib, s, gpu->word + p->step[s].arg,
                                 choice[s]))
                break;
    free(choice);
    return e->code;
}

int
gpu_check(Err *e, const Plan *plan)
{
    const Driver *driver;

    return driver_open(e, plan, &driver);
}

int
gpu_open(Err *e, Run *run)
{
    Gpu *gpu = calloc(1, sizeof *gpu);

    run->own = gpu;
    FAIL_IF(!gpu, e, SOHO_MEMORY, "%s: no memory", run->plan.path);
    TRY(driver_open(e, &run->plan, &gpu->driver));
    DRIVER(device_get(&gpu->device, 0), "the device");
    DRIVER(retain(&gpu->context, gpu->device), "the device");
    DRIVER(use(gpu->context), "the device");
    DRIVER(stream_create(&gpu->stream, STREAM_ALONE), "a stream");
    DRIVER(stream_create(&gpu->uploads, STREAM_ALONE), "a stream");
    TRY(create_events(e, run, gpu));
    TRY(load_module(e, run, gpu));
    TRY(find_functions(e, run, gpu));
    TRY(allocate(e, run, gpu));
    TRY(pin_memory(e, run, gpu));
    TRY(cudalib_open(e, &run->plan, gpu->driver, gpu->arch, gpu->stream,
                     &gpu->lib));
    TRY(prepare_steps(e, run, gpu));
    return prepare_calls(e, run, gpu);
}

static void
destroy_events(Gpu *gpu, void **event, u32 n)
{
    for (u32 i = 0; event && i < n; i++)
        if (event[i])
            gpu->driver->event_destroy(event[i]);
}

static void
free_memory(Run *run, Gpu *gpu)
{
    const Driver *d = gpu->driver;

    for (u32 k = 0; k < NARENA; k++)
        if (gpu->arena[k])
            d->free(gpu->arena[k]);
    if (gpu->beside)
        d->free(gpu->beside);
    for (u32 i = 0; i < run->nside && gpu->beside; i++)
        d->unpin(run->side[i]);
    if (gpu->note)
        d->unpin(gpu->note);
    free(gpu->note);
}

static void
free_driver_objects(Run *run, Gpu *gpu)
{
    const Driver *d = gpu->driver;

    for (u32 i = 0; gpu->graph && i < run->plan.nphase; i++)
        if (gpu->graph[i].exec)
            d->exec_destroy(gpu->graph[i].exec);
    destroy_events(gpu, gpu->event, run->plan.nstep + 1);
    destroy_events(gpu, gpu->done, NOTES);
    destroy_events(gpu, &gpu->arrived, 1);
    destroy_events(gpu, &gpu->taken, 1);
    if (gpu->module)
        d->module_unload(gpu->module);
    if (gpu->uploads)
        d->stream_destroy(gpu->uploads);
    if (gpu->stream)
        d->stream_destroy(gpu->stream);
}

void
gpu_close(Run *run)
{
    Gpu *gpu = run->own;

    if (gpu->uploads)
        gpu->driver->stream_wait(gpu->uploads);
    if (gpu->stream)
        gpu->driver->stream_wait(gpu->stream);
    if (gpu->lib.close)
        gpu->lib.close(&gpu->lib);
    if (gpu->context) {
        free_memory(run, gpu);
        free_driver_objects(run, gpu);
        gpu->driver->release(gpu->device);
    }
    free(gpu->event);
    free(gpu->function);
    free(gpu->word);
    free(gpu->graph);
    free(gpu->ns);
    free(gpu);
}
