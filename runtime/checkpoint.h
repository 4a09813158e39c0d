/* checkpoint.h - folders RUN/ckpt-STEP that are whole or not there.
 *
 *   RUN/lock               held by the one process that trains here
 *   RUN/ckpt-120/          one checkpoint: its parts and manifest.json
 *   RUN/ckpt-140.tmp/      being written or being removed; dropped at start
 *
 * manifest.json names every part with its size and SHA-256, the plan and the
 * data it belongs to, and the integers a run needs to go on bit for bit. */
#ifndef SOHO_CHECKPOINT_H
#define SOHO_CHECKPOINT_H

#include <limits.h>

#include "runtime/digest.h"

/* X(name, what): the counters of a run; all fields of the manifest. */
#define PROGRESS_COUNTS(X)                                                     \
    X(seed, "of weights, dropout and data order")                              \
    X(t, "micro-batches made")                                                 \
    X(step, "updates tried: committed and refused")                            \
    X(total, "micro-batches the run is going to make")                         \
    X(repeat, "passes over the data that count as one epoch")                  \
    X(drop_last, "1: a bucket's last batch is left out, not refilled")         \
    X(epoch, "of the last micro-batch, from 0")                                \
    X(cursor_epoch, "pass of the loader's next batch")                         \
    X(cursor_step, "that batch, from 0")                                       \
    X(refused, "refused updates in a row, up to now")                          \
    X(evaluated, "1 + t of the last evaluation, 0 = none yet")                 \
    X(evaluated_epoch, "whole epochs then")                                    \
    X(log_bytes, "bytes of the log that belong to these steps")                \
    X(meter_n, "micro-batches since the last line of the log")

#define PROGRESS_NUMBERS(X)                                                    \
    X(best, "highest accuracy, or 1 / (1 + loss), in an evaluation, -1 = "     \
            "none")

enum { PROGRESS_METERS = 16 };

typedef struct Progress {
#define X(name, what) u64 name;
    PROGRESS_COUNTS(X)
#undef X
#define X(name, what) f64 name;
    PROGRESS_NUMBERS(X)
#undef X
    f64 meters[PROGRESS_METERS]; /* sums over the meter_n micro-batches */
    u8 plan[DIGEST_BYTES];       /* hash of plan.bin */
    u8 data[DIGEST_BYTES];       /* digest of the training annotations */
} Progress;

/* Takes the run folder (made if it is not there) for this process and drops
 * what an earlier one left half done; *lock is a file descriptor to be kept
 * open.  SOHO_IO names the process that has it. */
int checkpoint_lock(Err *e, const char *run, int *lock);
void checkpoint_unlock(int lock); /* -1: nothing to do */

/* A file of a checkpoint: `write` makes it, on the disk, at `path`. */
typedef struct CheckpointPart {
    const char *name;
    int (*write)(Err *e, void *context, const char *path);
} CheckpointPart;

/* Writes RUN/ckpt-<progress->step> with its parts (about `bytes` in all):
 * into a .tmp folder, synced, renamed, read again and compared with the
 * manifest; only then all but the newest `keep` go.  On an error the earlier
 * ones are as they were. */
int checkpoint_save(Err *e, const char *run, const Progress *progress,
                    const CheckpointPart *part, u32 npart, void *context,
                    u64 bytes, u32 keep);

/* Reads the manifest of one checkpoint folder and compares sizes and digests of
 * all its files.  SOHO_BAD, SOHO_IO. */
int checkpoint_verify(Err *e, const char *folder, Progress *progress);

/* The newest whole checkpoint of a run folder. */
typedef struct Found {
    char path[PATH_MAX]; /* "" = there is none */
    Progress progress;
    u32 damaged; /* newer ones that had to be passed over */
    Err why;     /* what is wrong with the newest of those */
} Found;
int checkpoint_find(Err *e, const char *run, Found *found);

/* Turns what --weights names into what weights_load reads: a file and a
 * checkpoint folder stay, of a run folder the newest whole checkpoint. */
int checkpoint_weights(Err *e, const char *path, char found[PATH_MAX]);

#endif
