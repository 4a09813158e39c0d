/* weights.c - the weights of a plan by their official names.
 *
 * In: a safetensors or PyTorch file, or a checkpoint folder with
 * weights.safetensors.  Out: parameters and running state in the arenas, all of
 * them or a list of what does not fit: a model with a missing tensor never
 * runs.  Only training may begin with some of them. */
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/run.h"
#include "runtime/vfs.h"
#include "runtime/weight_names.h"

enum { LISTED = 4 }; /* names in a message */

static int
is_weight(const PlanBuffer *b)
{
    return b->role == RO_param || b->role == RO_state;
}

/* --------------------------------------------------------------- comparing */

/* The first few of many names, and how many there are. */
typedef struct Names {
    u32 n;
    size_t used;
    char text[ERR_TEXT / 2];
} Names;

static void
note(Names *names, const char *text)
{
    size_t left = sizeof names->text - names->used;

    if (names->n++ > LISTED)
        return;
    snprintf(names->text + names->used, left, "%s%s", names->used ? "; " : "",
             names->n > LISTED ? "..." : text);
    names->used += strlen(names->text + names->used);
}

/* A weight of the plan by its name. */
typedef struct Named {
    const char *name;
    u32 buffer;
} Named;

/* What a file has for the weights of a plan. */
typedef struct Fit {
    Named *named;          /* all weights, sorted by name */
    const TensorRow **row; /* by buffer; NULL: nothing */
    u32 weights, loaded, renamed;
    Names missing, other; /* no such tensor; another shape or type */
    Names unexpected;     /* in the file, not in the plan */
    Names ignored;        /* no use for them, by the rules of weight_names.c */
    char renaming[ERR_TEXT / 4]; /* one of them */
} Fit;

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

/* Weights of any precision become those of the plan. */
static int
fits(const PlanBuffer *b, const TensorRow *row)
{
    return (row->dtype == b->dtype ||
            (b->dtype == DT_f32 && tensors_is_float(row->dtype))) &&
           row->rank == b->rank &&
           !memcmp(row->dim, b->dim, b->rank * sizeof *b->dim);
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(((const Named *)a)->name, ((const Named *)b)->name);
}

static int
name_weights(Err *e, const Plan *plan, const char *path, Fit *fit)
{
    fit->row = calloc(plan->nbuffer + 1, sizeof *fit->row);
    fit->named = malloc((plan->nbuffer + 1) * sizeof *fit->named);
    FAIL_IF(!fit->row || !fit->named, e, SOHO_MEMORY,
            "%s: no memory for a list of %u tensors", path, plan->nbuffer);
    for (u32 i = 0; i < plan->nbuffer; i++)
        if (is_weight(&plan->buffer[i]))
            fit->named[fit->weights++] =
                (Named){plan_text(plan, plan->buffer[i].name), i};
    if (fit->weights)
        qsort(fit->named, fit->weights, sizeof *fit->named, by_name);
    return 0;
}

/* The buffer of the weight that has this name, or PLAN_NONE. */
static u32
find_weight(const Fit *fit, const char *name)
{
    Named key = {.name = name}, *found = NULL;

    if (fit->weights)
        found = bsearch(&key, fit->named, fit->weights, sizeof key, by_name);
    return found ? found->buffer : PLAN_NONE;
}

/* The weight of the plan that a tensor of the file is, or PLAN_NONE. */
static u32
weight_of(const TensorRow *row, Fit *fit)
{
    char to[PLAN_NAME + 1], shown[PLAN_NAME + 1];
    u32 b = find_weight(fit, row->name);
    int kind;

    if (b != PLAN_NONE)
        return b;
    kind = weight_name(row->name, to);
    if (kind == WEIGHT_COUNTER) /* a plan has no use for it */
        return PLAN_NONE;
    err_clean(shown, sizeof shown, row->name, strlen(row->name));
    if (kind == WEIGHT_DROPPED || kind == WEIGHT_PRETRAINED) {
        note(&fit->ignored, shown);
        return PLAN_NONE;
    }
    b = kind == WEIGHT_RENAMED ? find_weight(fit, to) : PLAN_NONE;
    if (b == PLAN_NONE)
        note(&fit->unexpected, shown);
    else if (!fit->renamed++)
        snprintf(fit->renaming, sizeof fit->renaming, "%.100s is %.100s", shown,
                 to);
    return b;
}

/* Counts what is missing, and forgets what does not fit. */
static void
compare(const Plan *plan, Fit *fit)
{
    char text[ERR_TEXT / 2], want[96], got[96];

    for (u32 i = 0; i < plan->nbuffer; i++) {
        const PlanBuffer *b = &plan->buffer[i];
        const TensorRow *row = fit->row[i];
        const char *name = plan_text(plan, b->name);

        if (!is_weight(b))
            continue;
        if (!row) {
            snprintf(text, sizeof text, "%s missing", name);
            note(&fit->missing, text);
        } else if (!fits(b, row)) {
            snprintf(text, sizeof text, "%s expected %s%s, got %s%s", name,
                     tensors_dtype(b->dtype), shape_text(b->rank, b->dim, want),
                     tensors_dtype(row->dtype),
                     shape_text(row->rank, row->dim, got));
            note(&fit->other, text);
            fit->row[i] = NULL;
        } else {
            fit->loaded++;
        }
    }
}

static void
free_fit(Fit *fit)
{
    free(fit->named);
    free(fit->row);
}

/* free_fit follows in any case. */
static int
match(Err *e, const Plan *plan, Tensors *file, const char *path, Fit *fit)
{
    memset(fit, 0, sizeof *fit);
    TRY(name_weights(e, plan, path, fit));
    for (u32 i = 0; i < tensors_count(file); i++) {
        const TensorRow *row = tensors_row(file, i);
        u32 b = weight_of(row, fit);

        if (b == PLAN_NONE)
            continue;
        FAIL_IF(fit->row[b], e, SOHO_BAD,
                "%s: %.100s and %.100s are both %s of the plan", path,
                fit->row[b]->name, row->name,
                plan_text(plan, plan->buffer[b].name));
        fit->row[b] = row;
    }
    compare(plan, fit);
    return 0;
}

/* Every weight has to be there. */
static int
check_all(Err *e, const Fit *fit, const char *path)
{
    FAIL_IF(fit->missing.n + fit->other.n, e, SOHO_BAD,
            "%s: of %u tensors of the plan %u are missing and %u have another "
            "shape or dtype: %s%s%s",
            path, fit->weights, fit->missing.n, fit->other.n, fit->other.text,
            fit->other.n && fit->missing.n ? "; " : "", fit->missing.text);
    return 0;
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
load_all(Err *e, Run *run, Tensors *file, const Fit *fit)
{
    const Plan *plan = &run->plan;

    run_weights_changed(run);
    for (u32 i = 0; i < plan->nbuffer; i++) {
        const TensorRow *row = fit->row[i];
        void *to = run_buffer(run, i);

        if (row && to)
            TRY(plan->buffer[i].dtype == DT_f32
                    ? tensors_read_f32(e, file, row, to)
                    : tensors_read(e, file, row, to));
    }
    copy_good(run);
    return 0;
}

int
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
    Fit fit = {0};

    TRY(weights_file(e, path, name));
    TRY(tensors_open(e, name, &file));
    if (!match(e, &run->plan, file, name, &fit) && !check_all(e, &fit, name) &&
        !load_all(e, run, file, &fit))
        compare_compat(e, &run->plan, file, name);
    if (unexpected)
        *unexpected = fit.unexpected.n;
    free_fit(&fit);
    tensors_close(file);
    return e->code;
}

/* --------------------------------------------------- as a run's beginning */

/* One line on what a file gave. */
static void
tell(const Fit *fit, const Tensors *file, const char *path, WeightsSay *say,
     void *context)
{
    char line[4 * ERR_TEXT];
    size_t n = 0;
    const struct {
        u32 n;
        const char *what, *text;
    } part[] = {
        {fit->renamed, "under other names", fit->renaming},
        {fit->other.n, "of another shape", fit->other.text},
        {fit->ignored.n, "left out", fit->ignored.text},
        {fit->unexpected.n, "not in the plan", fit->unexpected.text},
    };

    n += (size_t)snprintf(line, sizeof line, "weights from %.400s: %u of %u",
                          path, fit->loaded, fit->weights);
    for (u32 i = 0; i < countof(part); i++)
        if (part[i].n)
            n += (size_t)snprintf(line + n, sizeof line - n, "; %u %s (%s)",
                                  part[i].n, part[i].what, part[i].text);
    if (*tensors_note(file))
        snprintf(line + n, sizeof line - n, "; %s", tensors_note(file));
    say(context, line);
}

static int
add(Err *e, Run *run, Tensors *file, const char *path, u8 *have, Fit *fit)
{
    TRY(match(e, &run->plan, file, path, fit));
    FAIL_IF(!fit->loaded, e, SOHO_BAD,
            "%s: none of its %u tensors is one of the plan's %u: %s%s%s", path,
            tensors_count(file), fit->weights, fit->other.text,
            fit->other.n && fit->unexpected.n ? "; " : "",
            fit->unexpected.text);
    for (u32 i = 0; i < run->plan.nbuffer; i++)
        have[i] |= fit->row[i] != NULL;
    return load_all(e, run, file, fit);
}

int
weights_add(Err *e, Run *run, const char *path, u8 *have, WeightsSay *say,
            void *context)
{
    char name[PATH_MAX];
    Tensors *file;
    Fit fit = {0};

    TRY(weights_file(e, path, name));
    TRY(tensors_open(e, name, &file));
    if (!add(e, run, file, name, have, &fit)) {
        tell(&fit, file, name, say, context);
        compare_compat(e, &run->plan, file, name);
    }
    free_fit(&fit);
    tensors_close(file);
    return e->code;
}

void
weights_left(const Run *run, const u8 *have, WeightsSay *say, void *context)
{
    const Plan *plan = &run->plan;
    char line[ERR_TEXT];
    Names left = {0};

    for (u32 i = 0; i < plan->nbuffer; i++)
        if (is_weight(&plan->buffer[i]) && !have[i])
            note(&left, plan_text(plan, plan->buffer[i].name));
    if (!left.n)
        return;
    snprintf(line, sizeof line, "%u tensors keep their starting values (%s)",
             left.n, left.text);
    say(context, line);
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
