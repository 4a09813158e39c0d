/* run_cuda.c - phases on an NVIDIA GPU, as CUDA graphs.
 *
 * In: a Gpu made ready for the plan (gpu.c).  Out: phases started, and their
 * results where somebody asks for them.  The first run of a phase calls its
 * steps one after another, the second records them as a graph, which then is
 * one launch.  The host's arenas are copies: doors and the upper part of the
 * step block go up before a phase, doors that are read and the step block come
 * down behind it; weights and state only when a caller asks.
 *
 * Nothing waits for the device but what asks for results.  Doors go up on a
 * stream of their own, into a place beside the arena, while the batch before
 * computes; what else is copied lies in a ring of pinned notes. */
#include "runtime/cuda/gpu.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

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

/* Says which step failed, what of, and where in the model it comes from. */
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
    if (s->kind != ST_gemm && s->kind != ST_conv)
        return gpu_failed(e, run, gpu->driver, code, doing);
    return err_set(e, SOHO_DEVICE, "%s: %s: %s says %d", run->plan.path, doing,
                   s->kind == ST_gemm ? "cuBLASLt" : "cuDNN", code);
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

/* The buffer of door i of a phase, NULL where it is of the other kind. */
static const PlanBuffer *
door_of(const Plan *plan, u32 i, u32 out)
{
    const PlanDoor *door = &plan->door[i];

    return door->out == out ? &plan->buffer[door->buffer] : NULL;
}

/* Input doors: beside the arena on the other stream, which waits until those of
 * the batch before were taken from there, then into the arena on this one. */
static int
doors_up(Err *e, Run *run, Gpu *gpu, const PlanPhase *h)
{
    const u8 *side = run->arena[AR_io];
    const PlanBuffer *b;
    u32 end = h->door + h->ndoor, n = 0;

    DRIVER(stream_after(gpu->uploads, gpu->taken, 0), "doors");
    for (u32 i = h->door; i < end; i++)
        if ((b = door_of(&run->plan, i, 0)) && ++n)
            DRIVER(upload(gpu->beside + b->offset, side + b->offset, b->bytes,
                          gpu->uploads),
                   "a door");
    if (!n)
        return 0;
    DRIVER(event_record(gpu->arrived, gpu->uploads), "doors");
    DRIVER(stream_after(gpu->stream, gpu->arrived, 0), "doors");
    for (u32 i = h->door; i < end; i++)
        if ((b = door_of(&run->plan, i, 0)))
            DRIVER(copy(gpu->arena[AR_io] + b->offset, gpu->beside + b->offset,
                        b->bytes, gpu->stream),
                   "a door");
    DRIVER(event_record(gpu->taken, gpu->stream), "doors");
    return 0;
}

static int
doors_down(Err *e, Run *run, Gpu *gpu, const PlanPhase *h)
{
    u8 *side = run->arena[AR_io];
    const PlanBuffer *b;

    for (u32 i = h->door; i < h->door + h->ndoor; i++)
        if ((b = door_of(&run->plan, i, 1)))
            DRIVER(download(side + b->offset, gpu->arena[AR_io] + b->offset,
                            b->bytes, gpu->stream),
                   "a door");
    return 0;
}

/* Words of the step block that the runtime writes. */
enum { STEP_OWN = offsetof(SohoStep, count) };

static Note *
next_note(const Gpu *gpu)
{
    return &gpu->note[gpu->tickets % NOTES];
}

static int
arenas_up(Err *e, Run *run, Gpu *gpu)
{
    for (u32 k = 0; k < NARENA; k++) {
        if (gpu->up[k])
            DRIVER(upload(gpu->arena[k], run->arena[k], run->arena_bytes[k],
                          gpu->stream),
                   "an arena");
        gpu->up[k] = 0;
    }
    return 0;
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
cuda_start(Run *run, u32 p)
{
    Gpu *gpu = run->own;
    Err *e = &run->err;
    const PlanPhase *h = &run->plan.phase[p];
    Note *note = next_note(gpu);

    TRY(arenas_up(e, run, gpu));
    memcpy(&note->up, run->arena[AR_state], STEP_OWN);
    DRIVER(upload(gpu->arena[AR_state], &note->up, STEP_OWN, gpu->stream),
           "the step block");
    TRY(doors_up(e, run, gpu, h));
    TRY(run_on_device(e, run, gpu, p));
    TRY(doors_down(e, run, gpu, h));
    gpu->down[AR_param] = gpu->down[AR_grad] = gpu->down[AR_state] = 1;
    gpu->down[AR_act] = gpu->down[AR_const] = 1;
    return 0;
}

static int
cuda_mark(Run *run, u64 *ticket)
{
    Gpu *gpu = run->own;
    Err *e = &run->err;
    Note *note = next_note(gpu);

    DRIVER(download(&note->down, gpu->arena[AR_state], sizeof note->down,
                    gpu->stream),
           "the step block");
    DRIVER(event_record(gpu->done[gpu->tickets % NOTES], gpu->stream),
           "an event");
    note->side = run->arena[AR_io];
    *ticket = gpu->tickets++;
    return 0;
}

static int
cuda_wait(Run *run, u64 ticket)
{
    Gpu *gpu = run->own;
    const Note *note = &gpu->note[ticket % NOTES];
    void *done = gpu->done[ticket % NOTES];
    Err *e = &run->err;
    int code = gpu->driver->event_query(done);

    if (code == DRIVER_NOT_READY)
        code = gpu->driver->event_wait(done);
    if (code)
        return gpu_failed(e, run, gpu->driver, code, "the device");
    memcpy(run->arena[AR_state] + STEP_OWN, (const u8 *)&note->down + STEP_OWN,
           sizeof(SohoStep) - STEP_OWN);
    run->told = note->side;
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
        gpu_failed(&run->err, run, d, code, "reading an arena");
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

const Device device_cuda = {.check = gpu_check,
                            .open = gpu_open,
                            .close = gpu_close,
                            .start = cuda_start,
                            .mark = cuda_mark,
                            .wait = cuda_wait,
                            .times = cuda_times,
                            .ceiling = gpu_ceiling,
                            .tune = gpu_tune,
                            .identity = gpu_identity,
                            .fetch = cuda_fetch,
                            .changed = cuda_changed};
