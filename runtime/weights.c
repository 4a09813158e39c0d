/* weights.c - the weights of a plan by their official names.
 *
 * In: a safetensors file, or a checkpoint folder with weights.safetensors.
 * Out: parameters and running state in the arenas, or a list of what does not
 * fit: a model with a missing tensor never runs. */
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/run.h"
#include "runtime/vfs.h"

enum { LISTED = 4 }; /* names in a message */

/* PyTorch's counter of batches: a plan has no use for it. */
static int
is_ignored(const char *name)
{
    static const char tail[] = "num_batches_tracked";
    size_t n = strlen(name), m = sizeof tail - 1;

    return n >= m && !strcmp(name + n - m, tail);
}

static int
is_weight(const PlanBuffer *b)
{
    return b->role == RO_param || b->role == RO_state;
}

/* --------------------------------------------------------------- comparing */

/* The first few differences as text, and how many there are. */
typedef struct Misfits {
    u32 missing, other;
    char text[ERR_TEXT / 2];
    size_t used;
} Misfits;

static void
note(Misfits *m, const char *text)
{
    if (m->missing + m->other > LISTED)
        return;
    m->used += (size_t)snprintf(m->text + m->used, sizeof m->text - m->used,
                                "%s%s", m->used ? "; " : "", text);
    if (m->used >= sizeof m->text)
        m->used = sizeof m->text - 1;
}

/* "[64,3,7,7]" */
static char *
shape_text(u32 rank, const i64 *dim, char text[96])
{
    size_t n = 1;

    strcpy(text, "[");
    for (u32 i = 0; i < rank && n < 80; i++)
        n += (size_t)snprintf(text + n, 96 - n, i ? ",%" PRId64 : "%" PRId64,
                              dim[i]);
    snprintf(text + n, 96 - n, "]");
    return text;
}

/* Does the file have buffer b as the plan wants it? */
static void
compare(const Plan *plan, const PlanBuffer *b, const TensorRow *row, Misfits *m)
{
    const char *name = plan_text(plan, b->name);
    char text[ERR_TEXT / 2], want[96], got[96];

    if (!row) {
        m->missing++;
        snprintf(text, sizeof text, "%s missing", name);
        note(m, text);
    } else if (row->dtype != b->dtype || row->rank != b->rank ||
               memcmp(row->dim, b->dim, b->rank * sizeof *b->dim)) {
        TensorRow plain = {.dtype = b->dtype};

        m->other++;
        snprintf(text, sizeof text, "%s expected %s%s, got %s%s", name,
                 tensors_dtype(plain.dtype), shape_text(b->rank, b->dim, want),
                 tensors_dtype(row->dtype), shape_text(row->rank, row->dim, got));
        note(m, text);
    }
}

static int
check_all(Err *e, const Plan *plan, Tensors *file, const char *path)
{
    Misfits m = {0};
    u32 n = 0;

    for (u32 i = 0; i < plan->nbuffer; i++) {
        const PlanBuffer *b = &plan->buffer[i];

        if (!is_weight(b))
            continue;
        compare(plan, b, tensors_find(file, plan_text(plan, b->name)), &m);
        n++;
    }
    FAIL_IF(m.missing + m.other, e, SOHO_BAD,
            "%s: of %u tensors of the plan %u are missing and %u have another "
            "shape or dtype: %s%s",
            path, n, m.missing, m.other, m.text,
            m.missing + m.other > LISTED ? "; ..." : "");
    return 0;
}

static u32
count_unexpected(const Plan *plan, const Tensors *file)
{
    u32 n = 0;

    for (u32 i = 0; i < tensors_count(file); i++) {
        const char *name = tensors_row(file, i)->name;
        u32 b = plan_buffer(plan, name);

        n += !is_ignored(name) &&
             (b == PLAN_NONE || !is_weight(&plan->buffer[b]));
    }
    return n;
}

/* ----------------------------------------------------------------- loading */

/* The shadow of a state, which `update` falls back to, begins as its copy. */
static void
copy_good(Run *run)
{
    const Plan *plan = &run->plan;

    for (u32 i = 0; i < plan->nbuffer; i++) {
        const char *name = plan_text(plan, plan->buffer[i].name);
        void *to = run_buffer(run, i), *from;
        u32 live;

        if (plan->buffer[i].role != RO_good || strncmp(name, "good.", 5))
            continue;
        live = plan_buffer(plan, name + 5);
        from = live == PLAN_NONE ? NULL : run_buffer(run, live);
        if (to && from)
            memcpy(to, from,
                   (size_t)min_i64((i64)plan->buffer[i].bytes,
                                   (i64)plan->buffer[live].bytes));
    }
}

/* Reads what the opened phases can see; the rest was only compared. */
static int
load_all(Err *e, Run *run, Tensors *file)
{
    const Plan *plan = &run->plan;

    for (u32 i = 0; i < plan->nbuffer; i++) {
        const PlanBuffer *b = &plan->buffer[i];
        void *to = run_buffer(run, i);

        if (is_weight(b) && to)
            TRY(tensors_read(e, file,
                             tensors_find(file, plan_text(plan, b->name)), to));
    }
    copy_good(run);
    return 0;
}

/* PATH, or PATH/weights.safetensors where PATH is a folder. */
static int
weights_file(Err *e, const char *path, char file[PATH_MAX])
{
    int fd = vfs->open(path, O_RDONLY | O_DIRECTORY, 0);
    const char *rest = fd < 0 ? "" : "/weights.safetensors";

    if (fd >= 0)
        vfs->close(fd);
    FAIL_IF(snprintf(file, PATH_MAX, "%s%s", path, rest) >= PATH_MAX, e,
            SOHO_IO, "%.64s...: path of more than %d bytes", path, PATH_MAX);
    return 0;
}

/* A mask in another place is seen by no check of names and shapes. */
static void
compare_compat(Err *e, const Plan *plan, const Tensors *file, const char *path)
{
    const char *now = plan_meta(plan, "config.compat");
    const char *then = tensors_meta(file, "compat");
    char shown[32], name[ERR_TEXT / 2];

    e->text[0] = 0;
    if (!now || !then || !strcmp(now, then))
        return;
    err_clean(shown, sizeof shown, then, strlen(then));
    snprintf(e->text, sizeof e->text,
             "%s: these weights were trained with the picture's mask of compat "
             "= %s, the plan masks as %s, so its answers will be worse: "
             "compile the model with --set compat=%s",
             err_clean(name, sizeof name, path, strlen(path)), shown, now,
             shown);
}

int
weights_load(Err *e, Run *run, const char *path, u32 *unexpected)
{
    char name[PATH_MAX];
    Tensors *file;

    TRY(weights_file(e, path, name));
    TRY(tensors_open(e, name, &file));
    if (unexpected)
        *unexpected = count_unexpected(&run->plan, file);
    if (!check_all(e, &run->plan, file, name)) {
        run_weights_changed(run);
        if (!load_all(e, run, file))
            compare_compat(e, &run->plan, file, name);
    }
    tensors_close(file);
    return e->code;
}

/* ------------------------------------------------------------------ saving */

static int
fill_rows(Err *e, Run *run, TensorOut *row, u32 *n)
{
    const Plan *plan = &run->plan;

    for (u32 i = 0; i < plan->nbuffer; i++) {
        const PlanBuffer *b = &plan->buffer[i];

        if (!is_weight(b))
            continue;
        row[*n] = (TensorOut){.name = plan_text(plan, b->name),
                              .dtype = b->dtype,
                              .rank = b->rank,
                              .data = run_buffer(run, i)};
        memcpy(row[*n].dim, b->dim, sizeof b->dim);
        FAIL_IF(!row[*n].data, e, SOHO_USAGE,
                "%s: %s is not in memory: open the plan for training to save "
                "its weights",
                plan->path, row[*n].name);
        ++*n;
    }
    return 0;
}

int
weights_save(Err *e, Run *run, const char *path)
{
    static const char *const key[][2] = {{"compat", "config.compat"},
                                         {"model", "model"}};
    TensorOut *row = malloc((run->plan.nbuffer + 1) * sizeof *row);
    const char *meta[2 * countof(key) + 1] = {0};
    u32 n = 0, m = 0;

    FAIL_IF(!row, e, SOHO_MEMORY, "%s: no memory for a list of %u tensors",
            path, run->plan.nbuffer);
    for (u32 i = 0; i < countof(key); i++) {
        const char *value = plan_meta(&run->plan, key[i][1]);

        if (!value)
            continue;
        meta[m++] = key[i][0];
        meta[m++] = value;
    }
    if (!fill_rows(e, run, row, &n))
        tensors_write(e, path, row, n, m ? meta : NULL);
    free(row);
    return e->code;
}
