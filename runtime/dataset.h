/* dataset.h - a split of a data folder, and the loader that fills the doors of
 * a plan from it.
 *
 * Split S of a folder is S_data_vqa.json; its pictures are the one zip archive
 * or folder beside it whose name begins with S. */
#ifndef SOHO_DATASET_H
#define SOHO_DATASET_H

#include <limits.h>

#include "runtime/data/feed.h"
#include "runtime/run.h"

/* What a plan says about its data. */
typedef struct PlanData {
    const Words *words;
    const char **names;  /* answers by label, NULL where the plan has none */
    u32 tokens, answers; /* T, A */
} PlanData;

/* Opens the plan's vocabulary (kept in run->words) and answer names.
 * SOHO_BAD where the plan holds no vocabulary, SOHO_MEMORY. */
int plandata_open(Err *e, Run *run, PlanData *data);
void plandata_close(PlanData *data);

typedef struct Dataset {
    char json[PATH_MAX], pictures[PATH_MAX];
    char prefix[256]; /* folder of the members inside the archive */
    Vqa set;
    Zip *images;
} Dataset;

/* Opens the split; images NULL: beside it.  `set` and `images` are closed by
 * dataset_close in any case. */
int dataset_open(Err *e, const PlanData *plan, const char *folder,
                 const char *split, const char *images, int train,
                 Dataset *data);
void dataset_close(Dataset *data);
/* Does the folder have the split? */
int dataset_has(const char *folder, const char *split);

/* The phases of one kind, by bucket; spec.bucket points into `size`. */
typedef struct Buckets {
    u32 phase[FEED_BUCKETS];
    FeedBucket size[FEED_BUCKETS];
    FeedSpec spec;
} Buckets;

/* Sizes and resizing as the plan says them; the caller adds seed, workers and
 * so on.  SOHO_BAD where the plan has no phase of that kind. */
int buckets_open(Err *e, const Run *run, u32 kind, Buckets *buckets);

/* A loader that writes into the doors of the phases. */
typedef struct Feeder {
    Buckets buckets;
    FeedDoors doors[FEED_BUCKETS];
    Feed *feed;
} Feeder;

/* Opens a loader over `data` for buckets that are filled in. */
int feeder_open(Err *e, Run *run, const Dataset *data, Feeder *feeder);
void feeder_close(Feeder *feeder);

/* Host address of a phase's door, NULL if it has none of that name; `row` (may
 * be NULL) gets its buffer. */
void *door_find(Run *run, u32 phase, const char *name, const PlanBuffer **row);
/* The same, of a dtype DT_*; not there: SOHO_BAD. */
int door_need(Err *e, Run *run, u32 phase, const char *name, u32 dtype,
              const PlanBuffer **row, void **at);

#endif
