/* state.c - what `update` carries from step to step beside weights, as the file
 * train.safetensors.
 *
 * In: the arenas of a run between two windows (gradients are not kept).  Out:
 * one tensor per buffer under the plan's name, or the same bytes put back.  The
 * file's metadata are the plan's settings. */
#include "runtime/state.h"

#include <limits.h>
#include <stdio.h>
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

/* Pairs of the plan's settings, NULL-ended; NULL: no memory. */
static const char **
list_settings(const Plan *plan)
{
    const char **pair = calloc(2 * (size_t)plan->nmeta + 1, sizeof *pair);

    for (u32 i = 0; pair && i < plan->nmeta; i++) {
        pair[2 * i] = plan_text(plan, plan->meta[i].key);
        pair[2 * i + 1] = plan_text(plan, plan->meta[i].value);
    }
    return pair;
}

/* The kept buffers as rows; returns how many. */
static u32
list_rows(Run *run, TensorOut *rows)
{
    const Plan *plan = &run->plan;
    u32 at = 0;

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
    return at;
}

int
state_save(Err *e, Run *run, const char *path)
{
    u32 n = count_kept(&run->plan);
    TensorOut *rows = calloc(n ? n : 1, sizeof *rows);
    const char **settings = list_settings(&run->plan);

    if (rows && settings)
        tensors_write(e, path, rows, list_rows(run, rows), settings);
    else
        err_set(e, SOHO_MEMORY, "%s: no memory for a list of %u tensors", path,
                n);
    free(rows);
    free(settings);
    return e->code;
}

void
state_differs(const Run *run, const char *folder, char *text, size_t n)
{
    const Plan *plan = &run->plan;
    char path[PATH_MAX];
    Tensors *file = NULL;
    Err e = {0};
    u32 known = 0;

    *text = 0;
    if (snprintf(path, sizeof path, "%s/train.safetensors", folder) >=
            (int)sizeof path ||
        tensors_open(&e, path, &file))
        return;
    for (u32 i = 0; i < plan->nmeta && *text == 0; i++) {
        const char *key = plan_text(plan, plan->meta[i].key);
        const char *now = plan_text(plan, plan->meta[i].value);
        const char *then = tensors_meta(file, key);

        known += then != NULL;
        if (!then || strcmp(then, now))
            snprintf(text, n, "; %s is %.64s now, it was %.64s then", key, now,
                     then ? then : "not there");
    }
    if (!*text && known)
        snprintf(text, n,
                 "; all settings are the same: other Lua files, or "
                 "another compiler");
    tensors_close(file);
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
