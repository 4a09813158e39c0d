/* cmd_exec.c - `soho-rt exec`: runs phases on tensors from files.
 *
 * In: a plan, a list of phases, one file of tensors for each phase that has
 * input doors, weights or a seed.  Out: a file with the output doors and the
 * tensors asked for.  What parity tests and doubtful users compare with. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cmd.h"
#include "runtime/run.h"

enum { EXEC_PHASES = 1024, EXEC_WANTED = 2048 };

/* An output door and its numbers after the phase's last run. */
typedef struct Output {
    u32 phase, door;
    void *data;
    char name[2 * PLAN_NAME + 2];
} Output;

typedef struct Task {
    const char *plan, *phases, *out, *weights;
    TextList in, want;
    u64 seed, step;
    u32 phase[EXEC_PHASES], nphase;
    Run *run;
    Output *output; /* room for every door of the plan */
    u32 noutput;
    TensorOut wanted[EXEC_WANTED]; /* tensors in their arenas */
    u32 nwanted;
    u32 next_in;
    u32 trained, window; /* train phases so far, and since the last update */
} Task;

/* ------------------------------------------------------------------- input */

static int
read_door(Err *e, Run *run, Tensors *file, const char *path, const PlanDoor *d)
{
    const PlanBuffer *b = &run->plan.buffer[d->buffer];
    const char *name = plan_text(&run->plan, d->name);
    const TensorRow *row = tensors_find(file, name);
    u32 want = b->dtype;

    FAIL_IF(!row, e, SOHO_BAD, "%s: has no tensor %s", path, name);
    FAIL_IF(row->dtype != b->dtype, e, SOHO_BAD,
            "%s: tensor %s: expected %s, got %s", path, name,
            tensors_dtype(want), tensors_dtype(row->dtype));
    FAIL_IF(row->rank != b->rank, e, SOHO_BAD,
            "%s: tensor %s: expected %u dimensions, got %u", path, name,
            b->rank, row->rank);
    for (u32 k = 0; k < b->rank; k++)
        FAIL_IF(row->dim[k] != b->dim[k], e, SOHO_BAD,
                "%s: tensor %s: expected size %lld of dimension %u, got %lld",
                path, name, (long long)b->dim[k], k, (long long)row->dim[k]);
    return tensors_read(e, file, row, run_buffer(run, d->buffer));
}

static u32
count_inputs(const Plan *plan, u32 phase)
{
    const PlanPhase *h = &plan->phase[phase];
    u32 n = 0;

    for (u32 d = h->door; d < h->door + h->ndoor; d++)
        n += !plan->door[d].out;
    return n;
}

/* Fills the input doors of a phase from the next file. */
static int
read_inputs(Err *e, Task *t, u32 phase)
{
    const Plan *plan = &t->run->plan;
    const PlanPhase *h = &plan->phase[phase];
    const char *path;
    Tensors *file;

    if (!count_inputs(plan, phase))
        return 0;
    path = t->in.at[t->next_in++];
    TRY(tensors_open(e, path, &file));
    for (u32 d = h->door; d < h->door + h->ndoor && !e->code; d++)
        if (!plan->door[d].out)
            read_door(e, t->run, file, path, &plan->door[d]);
    tensors_close(file);
    return e->code;
}

/* ------------------------------------------------------------------ output */

/* Copies the output doors of a phase that has run; the next one may use the
 * same memory. */
static int
keep_outputs(Err *e, Task *t, u32 phase)
{
    const Plan *plan = &t->run->plan;
    const PlanPhase *h = &plan->phase[phase];

    for (u32 d = h->door; d < h->door + h->ndoor; d++) {
        const PlanBuffer *b = &plan->buffer[plan->door[d].buffer];
        Output *o = t->output;

        if (!plan->door[d].out)
            continue;
        while (o < t->output + t->noutput && o->door != d)
            o++;
        if (o == t->output + t->noutput) {
            *o = (Output){.phase = phase, .door = d, .data = malloc(b->bytes)};
            FAIL_IF(!o->data, e, SOHO_MEMORY, "no memory to keep door %s",
                    plan_text(plan, plan->door[d].name));
            t->noutput++;
        }
        memcpy(o->data, run_buffer(t->run, plan->door[d].buffer), b->bytes);
    }
    return 0;
}

/* "loss", or "train@96x128.loss" where several phases have one. */
static void
name_outputs(Task *t)
{
    const Plan *plan = &t->run->plan;

    for (u32 i = 0; i < t->noutput; i++) {
        Output *o = &t->output[i];
        const char *name = plan_text(plan, plan->door[o->door].name);
        u32 same = 0;

        for (u32 k = 0; k < t->noutput; k++)
            same += !strcmp(
                name, plan_text(plan, plan->door[t->output[k].door].name));
        if (same > 1)
            snprintf(o->name, sizeof o->name, "%s.%s",
                     plan_text(plan, plan->phase[o->phase].name), name);
        else
            snprintf(o->name, sizeof o->name, "%s", name);
    }
}

static TensorOut
describe(const Plan *plan, u32 buffer, const char *name, const void *data)
{
    const PlanBuffer *b = &plan->buffer[buffer];
    TensorOut row = {
        .name = name, .dtype = b->dtype, .rank = b->rank, .data = data};

    memcpy(row.dim, b->dim, sizeof b->dim);
    return row;
}

static int
write_outputs(Err *e, Task *t)
{
    const Plan *plan = &t->run->plan;
    u32 n = t->noutput;
    TensorOut *row = malloc((n + t->nwanted + 1) * sizeof *row);

    FAIL_IF(!row, e, SOHO_MEMORY, "no memory for a list of tensors");
    name_outputs(t);
    for (u32 i = 0; i < n; i++)
        row[i] = describe(plan, plan->door[t->output[i].door].buffer,
                          t->output[i].name, t->output[i].data);
    for (u32 i = 0; i < t->nwanted; i++) { /* as they are now */
        row[n + i] = t->wanted[i];
        row[n + i].data =
            run_buffer(t->run, plan_buffer(plan, t->wanted[i].name));
    }
    tensors_write(e, t->out, row, n + t->nwanted, NULL);
    free(row);
    return e->code;
}

/* --------------------------------------------------------- wanted tensors */

/* A tensor that outlives its phase; it is written as it is at the end. */
static int
want_tensor(Err *e, Task *t, const char *name)
{
    const Plan *plan = &t->run->plan;
    u32 b = plan_buffer(plan, name);
    void *data;

    FAIL_IF(b == PLAN_NONE, e, SOHO_BAD,
            "%s: --want %s: no parameter, gradient, state or moment has this "
            "name; compile a value of the model with sohoc --keep %s, then it "
            "is an output",
            plan->path, name, name);
    FAIL_IF(plan->buffer[b].arena == AR_act || plan->buffer[b].arena == AR_io,
            e, SOHO_BAD,
            "%s: --want %s: its memory is used again inside the phase; compile "
            "with sohoc --keep",
            plan->path, name);
    data = run_buffer(t->run, b);
    FAIL_IF(!data, e, SOHO_BAD,
            "%s: --want %s: none of the phases has it in memory", plan->path,
            name);
    FAIL_IF(t->nwanted == EXEC_WANTED, e, SOHO_USAGE, "--want: more than %d",
            EXEC_WANTED);
    t->wanted[t->nwanted++] =
        describe(plan, b, plan_text(plan, plan->buffer[b].name), data);
    return 0;
}

/* Every name of the lists "a,b" in --want. */
static int
want_tensors(Err *e, Task *t)
{
    for (u32 i = 0; i < t->want.n; i++) {
        const char *at = t->want.at[i];

        while (*at) {
            size_t n = strcspn(at, ",");
            char name[PLAN_NAME + 1];

            FAIL_IF(n > PLAN_NAME, e, SOHO_USAGE, "--want %.40s...: too long",
                    at);
            memcpy(name, at, n);
            name[n] = 0;
            if (n)
                TRY(want_tensor(e, t, name));
            at += n + (at[n] == ',');
        }
    }
    return 0;
}

/* ----------------------------------------------------------------- running */

/* "train,train,update" into indices; *kinds and the number of files to read
 * follow. */
static int
read_phases(Err *e, Task *t, const Plan *plan, u32 *kinds)
{
    const char *at = t->phases;
    u32 files = 0;

    *kinds = 0;
    while (*at) {
        size_t n = strcspn(at, ",");

        FAIL_IF(t->nphase == EXEC_PHASES, e, SOHO_USAGE, "more than %d phases",
                EXEC_PHASES);
        TRY(plan_find_phase(e, plan, at, n, &t->phase[t->nphase]));
        *kinds |= 1u << plan->phase[t->phase[t->nphase]].kind;
        files += count_inputs(plan, t->phase[t->nphase++]) > 0;
        at += n + (at[n] == ',');
    }
    FAIL_IF(files != t->in.n, e, SOHO_USAGE,
            "%u of the phases read doors, but --in was given %u times", files,
            t->in.n);
    return 0;
}

/* Opens the plan with what its phases, and the weights, need. */
static int
open_run(Err *e, Task *t)
{
    Plan plan;
    u32 kinds = 0;

    if (!plan_open(e, t->plan, &plan))
        read_phases(e, t, &plan, &kinds);
    plan_close(&plan);
    TRY(e->code);
    if (!t->weights)
        kinds |= 1u << PH_init;
    TRY(run_open(e, t->plan, kinds, &t->run));
    t->output = calloc(t->run->plan.ndoor + 1, sizeof *t->output);
    FAIL_IF(!t->output, e, SOHO_MEMORY, "no memory for outputs");
    return 0;
}

static int
set_weights(Err *e, Task *t)
{
    u32 unexpected = 0;

    if (!t->weights) {
        TRY(soho_init((Soho *)t->run, t->seed) ? (*e = t->run->err).code : 0);
        return 0;
    }
    TRY(weights_load(e, t->run, t->weights, &unexpected));
    if (*e->text)
        fprintf(stderr, "soho-rt exec: warning: %s\n", e->text);
    if (unexpected)
        fprintf(stderr,
                "soho-rt exec: %s: %u tensors that the plan does not have\n",
                t->weights, unexpected);
    return 0;
}

/* Counters as in training: t and window count micro-batches; an update has
 * those of the last one before it. */
static void
count_phase(Task *t, u32 kind)
{
    SohoStep *step = run_step(t->run);

    if (kind == PH_train) {
        step->t = (u32)t->step + t->trained++;
        step->window = t->window++;
    } else if (kind == PH_update) {
        t->window = 0;
    }
}

static int
run_task(Err *e, Task *t)
{
    TRY(open_run(e, t));
    TRY(want_tensors(e, t));
    TRY(set_weights(e, t));
    soho_step((Soho *)t->run, t->seed, (u32)t->step, 0, 0);
    for (u32 i = 0; i < t->nphase; i++) {
        const PlanPhase *h = &t->run->plan.phase[t->phase[i]];

        run_step(t->run)->rows = (u32)(h->batch * h->sentences);
        count_phase(t, h->kind);
        TRY(read_inputs(e, t, t->phase[i]));
        if (run_phase(t->run, t->phase[i]))
            return (*e = t->run->err).code;
        TRY(keep_outputs(e, t, t->phase[i]));
    }
    return write_outputs(e, t);
}

int
cmd_exec(int argc, char **argv)
{
    static Task t;
    const Option options[] = {
        {OPT_OPERAND, "PLAN", NULL, &t.plan, 1, "plan.bin"},
        {OPT_OPERAND, "PHASES", NULL, &t.phases, 1,
         "phases to run in order: train,train,update"},
        {OPT_LIST, "--in", "FILE", &t.in, 0,
         "tensors for the input doors, once per phase that has some"},
        {OPT_TEXT, "--out", "FILE", &t.out, 1,
         "gets the output doors and the wanted tensors"},
        {OPT_TEXT, "--weights", "FILE", &t.weights, 0,
         "file (safetensors, PyTorch) or checkpoint; without it init runs"},
        {OPT_COUNT, "--seed", "N", &t.seed, 0, "of init and dropout (0)"},
        {OPT_COUNT, "--step", "N", &t.step, 0,
         "micro-batches before the first train phase (0)"},
        {OPT_LIST, "--want", "NAME,...", &t.want, 0,
         "grad.<parameter>, parameters, state, moment1.<parameter>"},
        {0},
    };
    int code =
        cmd_options(options, "Runs phases on tensors from files.", argc, argv);
    Err e = {0};

    if (code >= 0)
        return code;
    run_task(&e, &t);
    for (u32 i = 0; i < t.noutput; i++)
        free(t.output[i].data);
    free(t.output);
    run_close(t.run);
    return e.code ? cmd_fail(argv[0], &e) : 0;
}
