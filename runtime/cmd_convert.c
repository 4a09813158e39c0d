/* cmd_convert.c - soho-rt convert: weights of PyTorch to safetensors, or back.
 *
 * In: a file of tensors, or a checkpoint.  Out: a new file with the same
 * tensors, byte for byte and in their own types; equal tensors give equal
 * files.  Safetensors has no two names for one tensor: each gets its own copy.
 * A .pth gets the names that PyTorch's modules have beside the numbers, so that
 * they load it strictly: the counters num_batches_tracked, and the tied
 * mask_l_fc.weight of pre-training. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/checkpoint.h"
#include "runtime/cmd.h"
#include "runtime/data/list.h"
#include "runtime/run.h"
#include "runtime/torch/torch.h"
#include "runtime/weight_names.h"

typedef struct Convert {
    const char *in, *out;
    int official;
    int to_torch;
    Tensors *file;
    List rows; /* TensorOut */
    Pool names;
    u32 renamed, dropped, counters, tied;
} Convert;

static TensorOut *
row_at(const Convert *c, u64 i)
{
    return (TensorOut *)c->rows.at + i;
}

static int
ends(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);

    return n > m && !strcmp(s + n - m, end);
}

/* --------------------------------------------------------------------- rows */

/* A tensor of the file under `name`. */
static int
add_row(Err *e, Convert *c, const char *name, const TensorRow *row)
{
    TensorOut *out = list_add(e, &c->rows, 1);

    if (!out)
        return e->code;
    *out = (TensorOut){.name = name,
                       .dtype = row->dtype,
                       .rank = row->rank,
                       .file = c->file,
                       .row = row};
    memcpy(out->dim, row->dim, sizeof out->dim);
    return 0;
}

/* A tensor of the file under its own name, or under the official one. */
static int
take_row(Err *e, Convert *c, const TensorRow *row)
{
    char to[PLAN_NAME + 1];
    const char *name = row->name;
    int kind = c->official ? weight_name(name, to) : WEIGHT_SAME;

    if (kind == WEIGHT_DROPPED) {
        c->dropped++;
        return 0;
    }
    if (kind != WEIGHT_SAME && strcmp(name, to)) {
        c->renamed++;
        name = pool_text(e, &c->names, to);
    }
    return name ? add_row(e, c, name, row) : e->code;
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(((const TensorOut *)a)->name, ((const TensorOut *)b)->name);
}

/* Wide types first, so that every tensor begins at a multiple of its own. */
static int
by_width(const void *a, const void *b)
{
    u64 x = tensors_dtype_bytes(((const TensorOut *)a)->dtype);
    u64 y = tensors_dtype_bytes(((const TensorOut *)b)->dtype);

    return x != y ? (x < y ? 1 : -1) : by_name(a, b);
}

static int
sort_rows(Err *e, Convert *c)
{
    char shown[128];

    if (c->rows.n)
        qsort(c->rows.at, c->rows.n, sizeof(TensorOut), by_name);
    for (u64 i = 1; i < c->rows.n; i++) {
        const TensorOut *a = row_at(c, i - 1), *b = row_at(c, i);

        FAIL_IF(!by_name(a, b), e, SOHO_BAD, "%s: two tensors are %s", c->in,
                err_clean(shown, sizeof shown, b->name, strlen(b->name)));
    }
    return 0;
}

/* Of the first n rows, which are sorted. */
static const TensorOut *
find_row(const Convert *c, u64 n, const char *name)
{
    TensorOut key = {.name = name};

    return n ? bsearch(&key, c->rows.at, n, sizeof key, by_name) : NULL;
}

/* -------------------------------------------- what PyTorch's modules expect */

/* The counter of a batch norm that has running statistics and none. */
static int
add_counter(Err *e, Convert *c, u64 n, const char *mean)
{
    static const char tail[] = ".running_mean";
    static const i64 zero;
    char name[PLAN_NAME + 64];
    const char *copy;
    size_t stem = strlen(mean) - (sizeof tail - 1);
    TensorOut *out;

    if (stem > PLAN_NAME)
        return 0;
    snprintf(name, sizeof name, "%.*s%s", (int)stem, mean, WEIGHT_STEPS);
    if (find_row(c, n, name))
        return 0;
    copy = pool_text(e, &c->names, name);
    out = copy ? list_add(e, &c->rows, 1) : NULL;
    if (!out)
        return e->code;
    *out = (TensorOut){.name = copy, .dtype = TD_i64, .data = &zero};
    c->counters++;
    return 0;
}

static int
complete(Err *e, Convert *c)
{
    u64 n = c->rows.n;
    const TensorOut *words = find_row(c, n, WEIGHT_WORDS);

    if (words && find_row(c, n, WEIGHT_CODES) && !find_row(c, n, WEIGHT_TIED)) {
        TRY(add_row(e, c, WEIGHT_TIED, words->row));
        c->tied = 1;
    }
    for (u64 i = 0; i < n; i++)
        if (ends(row_at(c, i)->name, ".running_mean"))
            TRY(add_counter(e, c, n, row_at(c, i)->name));
    return sort_rows(e, c);
}

/* ------------------------------------------------------------------ writing */

static int
write_rows(Err *e, Convert *c)
{
    const TensorOut *rows = (const TensorOut *)c->rows.at;
    const char **meta;

    if (c->to_torch) {
        TRY(complete(e, c));
        return torch_write(e, c->out, row_at(c, 0), (u32)c->rows.n);
    }
    meta = tensors_meta_list(c->file);
    FAIL_IF(!meta, e, SOHO_MEMORY, "%s: no memory for its metadata", c->in);
    if (c->rows.n)
        qsort(c->rows.at, c->rows.n, sizeof(TensorOut), by_width);
    tensors_write(e, c->out, rows, (u32)c->rows.n, meta[0] ? meta : NULL);
    free(meta);
    return e->code;
}

static void
report(const Convert *c)
{
    u64 bytes = 0;

    for (u64 i = 0; i < c->rows.n; i++)
        bytes += tensors_out_bytes(row_at(c, i));
    printf("%s: %" PRIu64 " tensors, %.2f MB\n", c->out, c->rows.n,
           (f64)bytes / 1e6);
    if (*tensors_note(c->file))
        printf("  %s\n", tensors_note(c->file));
    if (c->renamed || c->dropped)
        printf("  %u under official names, %u left out\n", c->renamed,
               c->dropped);
    if (c->counters)
        printf("  %u counters num_batches_tracked added, which are 0\n",
               c->counters);
    if (c->tied)
        printf("  %s added, the same tensor as %s\n", WEIGHT_TIED,
               WEIGHT_WORDS);
    if (c->to_torch && tensors_meta(c->file, "compat"))
        printf("  left out: that they were trained with compat = %s\n",
               tensors_meta(c->file, "compat"));
}

static int
convert(Err *e, Convert *c)
{
    char found[PATH_MAX], path[PATH_MAX];

    TRY(checkpoint_weights(e, c->in, found));
    TRY(weights_file(e, found, path));
    TRY(tensors_open(e, path, &c->file));
    for (u32 i = 0; i < tensors_count(c->file); i++)
        TRY(take_row(e, c, tensors_row(c->file, i)));
    TRY(sort_rows(e, c));
    return write_rows(e, c);
}

int
cmd_convert(int argc, char **argv)
{
    Convert c = {.rows.size = sizeof(TensorOut)};
    const Option options[] = {
        {OPT_OPERAND, "IN", NULL, &c.in, 1,
         "file (safetensors, PyTorch), checkpoint folder or run folder"},
        {OPT_OPERAND, "OUT", NULL, &c.out, 1,
         "new file; .safetensors, or .pth, .pt, .bin"},
        {OPT_FLAG, "--official", NULL, &c.official, 0,
         "give tensors of ResNet and BERT their names in SOHO"},
        {.kind = OPT_END},
    };
    Err e = {0};
    int code = cmd_options(
        options, "Convert weights; code in a file is never run.", argc, argv);

    if (code >= 0)
        return code;
    c.to_torch =
        ends(c.out, ".pth") || ends(c.out, ".pt") || ends(c.out, ".bin");
    if (!c.to_torch && !ends(c.out, ".safetensors"))
        err_set(&e, SOHO_USAGE,
                "OUT has to end in .safetensors, .pth, .pt or .bin");
    else if (!convert(&e, &c))
        report(&c);
    tensors_close(c.file);
    free(c.rows.at);
    pool_free(&c.names);
    return e.code ? cmd_fail(argv[0], &e) : 0;
}
