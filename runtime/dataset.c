/* dataset.c - from data folders and a plan to a loader.
 *
 * In: folders, the name of a split, an open plan.  Out: sentences as word
 * ids, open archives of pictures, batches written straight into the doors of
 * the phase of their bucket. */
#include "runtime/dataset.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ------------------------------------------------------------- plan's side */

/* The doors decide what a plan is for. */
static int
is_pretraining(const Plan *plan)
{
    for (u32 i = 0; i < plan->ndoor; i++) {
        const char *name = plan_text(plan, plan->door[i].name);

        if (!plan->door[i].out &&
            (!strcmp(name, "mlm_labels") || !strcmp(name, "itm_labels")))
            return 1;
    }
    return 0;
}

static int
is_true(const Plan *plan, const char *key)
{
    const char *value = plan_meta(plan, key);

    return value && !strcmp(value, "true");
}

int
plandata_open(Err *e, Run *run, PlanData *data)
{
    const Plan *plan = &run->plan;

    memset(data, 0, sizeof *data);
    FAIL_IF(!plan->vocab_bytes, e, SOHO_BAD,
            "%s: holds no vocabulary, so questions cannot be read; compile the "
            "model with --set vocab=FILE",
            plan->path);
    if (!run->words)
        TRY(words_open(e, plan->path, (const u8 *)plan->vocab,
                       plan->vocab_bytes, &run->words));
    data->words = run->words;
    data->captions = is_pretraining(plan);
    if (is_true(plan, "config.use_qa"))
        data->extra =
            is_true(plan, "config.use_answer") ? CAPS_ANSWERS : CAPS_QUESTIONS;
    for (u32 i = 0; i < plan->nphase; i++) {
        if (plan->phase[i].tokens > 0)
            data->tokens = (u32)plan->phase[i].tokens;
        if (plan->phase[i].answers > 0)
            data->answers = (u32)plan->phase[i].answers;
    }
    if (!plan->nanswer)
        return 0;
    data->names = malloc(plan->nanswer * sizeof *data->names);
    FAIL_IF(!data->names, e, SOHO_MEMORY, "%s: no memory for %u answers",
            plan->path, plan->nanswer);
    for (u32 i = 0; i < plan->nanswer; i++)
        data->names[i] = plan_text(plan, plan->answer[i]);
    return 0;
}

void
plandata_close(PlanData *data)
{
    free(data->names);
    memset(data, 0, sizeof *data);
}

/* ------------------------------------------------------------ data's side */

int
dataset_json(const PlanData *plan, const char *folder, const char *split,
             char path[PATH_MAX])
{
    static const char *const caps[] = {"%s/%s_data_caps.json",
                                       "%s/coco_cap_%s_pre.json"};

    path[0] = 0;
    if (strlen(folder) + strlen(split) + 32 > PATH_MAX)
        return 0;
    if (!plan->captions) {
        snprintf(path, PATH_MAX, "%s/%s_data_vqa.json", folder, split);
        return !access(path, F_OK);
    }
    for (u32 i = countof(caps); i-- > 0;) {
        snprintf(path, PATH_MAX, caps[i], folder, split);
        if (!i || !access(path, F_OK))
            break;
    }
    return !access(path, F_OK);
}

int
dataset_has(const PlanData *plan, const DataWanted *wanted)
{
    char path[PATH_MAX];

    for (u32 i = 0; i < wanted->nfolder; i++)
        if (!dataset_json(plan, wanted->folder[i], wanted->split, path))
            return 0;
    return 1;
}

static int
is_folder(const char *path)
{
    struct stat st;

    return !stat(path, &st) && S_ISDIR(st.st_mode);
}

static int
is_zip(const char *path)
{
    size_t n = strlen(path);

    return n > 4 && !strcmp(path + n - 4, ".zip");
}

/* Finds the index of a split's pictures, or the one archive or folder whose
 * name begins with the split's. */
static int
find_pictures(Err *e, const char *folder, const char *split,
              char found[PATH_MAX])
{
    DIR *dir;
    struct dirent *entry;
    char path[PATH_MAX];

    if (snprintf(found, PATH_MAX, "%s/%s_index.json", folder, split) <
            PATH_MAX &&
        !access(found, F_OK))
        return 0;
    dir = opendir(folder);
    FAIL_IF(!dir, e, SOHO_IO, "%s: cannot read folder: %s", folder,
            strerror(errno));
    found[0] = 0;
    while (!e->code && (entry = readdir(dir))) {
        if (strncmp(entry->d_name, split, strlen(split)) ||
            snprintf(path, PATH_MAX, "%s/%s", folder, entry->d_name) >=
                PATH_MAX ||
            !(is_zip(path) || is_folder(path)))
            continue;
        if (found[0])
            err_set(e, SOHO_BAD,
                    "%s: both %s and %s could hold the pictures of %s; choose "
                    "with --images",
                    folder, found + strlen(folder) + 1, entry->d_name, split);
        memcpy(found, path, sizeof path);
    }
    closedir(dir);
    FAIL_IF(!found[0], e, SOHO_BAD,
            "%s: no zip archive or folder beginning with \"%s\" beside the "
            "annotations; name it with --images",
            folder, split);
    return e->code;
}

static int
open_set(Err *e, const PlanData *plan, const char *json, int train, Vqa *set)
{
    if (plan->captions)
        return caps_open(e, json, plan->words, plan->tokens, plan->extra, train,
                         set);
    return vqa_open(e, json, plan->words, plan->tokens, plan->answers,
                    plan->names, train, set);
}

/* Reads the annotations of folder i and puts its pictures behind those of the
 * others. */
static int
add_set(Err *e, const PlanData *plan, const DataWanted *wanted, u32 i,
        int train, Vqa *to, char json[PATH_MAX])
{
    Vqa set = {0};

    dataset_json(plan, wanted->folder[i], wanted->split, json);
    FAIL_IF(!json[0], e, SOHO_IO, "%.64s...: path too long", wanted->folder[i]);
    TRY(open_set(e, plan, json, train, i ? &set : to));
    if (i && vqa_join(e, to, &set))
        vqa_close(&set);
    return e->code;
}

int
dataset_read(Err *e, const PlanData *plan, const DataWanted *wanted, int train,
             Vqa *set)
{
    char json[PATH_MAX];

    *set = (Vqa){0};
    for (u32 i = 0; i < wanted->nfolder; i++)
        TRY(add_set(e, plan, wanted, i, train, set, json));
    return 0;
}

/* Opens the next part. */
static int
open_part(Err *e, const PlanData *plan, const DataWanted *wanted, int train,
          Dataset *data)
{
    u32 i = data->npart;
    DataPart *part = &data->part[i];
    FeedSource *source = &data->source[i];

    *source = (FeedSource){.prefix = part->prefix, .first = data->set.npicture};
    TRY(add_set(e, plan, wanted, i, train, &data->set, part->json));
    if (i < wanted->nimages)
        snprintf(part->pictures, PATH_MAX, "%s", wanted->images[i]);
    else
        TRY(find_pictures(e, wanted->folder[i], wanted->split, part->pictures));
    zip_prefix(part->pictures, part->prefix);
    TRY(zip_open_at(e, part->pictures, &part->images));
    source->images = part->images;
    data->npart++;
    return 0;
}

int
dataset_open(Err *e, const PlanData *plan, const DataWanted *wanted, int train,
             Dataset *data)
{
    u32 n = wanted->nfolder;

    memset(data, 0, sizeof *data);
    FAIL_IF(n > DATA_PARTS || wanted->nimages > n, e, SOHO_USAGE,
            "%u --images for %u --data (at most %d)", wanted->nimages, n,
            DATA_PARTS);
    data->part = calloc(n, sizeof *data->part);
    data->source = calloc(n, sizeof *data->source);
    FAIL_IF(!data->part || !data->source, e, SOHO_MEMORY,
            "no memory to open a data set");
    while (data->npart < n)
        TRY(open_part(e, plan, wanted, train, data));
    return 0;
}

void
dataset_close(Dataset *data)
{
    for (u32 i = 0; i < data->npart; i++)
        zip_close_at(data->part[i].images);
    vqa_close(&data->set);
    free(data->part);
    free(data->source);
    memset(data, 0, sizeof *data);
}

int
dataset_digest(Err *e, const Dataset *data, u8 digest[DIGEST_BYTES])
{
    u8 each[DATA_PARTS * DIGEST_BYTES];

    for (u32 i = 0; i < data->npart; i++)
        TRY(digest_file(e, data->part[i].json, each + i * DIGEST_BYTES, NULL));
    if (data->npart > 1)
        return digest_bytes(e, each, data->npart * DIGEST_BYTES, digest);
    memcpy(digest, each, DIGEST_BYTES);
    return 0;
}

/* ----------------------------------------------------------------- buckets */

/* A side in pixels of the text at *at, which moves past it; `fill` where the
 * text has none or says 0. */
static i32
read_side(const char **at, i32 fill)
{
    char *end;
    long side = *at ? strtol(*at, &end, 10) : 0;

    if (*at)
        *at = end + (*end == ',');
    return side > 0 && side <= IMAGE_MAX_SIDE ? (i32)side : fill;
}

/* The config's side of that name, for training the one with `train_` in front
 * if that is not 0. */
static i32
plan_side(const Plan *plan, const char *name, int train, i32 fill)
{
    char key[64];
    const char *text;

    snprintf(key, sizeof key, "config.%s", name);
    text = plan_meta(plan, key);
    fill = read_side(&text, fill);
    if (!train)
        return fill;
    snprintf(key, sizeof key, "config.train_%s", name);
    text = plan_meta(plan, key);
    return read_side(&text, fill);
}

/* Longest and shortest side of the pictures: the config's; where it has none
 * or 0, as large as the largest bucket holds.  In training the shorter side is
 * drawn between the two of train_short. */
static void
read_sides(const Plan *plan, Buckets *b, int train)
{
    const char *range = plan_meta(plan, "config.train_short");
    FeedSpec *spec = &b->spec;
    i32 longest = 0, shortest = 0;

    for (u32 i = 0; i < spec->nbucket; i++) {
        i32 h = b->size[i].h, w = b->size[i].w;

        longest = (i32)max_i64(longest, max_i64(h, w));
        shortest = (i32)max_i64(shortest, min_i64(h, w));
    }
    spec->longest = plan_side(plan, "long", train, longest);
    spec->shortest[0] = plan_side(plan, "short", train, shortest);
    spec->shortest[1] = spec->shortest[0];
    if (train && range) {
        read_side(&range, 0);
        spec->shortest[1] = read_side(&range, spec->shortest[0]);
    }
}

int
buckets_open(Err *e, const Run *run, u32 kind, Buckets *b)
{
    static const char *const name[NPHASEKIND] = {
#define X(word) #word,
        SOHO_PHASES(X)
#undef X
    };
    const Plan *plan = &run->plan;
    FeedSpec *spec = &b->spec;

    memset(b, 0, sizeof *b);
    for (u32 i = 0; i < plan->nphase; i++) {
        const PlanPhase *p = &plan->phase[i];

        if (p->kind != kind)
            continue;
        FAIL_IF(spec->nbucket == FEED_BUCKETS, e, SOHO_BAD,
                "%s: more than %d buckets", plan->path, FEED_BUCKETS);
        spec->batch = (u32)p->batch;
        spec->sentences = (u32)p->sentences;
        spec->tokens = (u32)p->tokens;
        spec->answers = (u32)p->answers;
        b->phase[spec->nbucket] = i;
        b->size[spec->nbucket++] = (FeedBucket){p->height, p->width};
    }
    FAIL_IF(!spec->nbucket, e, SOHO_BAD,
            "%s: has no %s phase; compile a model that has one", plan->path,
            name[kind]);
    spec->bucket = b->size;
    spec->captions = is_pretraining(plan);
    read_sides(plan, b, kind == PH_train);
    return 0;
}

/* ------------------------------------------------------------------- doors */

void *
door_find(Run *run, u32 phase, const char *name, const PlanBuffer **row)
{
    const Plan *plan = &run->plan;
    const PlanPhase *p = &plan->phase[phase];

    for (u32 i = p->door; i < p->door + p->ndoor; i++) {
        const PlanDoor *door = &plan->door[i];

        if (strcmp(plan_text(plan, door->name), name))
            continue;
        if (row)
            *row = &plan->buffer[door->buffer];
        return run_buffer(run, door->buffer);
    }
    return NULL;
}

int
door_need(Err *e, Run *run, u32 phase, const char *name, u32 dtype,
          const PlanBuffer **row, void **at)
{
    const PlanBuffer *buffer;

    *at = door_find(run, phase, name, &buffer);
    FAIL_IF(!*at || buffer->dtype != dtype, e, SOHO_BAD,
            "%s: phase %s has no door \"%s\" of the right type; compile a "
            "model that has one",
            run->plan.path, plan_text(&run->plan, run->plan.phase[phase].name),
            name);
    if (row)
        *row = buffer;
    return 0;
}

/* Does a door hold as many bytes as the loader writes into it? */
static int
fits(Err *e, Run *run, u32 phase, const char *name, u64 bytes)
{
    const PlanBuffer *row;

    if (door_find(run, phase, name, &row) && row->bytes < bytes)
        return err_set(e, SOHO_BAD,
                       "%s: door %s of phase %s has %llu bytes, its sizes need "
                       "%llu; compile the model again",
                       run->plan.path, name,
                       plan_text(&run->plan, run->plan.phase[phase].name),
                       (unsigned long long)row->bytes,
                       (unsigned long long)bytes);
    return 0;
}

static int
check_doors(Err *e, Run *run, const Buckets *b, u32 i)
{
    const FeedSpec *spec = &b->spec;
    u64 rows = (u64)spec->batch * spec->sentences;
    u64 pixels = (u64)b->size[i].h * (u64)b->size[i].w;
    u32 p = b->phase[i];

    TRY(fits(e, run, p, "image", spec->batch * pixels * 3));
    TRY(fits(e, run, p, "image_size", spec->batch * 2ull * sizeof(i32)));
    TRY(fits(e, run, p, "tokens", rows * spec->tokens * sizeof(i32)));
    TRY(fits(e, run, p, "token_mask", rows * spec->tokens * sizeof(i32)));
    TRY(fits(e, run, p, "mlm_labels", rows * spec->tokens * sizeof(i32)));
    TRY(fits(e, run, p, "itm_labels", rows * sizeof(i32)));
    return fits(e, run, p, "answers", rows * spec->answers * sizeof(f32));
}

/* Doors of the side that is filled. */
static FeedDoors
find_doors(Run *run, u32 p)
{
    return (FeedDoors){
        .image = door_find(run, p, "image", NULL),
        .image_size = door_find(run, p, "image_size", NULL),
        .tokens = door_find(run, p, "tokens", NULL),
        .token_mask = door_find(run, p, "token_mask", NULL),
        .answers = door_find(run, p, "answers", NULL),
        .mlm_labels = door_find(run, p, "mlm_labels", NULL),
        .itm_labels = door_find(run, p, "itm_labels", NULL),
    };
}

int
feeder_open(Err *e, Run *run, const Dataset *data, Feeder *feeder)
{
    Buckets *b = &feeder->buckets;

    feeder->feed = NULL;
    for (u32 i = 0; i < b->spec.nbucket; i++) {
        TRY(check_doors(e, run, b, i));
        for (u32 k = 0; k < run->nside; k++) {
            run->arena[AR_io] = run->side[k];
            feeder->doors[k][i] = find_doors(run, b->phase[i]);
        }
        run->arena[AR_io] = run->side[run->now];
    }
    return feed_open(e, &data->set, data->source, data->npart, run->words,
                     &b->spec, &feeder->feed);
}

void
feeder_close(Feeder *feeder)
{
    if (feeder->feed)
        feed_close(feeder->feed);
    feeder->feed = NULL;
}
