/* steps.c - trains a plan on a stream of micro-batches, as far as it is told.
 *
 *   steps PLAN STREAM.safetensors SEED
 *
 * In: the stream has the input doors of phase train, each with one dimension
 * more in front: micro-batches.  Commands come line by line on stdin:
 *
 *   run N        N updates; of each a line `STEP NAME VALUE ...` of the means
 *                that the phase tells in single numbers, the loss first
 *   write FILE   parameters, state and moments as safetensors; a line `written`
 *
 * The same seed makes starting values and all that is drawn.  Exit codes as
 * soho-rt's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/meter.h"
#include "runtime/run.h"

/* An input door and all that is going to stand in it. */
typedef struct Input {
    void *door;
    u8 *data;
    u64 bytes; /* of one micro-batch */
} Input;

typedef struct Steps {
    Run *run;
    u32 train, update; /* phases */
    Input *input;
    u32 ninput;
    u32 length; /* micro-batches of the stream */
    u32 t, step, accumulate;
    u64 seed;
    Meters meters;
    TensorOut *row; /* room for every buffer */
} Steps;

static int
find_phases(Err *e, Steps *s)
{
    const Plan *plan = &s->run->plan;

    s->train = s->update = PLAN_NONE;
    for (u32 p = plan->nphase; p-- > 0;)
        if (plan->phase[p].kind == PH_train)
            s->train = p;
        else if (plan->phase[p].kind == PH_update)
            s->update = p;
    FAIL_IF(s->train == PLAN_NONE || s->update == PLAN_NONE, e, SOHO_BAD,
            "%s: no phases train and update", plan->path);
    s->accumulate = (u32)plan_meta_number(plan, "update.accumulate", 1);
    return 0;
}

/* ------------------------------------------------------------------ stream */

static int
read_input(Err *e, Steps *s, Tensors *file, const char *path, const PlanDoor *d)
{
    const Plan *plan = &s->run->plan;
    const PlanBuffer *b = &plan->buffer[d->buffer];
    const char *name = plan_text(plan, d->name);
    const TensorRow *row = tensors_find(file, name);
    Input *in = &s->input[s->ninput++];

    FAIL_IF(!row || row->dtype != b->dtype || row->rank != b->rank + 1u ||
                memcmp(row->dim + 1, b->dim, b->rank * sizeof *b->dim),
            e, SOHO_BAD, "%s: no tensor %s with the type and shape of the door",
            path, name);
    FAIL_IF(s->length && (u32)row->dim[0] != s->length, e, SOHO_BAD,
            "%s: tensor %s: expected %u micro-batches, got %lld", path, name,
            s->length, (long long)row->dim[0]);
    s->length = (u32)row->dim[0];
    in->door = run_buffer(s->run, d->buffer);
    in->bytes = s->length ? row->bytes / s->length : 0;
    in->data = malloc(row->bytes + 1);
    FAIL_IF(!in->data, e, SOHO_MEMORY, "%s: no memory for %s", path, name);
    return tensors_read(e, file, row, in->data);
}

static int
read_stream(Err *e, Steps *s, const char *path)
{
    const Plan *plan = &s->run->plan;
    const PlanPhase *h = &plan->phase[s->train];
    Tensors *file;

    s->input = calloc(h->ndoor + 1, sizeof *s->input);
    s->row = calloc(plan->nbuffer + 1, sizeof *s->row);
    FAIL_IF(!s->input || !s->row, e, SOHO_MEMORY, "no memory for lists");
    TRY(tensors_open(e, path, &file));
    for (u32 d = h->door; d < h->door + h->ndoor && !e->code; d++)
        if (!plan->door[d].out)
            read_input(e, s, file, path, &plan->door[d]);
    tensors_close(file);
    return e->code;
}

/* ---------------------------------------------------------------- commands */

static int
run_checked(Err *e, Run *run, u32 phase)
{
    if (run_phase(run, phase))
        *e = run->err;
    return e->code;
}

static int
micro_batch(Err *e, Steps *s)
{
    SohoStep *step = run_step(s->run);

    FAIL_IF(s->t == s->length, e, SOHO_BAD,
            "the stream ends after %u micro-batches", s->length);
    soho_step((Soho *)s->run, s->seed, s->t, s->t % s->accumulate, 0);
    step->total = step->epoch_t = s->length;
    step->epochs = 1;
    for (u32 i = 0; i < s->ninput; i++)
        memcpy(s->input[i].door, s->input[i].data + s->t * s->input[i].bytes,
               s->input[i].bytes);
    TRY(run_checked(e, s->run, s->train));
    meters_add(&s->meters, s->run, s->train);
    s->t++;
    return 0;
}

static int
one_step(Err *e, Steps *s)
{
    const Meters *m = &s->meters;

    meters_clear(&s->meters);
    for (u32 i = 0; i < s->accumulate; i++)
        TRY(micro_batch(e, s));
    TRY(run_checked(e, s->run, s->update));
    printf("%u", ++s->step);
    for (u32 i = 0; i < m->n; i++)
        printf(" %s %.9g", m->name[i], meters_mean(m, i));
    printf("\n");
    return 0;
}

static int
write_all(Err *e, Steps *s, const char *path)
{
    const Plan *plan = &s->run->plan;
    u32 n = 0;

    for (u32 i = 0; i < plan->nbuffer; i++) {
        const PlanBuffer *b = &plan->buffer[i];
        TensorOut *row = &s->row[n];

        if (b->role != RO_param && b->role != RO_state && b->role != RO_moment)
            continue;
        *row = (TensorOut){.name = plan_text(plan, b->name),
                           .dtype = b->dtype,
                           .rank = b->rank,
                           .data = run_buffer(s->run, i)};
        memcpy(row->dim, b->dim, sizeof b->dim);
        n++;
    }
    TRY(tensors_write(e, path, s->row, n, NULL));
    printf("written\n");
    return 0;
}

static int
obey(Err *e, Steps *s)
{
    char line[4096];

    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        if (!strncmp(line, "run ", 4))
            for (u32 n = (u32)strtoul(line + 4, NULL, 10); n; n--)
                TRY(one_step(e, s));
        else if (!strncmp(line, "write ", 6))
            TRY(write_all(e, s, line + 6));
        else
            return err_set(e, SOHO_USAGE, "%s: no command", line);
        fflush(stdout);
    }
    return 0;
}

static int
open_all(Err *e, Steps *s, char **argv)
{
    u32 kinds = 1u << PH_train | 1u << PH_update | 1u << PH_init;

    s->seed = strtoull(argv[3], NULL, 10);
    TRY(run_open(e, argv[1], kinds, &s->run));
    TRY(find_phases(e, s));
    TRY(meters_open(e, s->run, PH_train, &s->meters));
    TRY(read_stream(e, s, argv[2]));
    if (soho_init((Soho *)s->run, s->seed))
        *e = s->run->err;
    return e->code;
}

int
main(int argc, char **argv)
{
    static Steps s;
    Err e = {0};

    if (argc != 4) {
        fprintf(stderr, "usage: steps PLAN STREAM.safetensors SEED\n");
        return SOHO_USAGE;
    }
    if (open_all(&e, &s, argv) || obey(&e, &s))
        fprintf(stderr, "steps: %s\n", e.text);
    for (u32 i = 0; i < s.ninput; i++)
        free(s.input[i].data);
    free(s.input);
    free(s.row);
    run_close(s.run);
    return e.code;
}
