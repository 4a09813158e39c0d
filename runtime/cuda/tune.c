/* tune.c - which of the ways that NVIDIA's libraries have for a step is the
 * fastest on this GPU.
 *
 * In: an open run whose phases have run once.  Out: per library step the number
 * of a candidate, 0 where the first is as good: for products the algorithms of
 * cuBLASLt's heuristics, for convolutions the engine chosen ahead of time, then
 * those that cuDNN's heuristics propose here.  All are such as would be chosen
 * by themselves: deterministic if the plan is, of its precision, within its
 * scratch. */
#include "runtime/cuda/gpu.h"

#include <string.h>

enum { WARM = 2, TIMES = 5, ROUNDS = 3 };
#define WORTH 0.97 /* of the first's time: less is not told from chance */

/* Least milliseconds of a step of several rounds; the prepared call is run. */
static int
time_step(Run *run, u32 step, void *const event[2], f64 *ms)
{
    Gpu *gpu = run->own;
    Err *e = &run->err;
    const u64 *at = gpu->word + run->plan.step[step].arg;
    f32 now;

    *ms = 0;
    for (u32 i = 0; i < WARM; i++)
        FAIL_IF(gpu->lib.run(&gpu->lib, step, at, gpu->stream), e, SOHO_DEVICE,
                "step %u does not run", step);
    for (u32 r = 0; r < ROUNDS; r++) {
        DRIVER(event_record(event[0], gpu->stream), "an event");
        for (u32 i = 0; i < TIMES; i++)
            gpu->lib.run(&gpu->lib, step, at, gpu->stream);
        DRIVER(event_record(event[1], gpu->stream), "an event");
        DRIVER(event_wait(event[1]), "the device");
        DRIVER(event_between(&now, event[0], event[1]), "an event");
        if (!r || (f64)now / TIMES < *ms)
            *ms = (f64)now / TIMES;
    }
    return 0;
}

/* Prepares a candidate; 0: there is none of that number. */
static int
take(Run *run, u32 step, u32 candidate)
{
    Gpu *gpu = run->own;
    Err none = {0};

    return !gpu->lib.prepare(&none, &gpu->lib, step,
                             gpu->word + run->plan.step[step].arg, candidate);
}

static int
tune_step(Run *run, u32 step, void *const event[2], RunChoice *c)
{
    f64 ms;

    *c = (RunChoice){.step = step};
    for (u32 k = 0; k < CANDIDATES && take(run, step, k); k++) {
        if (time_step(run, step, event, &ms)) {
            err_clear(&run->err); /* one that only seems to be there */
            continue;
        }
        c->candidates = k + 1;
        if (!k)
            c->first_ms = c->ms = ms;
        else if (ms < WORTH * c->first_ms && ms < c->ms)
            c->choice = k, c->ms = ms;
    }
    FAIL_IF(!take(run, step, c->choice), &run->err, SOHO_DEVICE,
            "step %u: candidate %u is not there again", step, c->choice);
    return 0;
}

int
gpu_tune(Run *run, RunChose *chose, void *context)
{
    Gpu *gpu = run->own;
    Err *e = &run->err;
    const Plan *p = &run->plan;
    void *event[2] = {NULL, NULL};
    RunChoice c;

    for (int i = 0; i < 2; i++)
        DRIVER(event_create(&event[i], 0), "an event");
    for (u32 i = 0; i < p->nphase; i++)
        for (u32 s = p->phase[i].step;
             run_opens(run, i) && s < p->phase[i].step + p->phase[i].nstep;
             s++) {
            if (p->step[s].kind != ST_gemm && p->step[s].kind != ST_conv)
                continue;
            TRY(tune_step(run, s, event, &c));
            chose(context, &c);
        }
    for (int i = 0; i < 2; i++)
        DRIVER(event_destroy(event[i]), "an event");
    return 0;
}
