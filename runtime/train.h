/* train.h - a training run in a folder: begin or go on, step, evaluate, save.
 *
 * A step is one update: `accumulate` micro-batches (phase train@HxW) and phase
 * update.  Whatever is decided depends on the plan, the data and the options
 * alone; the clock says only when to save and what to show. */
#ifndef SOHO_TRAIN_H
#define SOHO_TRAIN_H

#include <signal.h>

#include "runtime/checkpoint.h"
#include "runtime/evaluate.h"
#include "runtime/log.h"

#define TRAIN_SAME UINT64_MAX /* a number that was not given */

typedef struct TrainSpec {
    const char *plan, *run;
    const char *const *data, *const *images; /* folders; their pictures */
    u32 ndata, nimages;
    const char *const *weights; /* to begin with, one after the other */
    u32 nweights;
    int resume;
    u64 epochs, steps, seed; /* or TRAIN_SAME */
    u64 repeat;              /* passes that count as one epoch, or TRAIN_SAME */
    int drop_last;           /* leave out what refilling would complete */
    u64 workers, keep;
    u64 eval_every, eval_steps;      /* epochs, steps; 0: never */
    const u64 *at_epochs, *at_steps; /* evaluate after these, too */
    u32 nat_epochs, nat_steps;
    int eval_first;                    /* evaluate before the first step */
    u64 log_every;                     /* steps */
    f64 save_every;                    /* seconds; 0: after every step */
    u64 save_steps, save_epochs;       /* the same in steps, epochs; 0: never */
    const volatile sig_atomic_t *stop; /* save and end at the next step */
} TrainSpec;

/* A phase that was started and not yet settled, and where the run was then. */
typedef struct Started {
    u64 ticket, t, step, epoch; /* t: micro-batches begun before it */
    u32 phase;
    int update;
} Started;
enum { TRAIN_STARTED = 8 };

/* Everything a run has open. */
typedef struct Train {
    const TrainSpec *spec;
    Run *run;
    PlanData plan;
    Dataset data, val;
    Feeder feeder, val_feeder;
    int has_val;
    int lock;
    Log log;
    Progress p;
    u32 accumulate, update;         /* micro-batches of a step; phase index */
    Started started[TRAIN_STARTED]; /* the oldest first */
    u32 nstarted;
    u32 skipped;              /* the step block's, after the last update */
    Meters meters;            /* since the last line of the log */
    char figures[METER_TEXT]; /* that line, for people */
    u32 failed_saves;         /* in a row */
    u32 epoch_t;              /* micro-batches of an epoch */
    u64 saved;                /* step of the newest checkpoint, or TRAIN_SAME */
    f64 saved_at;             /* clock ... */
    u64 saved_epoch;          /* ... and epoch of the last try */
} Train;

/* train_open.c: opens all of it and puts the run where it was, or at its
 * start.  train_close in any case. */
int train_open(Err *e, const TrainSpec *spec, Train *t);
void train_close(Train *t);
/* Writes a checkpoint of the run between two steps. */
int train_save(Err *e, Train *t);
/* Epoch of the next micro-batch. */
u64 train_epoch(const Train *t);

/* train.c: runs to the end.  SOHO_STOPPED after a signal, saved; SOHO_NUMERICS
 * when updates keep being refused; SOHO_IO when saves keep failing. */
int train_run(Err *e, const TrainSpec *spec);

#endif
