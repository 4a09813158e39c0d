/* api.c - rt.h over run.h: a Soho is a Run whose errors stay inside it.
 *
 * In: names from the caller.  Out: host addresses and codes; the message of
 * the last failure is kept in the handle.  soho_ask is in answer.c. */
#include <stdlib.h>
#include <string.h>

#include "runtime/run.h"

/* "train,update,eval" as bits; NULL is all of them (0). */
static int
read_kinds(Err *e, const char *text, u32 *kinds)
{
    static const char *const word[NPHASEKIND] = {
#define X(name) #name,
        SOHO_PHASES(X)
#undef X
    };

    *kinds = 0;
    while (text && *text) {
        size_t n = strcspn(text, ",");
        u32 k = 0;

        while (k < NPHASEKIND &&
               (strlen(word[k]) != n || memcmp(word[k], text, n)))
            k++;
        FAIL_IF(k == NPHASEKIND, e, SOHO_USAGE,
                "'%.*s' is no kind of phase: expected init, pack, train, "
                "update, eval or infer",
                (int)n, text);
        *kinds |= 1u << k;
        text += n + (text[n] == ',');
    }
    return 0;
}

int
soho_open(const char *plan, const char *kinds, Soho **soho)
{
    Err e = {0};
    Run *run = NULL;
    u32 bits;

    if (!read_kinds(&e, kinds, &bits))
        run_open(&e, plan, bits, &run);
    if (!run)
        run = calloc(1, sizeof *run); /* to hold the message */
    *soho = (Soho *)run;
    if (run)
        run->err = e;
    return e.code;
}

void
soho_close(Soho *soho)
{
    run_close((Run *)soho);
}

const char *
soho_message(const Soho *soho)
{
    return soho ? ((const Run *)soho)->err.text : "out of memory";
}

/* ----------------------------------------------------------------- weights */

int
soho_init(Soho *soho, uint64_t seed)
{
    Run *run = (Run *)soho;
    const Plan *plan = &run->plan;

    err_clear(&run->err);
    soho_step(soho, seed, 0, 0, 0);
    for (u32 i = 0; i < plan->nphase; i++)
        if (plan->phase[i].kind == PH_init)
            return run_phase(run, i);
    return err_set(&run->err, SOHO_BAD, "%s: has no init phase", plan->path);
}

int
soho_load(Soho *soho, const char *path, uint32_t *unexpected)
{
    Run *run = (Run *)soho;

    err_clear(&run->err);
    return weights_load(&run->err, run, path, unexpected);
}

int
soho_save(Soho *soho, const char *path)
{
    Run *run = (Run *)soho;

    err_clear(&run->err);
    return weights_save(&run->err, run, path);
}

/* ----------------------------------------------------------------- tensors */

static void
describe(Run *run, u32 buffer, const char *name, SohoTensor *t)
{
    static const char *const dtype[NDTYPE] = {
#define X(word, bytes) #word,
        SOHO_DTYPES(X)
#undef X
    };
    const PlanBuffer *b = &run->plan.buffer[buffer];

    *t = (SohoTensor){.name = name,
                      .dtype = dtype[b->dtype],
                      .rank = b->rank,
                      .data = run_buffer(run, buffer),
                      .bytes = dtype_bytes(b->dtype)};
    for (u32 i = 0; i < b->rank; i++) {
        t->dim[i] = b->dim[i];
        t->bytes *= (u64)b->dim[i];
    }
}

/* Index of a phase, or SOHO_USAGE. */
static int
find_phase(Run *run, const char *name, u32 *phase)
{
    *phase = plan_phase(&run->plan, name);
    FAIL_IF(*phase == PLAN_NONE, &run->err, SOHO_USAGE,
            "%s: has no phase '%s' (soho-rt plan lists them)", run->plan.path,
            name);
    return 0;
}

int
soho_door(Soho *soho, const char *phase, const char *name, SohoTensor *door)
{
    Run *run = (Run *)soho;
    const Plan *plan = &run->plan;
    u32 p;

    err_clear(&run->err);
    TRY(find_phase(run, phase, &p));
    for (u32 i = 0; i < plan->phase[p].ndoor; i++) {
        const PlanDoor *d = &plan->door[plan->phase[p].door + i];

        if (strcmp(plan_text(plan, d->name), name))
            continue;
        describe(run, d->buffer, plan_text(plan, d->name), door);
        FAIL_IF(!door->data, &run->err, SOHO_USAGE,
                "%s: phase %s was not opened", plan->path, phase);
        return 0;
    }
    return err_set(&run->err, SOHO_USAGE, "%s: phase %s has no door '%s'",
                   plan->path, phase, name);
}

int
soho_tensor(Soho *soho, const char *name, SohoTensor *tensor)
{
    Run *run = (Run *)soho;
    u32 b = plan_buffer(&run->plan, name);

    err_clear(&run->err);
    FAIL_IF(b == PLAN_NONE, &run->err, SOHO_USAGE, "%s: has no tensor '%s'",
            run->plan.path, name);
    describe(run, b, plan_text(&run->plan, run->plan.buffer[b].name), tensor);
    FAIL_IF(!tensor->data, &run->err, SOHO_USAGE,
            "%s: no opened phase has tensor %s in memory", run->plan.path,
            name);
    run_weights_changed(run); /* the caller may write it */
    return 0;
}

/* ----------------------------------------------------------------- running */

int
soho_run(Soho *soho, const char *phase)
{
    Run *run = (Run *)soho;
    u32 p;

    err_clear(&run->err);
    TRY(find_phase(run, phase, &p));
    return run_phase(run, p);
}

void
soho_step(Soho *soho, uint64_t seed, uint32_t t, uint32_t window,
          uint32_t epoch)
{
    SohoStep *step = run_step((Run *)soho);

    step->seed[0] = (uint32_t)seed;
    step->seed[1] = (uint32_t)(seed >> 32);
    step->t = t;
    step->window = window;
    step->epoch = epoch;
}
