/* dataset.h - a split of data folders, and the loader that fills the doors of a
 * plan from it.
 *
 * Split S of a folder is S_data_vqa.json.  For a plan with a door mlm_labels or
 * itm_labels, which is one for pre-training, it is S_data_caps.json, or by the
 * name that the official code uses coco_cap_S_pre.json.  Where each of its
 * pictures lies says S_index.json beside it; without that they are in the one
 * zip archive or folder whose name begins with S.  Several folders are one data
 * set, in their order. */
#ifndef SOHO_DATASET_H
#define SOHO_DATASET_H

#include <limits.h>

#include "runtime/data/feed.h"
#include "runtime/digest.h"
#include "runtime/run.h"

/* What a plan says about its data. */
typedef struct PlanData {
    const Words *words;
    const char **names;  /* answers by label, NULL where the plan has none */
    u32 tokens, answers; /* T, A */
    int captions;        /* it is for pre-training */
    CapsExtra extra;     /* config.use_qa, config.use_answer */
} PlanData;

/* Opens the plan's vocabulary (kept in run->words) and answer names.
 * SOHO_BAD where the plan holds no vocabulary, SOHO_MEMORY. */
int plandata_open(Err *e, Run *run, PlanData *data);
void plandata_close(PlanData *data);

enum { DATA_PARTS = 64 };

/* What to open: the n-th of `images`, where there is one, holds the pictures of
 * the n-th folder. */
typedef struct DataWanted {
    const char *const *folder, *const *images;
    u32 nfolder, nimages; /* at most DATA_PARTS */
    const char *split;
} DataWanted;

/* What one folder gave. */
typedef struct DataPart {
    char json[PATH_MAX], pictures[PATH_MAX];
    char prefix[ZIP_PREFIX]; /* folder of the members inside the archive */
    Zip *images;
} DataPart;

typedef struct Dataset {
    Vqa set;
    DataPart *part;
    FeedSource *source; /* the loader's view of them */
    u32 npart;
} Dataset;

/* Opens the split.  dataset_close in any case. */
int dataset_open(Err *e, const PlanData *plan, const DataWanted *wanted,
                 int train, Dataset *data);
void dataset_close(Dataset *data);
/* Its annotations alone; vqa_close in any case. */
int dataset_read(Err *e, const PlanData *plan, const DataWanted *wanted,
                 int train, Vqa *set);
/* Where a folder's annotations of a split are, or should be ("" where that is
 * too long); are they there? */
int dataset_json(const PlanData *plan, const char *folder, const char *split,
                 char path[PATH_MAX]);
/* Have all folders the split? */
int dataset_has(const PlanData *plan, const DataWanted *wanted);
/* SHA-256 of the annotations; of several files, of their digests. */
int dataset_digest(Err *e, const Dataset *data, u8 digest[DIGEST_BYTES]);

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
    FeedDoors doors[RUN_SIDES][FEED_BUCKETS];
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
