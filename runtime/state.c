/* state.c - what `update` carries from step to step beside weights, as the file
 * train.safetensors.
 *
 * In: the arenas of a run between two windows (gradients are not kept).  Out:
 * one tensor per buffer under the plan's name, or the same bytes put back. */
#include "runtime/state.h"

#include <stdlib.h>
#include <string.h>

static int
is_kept(const PlanBuffer *b)
{
    return b->role == RO_moment || b->role == RO_good || b->role == RO_step;
}

static u32
count_kept(const Plan *plan)
{
    u32 n = 0;

    for (u32 i = 0; i < plan->nbuffer; i++)
        n += (u32)is_kept(&plan->buffer[i]);
    return n;
}

u64
state_bytes(const Run *run)
{
    const Plan *plan = &run->plan;
    u64 bytes = 0;

    for (u32 i = 0; i < plan->nbuffer; i++)
        if (is_kept(&plan->buffer[i]) || plan->buffer[i].role == RO_param ||
            plan->buffer[i].role == RO_state)
            bytes += plan->buffer[i].bytes;
    return bytes;
}

int
state_save(Err *e, Run *run, const char *path)
{
    const Plan *plan = &run->plan;
    u32 n = count_kept(plan), at = 0;
    TensorOut *rows = calloc(n ? n : 1, sizeof *rows);
    int code;

    FAIL_IF(!rows, e, SOHO_MEMORY, "%s: no memory for a list of %u tensors",
            path, n);
    for (u32 i = 0; i < plan->nbuffer; i++) {
        const PlanBuffer *b = &plan->buffer[i];

        if (!is_kept(b))
            continue;
        rows[at].name = plan_text(plan, b->name);
        rows[at].dtype = b->dtype;
        rows[at].rank = b->rank;
        memcpy(rows[at].dim, b->dim, sizeof b->dim);
        rows[at++].data = run_buffer(run, i);
    }
    code = tensors_write(e, path, rows, n, NULL);
    free(rows);
    return code;
}

/* Puts one tensor back. */
static int
load_buffer(Err *e, Run *run, Tensors *file, const char *path, u32 i)
{
    const PlanBuffer *b = &run->plan.buffer[i];
    const char *name = plan_text(&run->plan, b->name);
    const TensorRow *row = tensors_find(file, name);

    FAIL_IF(!row, e, SOHO_BAD, "%s: tensor %s of the plan is missing", path,
            name);
    FAIL_IF(row->dtype != b->dtype || row->rank != b->rank ||
                memcmp(row->dim, b->dim, b->rank * sizeof *b->dim),
            e, SOHO_BAD, "%s: tensor %s has another shape than in the plan",
            path, name);
    return tensors_read(e, file, row, run_buffer(run, i));
}

int
state_load(Err *e, Run *run, const char *path)
{
    u32 want = count_kept(&run->plan);
    Tensors *file = NULL;

    TRY(tensors_open(e, path, &file));
    if (tensors_count(file) != want)
        err_set(e, SOHO_BAD, "%s: %u tensors, the plan keeps %u", path,
                tensors_count(file), want);
    for (u32 i = 0; i < run->plan.nbuffer && !e->code; i++)
        if (is_kept(&run->plan.buffer[i]))
            load_buffer(e, run, file, path, i);
    tensors_close(file);
    run_weights_changed(run);
    return e->code;
}
