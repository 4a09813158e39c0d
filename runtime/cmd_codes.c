/* cmd_codes.c - soho-rt codes: what the entries of a visual dictionary stand
 * for, as a sheet of picture patches, a strip for each entry.
 *
 * In: a plan of pre-training whose eval phases have the doors `image` u8
 * [B,H,W,3], `image_size` i32 [B,2] and `codes` i32 [B,h,w]; weights; a split.
 * Out: a PNG, and a table of how often each entry was nearest to a cell. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/checkpoint.h"
#include "runtime/cmd.h"
#include "runtime/data/shapes.h"
#include "runtime/dataset.h"
#include "runtime/replace.h"

enum { TILE = 32, GAP = 2, TILE_BYTES = TILE * TILE * 3, PAPER = 255 };
enum { MOST_CODES = 1 << 20, MOST_PATCHES = 64 };

typedef struct Codes {
    const char *plan, *weights, *split, *out;
    TextList data, images;
    u64 strips, patches, workers;
} Codes;

/* What was seen of each entry. */
typedef struct Entry {
    u64 cells;
    u32 code, patches; /* of those kept */
    u32 picture;       /* 1 + the last one that gave a patch */
} Entry;

typedef struct Sheet {
    Entry *entry; /* [n] */
    u32 n, most;  /* entries; patches kept of each */
    u8 *tile;     /* [n][most][TILE][TILE][3] */
    u8 *seen;     /* pictures that were looked at */
    u64 cells;
    Buffer scratch;
} Sheet;

static int
sheet_open(Err *e, Sheet *s, u32 n, u32 most, u32 npicture)
{
    *s = (Sheet){.n = n, .most = most};
    s->entry = calloc(n, sizeof *s->entry);
    s->tile = malloc((u64)n * most * TILE_BYTES);
    s->seen = calloc(npicture + 1ull, 1);
    FAIL_IF(!s->entry || !s->tile || !s->seen, e, SOHO_MEMORY,
            "no memory for %u patches of %u entries", most, n);
    for (u32 i = 0; i < n; i++)
        s->entry[i].code = i;
    return 0;
}

static void
sheet_close(Sheet *s)
{
    free(s->entry);
    free(s->tile);
    free(s->seen);
    buffer_free(&s->scratch);
}

/* ------------------------------------------------------------------ looking */

/* The doors of one eval phase. */
typedef struct Doors {
    const u8 *image;
    const i32 *size, *codes;
    i32 height, width, rows, columns; /* of the picture, of the grid */
} Doors;

static int
open_doors(Err *e, Run *run, u32 phase, Doors *d)
{
    const PlanBuffer *row;
    void *at;

    TRY(door_need(e, run, phase, "image", DT_u8, &row, &at));
    d->image = at;
    d->height = (i32)row->dim[1];
    d->width = (i32)row->dim[2];
    TRY(door_need(e, run, phase, "image_size", DT_i32, NULL, &at));
    d->size = at;
    TRY(door_need(e, run, phase, "codes", DT_i32, &row, &at));
    FAIL_IF(row->rank != 3, e, SOHO_BAD,
            "door codes has rank %u, expected [B,h,w]", row->rank);
    d->codes = at;
    d->rows = (i32)row->dim[1];
    d->columns = (i32)row->dim[2];
    return 0;
}

/* A cell's part of the picture, brought to the size of a tile. */
static int
keep_patch(Err *e, Sheet *s, const Doors *d, u32 b, i32 y, i32 x, u8 *tile)
{
    i32 top = y * d->height / d->rows, left = x * d->width / d->columns;
    i32 h = (y + 1) * d->height / d->rows - top;
    i32 w = (x + 1) * d->width / d->columns - left;
    const u8 *from =
        d->image +
        (((u64)b * (u64)d->height + (u64)top) * (u64)d->width + (u64)left) * 3;
    u64 pixels = (u64)h * (u64)w * 3;
    u8 *cut;

    TRY(buffer_reserve(e, &s->scratch,
                       pixels + resize_scratch(h, w, TILE, TILE), "a patch"));
    cut = s->scratch.at;
    for (i32 i = 0; i < h; i++)
        memcpy(cut + (u64)i * (u64)w * 3, from + (u64)i * (u64)d->width * 3,
               (u64)w * 3);
    resize_u8(cut, h, w, tile, TILE, TILE, TILE * 3, cut + pixels);
    return 0;
}

/* Counts the cells of picture b that lie on it; keeps patches, at most one of a
 * picture for each entry. */
static int
look_at(Err *e, Sheet *s, const Doors *d, u32 b, u32 picture)
{
    const i32 *codes = d->codes + (u64)b * (u64)(d->rows * d->columns);

    for (i32 y = 0; y < d->rows; y++)
        for (i32 x = 0; x < d->columns; x++) {
            i32 code = codes[y * d->columns + x];
            Entry *at = &s->entry[code];

            FAIL_IF(code < 0 || (u32)code >= s->n, e, SOHO_BAD,
                    "door codes holds %d, expected 0..%u", code, s->n - 1);
            if ((2 * y + 1) * d->height > 2 * d->rows * d->size[2 * b] ||
                (2 * x + 1) * d->width > 2 * d->columns * d->size[2 * b + 1])
                continue;
            at->cells++;
            s->cells++;
            if (at->patches == s->most || at->picture == picture + 1)
                continue;
            TRY(keep_patch(e, s, d, b, y, x,
                           s->tile + ((u64)code * s->most + at->patches++) *
                                         TILE_BYTES));
            at->picture = picture + 1;
        }
    return 0;
}

static int
run_batch(Err *e, Run *run, Feeder *f, const Vqa *set, Sheet *s, int *last)
{
    FeedBatch batch;
    Doors doors = {0};
    u32 phase, S = f->buckets.spec.sentences;

    TRY(feed_next(e, f->feed, f->doors[run->now], &batch));
    *last = batch.step + 1 == batch.steps;
    phase = f->buckets.phase[batch.bucket];
    TRY(open_doors(e, run, phase, &doors));
    run_step(run)->rows = batch.rows;
    if (run_phase(run, phase))
        return err_set(e, run->err.code, "%s", run->err.text);
    for (u32 b = 0; b < f->buckets.spec.batch; b++) {
        u32 picture = set->question[batch.question[b * S]].image;

        if (s->seen[picture])
            continue;
        s->seen[picture] = 1;
        TRY(look_at(e, s, &doors, b, picture));
    }
    return 0;
}

static int
look(Err *e, Run *run, const Codes *o, const Dataset *data, Sheet *s)
{
    Feeder feeder;
    int last = 0;

    TRY(buckets_open(e, run, PH_eval, &feeder.buckets));
    feeder.buckets.spec.workers = (u32)o->workers;
    if (!feeder_open(e, run, data, &feeder))
        while (!last && !run_batch(e, run, &feeder, &data->set, s, &last))
            continue;
    feeder_close(&feeder);
    return e->code;
}

/* ------------------------------------------------------------------ telling */

/* More cells first, then the lower number. */
static int
by_cells(const void *a, const void *b)
{
    const Entry *x = a, *y = b;

    if (x->cells != y->cells)
        return x->cells < y->cells ? 1 : -1;
    return x->code < y->code ? -1 : 1;
}

static void
show(const Sheet *s, u32 strips)
{
    u32 used = 0;
    f64 entropy = 0;

    for (u32 i = 0; i < s->n; i++) {
        f64 share = (f64)s->entry[i].cells / (f64)(s->cells ? s->cells : 1);

        used += s->entry[i].cells > 0;
        entropy -= share > 0 ? share * log(share) : 0;
    }
    printf("%llu cells; %u of %u entries used, perplexity %.1f\n",
           (unsigned long long)s->cells, used, s->n, exp(entropy));
    for (u32 i = 0; i < strips && s->entry[i].cells; i++)
        printf("strip %-4u entry %-6u %6.2f %%\n", i + 1, s->entry[i].code,
               100 * (f64)s->entry[i].cells / (f64)s->cells);
}

/* Strips from top to bottom, then in further columns, nearly a square. */
static int
draw(Err *e, const Sheet *s, u32 strips, const char *path)
{
    u32 wide = s->most * TILE + 2 * GAP, high = TILE + GAP;
    u32 columns = (u32)ceil(sqrt((f64)strips * high / wide));
    u32 rows = (strips + columns - 1) / columns;
    u64 w = (u64)columns * wide, h = (u64)rows * high;
    u8 *page = malloc(w * h * 3);
    Bytes png = {0};

    FAIL_IF(!page, e, SOHO_MEMORY, "%s: no memory for it", path);
    memset(page, PAPER, w * h * 3);
    for (u32 i = 0; i < strips; i++)
        for (u32 k = 0; k < s->entry[i].patches; k++) {
            u64 left = (u64)(i / rows) * wide + (u64)k * TILE;
            u64 top = (u64)(i % rows) * high;
            const u8 *tile =
                s->tile + ((u64)s->entry[i].code * s->most + k) * TILE_BYTES;

            for (u32 y = 0; y < TILE; y++)
                memcpy(page + ((top + y) * w + left) * 3, tile + y * TILE * 3,
                       TILE * 3);
        }
    pack_png(&png, page, (i32)w, (i32)h);
    if (png.failed)
        err_set(e, SOHO_MEMORY, "%s: no memory for it", path);
    else
        replace_file(e, path, png.data, png.n);
    bytes_free(&png);
    free(page);
    return e->code;
}

/* -------------------------------------------------------------------- whole */

static int
codes(Err *e, Run *run, const Codes *o, const PlanData *plan, Dataset *data)
{
    f64 n = plan_meta_number(&run->plan, "config.codes", 0);
    DataWanted from = {.folder = o->data.at,
                       .nfolder = o->data.n,
                       .images = o->images.at,
                       .nimages = o->images.n,
                       .split = o->split};
    u32 strips = (u32)fmin((f64)o->strips, n);
    char path[PATH_MAX];
    Sheet s = {0};

    FAIL_IF(!(n >= 1 && n <= MOST_CODES), e, SOHO_BAD,
            "%s: has no visual dictionary; compile a model of pre-training, "
            "such as models/soho_tiny_pre.lua",
            o->plan);
    TRY(checkpoint_weights(e, o->weights, path));
    TRY(weights_load(e, run, path, NULL));
    if (*e->text)
        fprintf(stderr, "warning: %s\n", e->text);
    TRY(dataset_open(e, plan, &from, 0, data));
    if (!sheet_open(e, &s, (u32)n, (u32)o->patches, data->set.npicture) &&
        !look(e, run, o, data, &s)) {
        qsort(s.entry, s.n, sizeof *s.entry, by_cells);
        while (strips > 1 && !s.entry[strips - 1].cells)
            strips--;
        show(&s, strips);
        draw(e, &s, strips, o->out);
    }
    sheet_close(&s);
    return e->code;
}

static int
open_and_draw(Err *e, const Codes *o)
{
    Run *run = NULL;
    PlanData plan = {0};
    Dataset data;

    memset(&data, 0, sizeof data);
    if (!run_open(e, o->plan, 1u << PH_eval, &run) &&
        !plandata_open(e, run, &plan))
        codes(e, run, o, &plan, &data);
    dataset_close(&data);
    plandata_close(&plan);
    run_close(run);
    if (!e->code && (fflush(stdout) || ferror(stdout)))
        err_set(e, SOHO_IO, "cannot write the result");
    return e->code;
}

int
cmd_codes(int argc, char **argv)
{
    Codes o = {.split = "val",
               .out = "codes.png",
               .strips = 64,
               .patches = 12,
               .workers = 1};
    const Option options[] = {
        {OPT_OPERAND, "PLAN", NULL, &o.plan, 1,
         "plan.bin of a model of pre-training"},
        {OPT_LIST, "--data", "DIR", &o.data, 1,
         "folder with SPLIT_data_caps.json and its pictures"},
        {OPT_TEXT, "--weights", "W", &o.weights, 1,
         "file (safetensors, PyTorch), checkpoint folder or run folder"},
        {OPT_TEXT, "-o", "FILE", &o.out, 0, "the sheet (codes.png)"},
        {OPT_TEXT, "--split", "S", &o.split, 0, "which split (val)"},
        {OPT_LIST, "--images", "PATH", &o.images, 0,
         "archive, folder or index of the pictures, one for each --data"},
        {OPT_COUNT, "--strips", "N", &o.strips, 0,
         "entries that are shown, those used most (64)"},
        {OPT_COUNT, "--patches", "N", &o.patches, 0,
         "patches of each, of different pictures (12)"},
        {OPT_COUNT, "--workers", "N", &o.workers, 0,
         "threads that read pictures (1)"},
        {.kind = OPT_END},
    };
    Err e = {0};
    int code =
        cmd_options(options, "Show what the entries of a dictionary stand for.",
                    argc, argv);

    if (code >= 0)
        return code;
    if (o.workers > FEED_WORKERS)
        err_set(&e, SOHO_USAGE, "--workers is at most %d", FEED_WORKERS);
    else if (o.strips < 1 || o.patches < 1 || o.patches > MOST_PATCHES)
        err_set(&e, SOHO_USAGE, "--strips is at least 1, --patches 1..%d",
                MOST_PATCHES);
    if (e.code || open_and_draw(&e, &o))
        return cmd_fail("codes", &e);
    return 0;
}
