/* evaluate.c - the loop over the batches of a split.
 *
 * In: a loader over the eval phases, weights in place.  Out: scores by kind of
 * answer, loss, and where wanted the answer to each question.  As many batches
 * are under way as the device has sides; results are read in order.
 *
 * Doors read: `row_score` f32 [R], `row_loss` f32 [R] (if there is one),
 * `answer` i32 [R] (where answers are wanted).  Rows without a question are
 * passed over.  With meters: all doors of one number, after each batch. */
#include "runtime/evaluate.h"

#include <stdlib.h>
#include <string.h>

/* The doors of one eval phase. */
typedef struct Doors {
    const f32 *score, *loss;
    const i32 *answer;
} Doors;

/* A batch under way. */
typedef struct Started {
    u64 ticket;
    u32 phase, *question; /* [rows] as FeedBatch has them */
    u8 *valid;
} Started;

typedef struct Sweep {
    const Evaluation *task;
    Started side[RUN_SIDES]; /* in a ring */
    u64 started, settled;
    u32 rows;
} Sweep;

static int
open_doors(Err *e, const Evaluation *task, u32 phase, Doors *d)
{
    void *at;

    memset(d, 0, sizeof *d);
    TRY(door_need(e, task->run, phase, "row_score", DT_f32, NULL, &at));
    d->score = at;
    d->loss = door_find(task->run, phase, "row_loss", NULL);
    if (!task->answer)
        return 0;
    TRY(door_need(e, task->run, phase, "answer", DT_i32, NULL, &at));
    d->answer = at;
    return 0;
}

static void
add_batch(const Evaluation *task, const Doors *d, const Started *batch,
          u32 rows)
{
    Tally *tally = task->tally;
    const Vqa *set = &task->data->set;

    for (u32 r = 0; r < rows; r++) {
        u32 q = batch->question[r];

        if (!batch->valid[r])
            continue;
        tally_add(tally, score_kind(set, &set->question[q], task->plan->names),
                  d->score[r]);
        if (d->loss) {
            tally->loss += d->loss[r];
            tally->loss_rows++;
        }
        if (d->answer)
            task->answer[q] = d->answer[r];
    }
}

/* Reads the results of the batch that was started first. */
static int
settle(Err *e, Sweep *s)
{
    const Evaluation *task = s->task;
    const Started *b = &s->side[s->settled++ % RUN_SIDES];
    Doors doors = {0};

    if (run_settle(task->run, b->ticket))
        return err_set(e, task->run->err.code, "%s", task->run->err.text);
    if (!task->tally) {
        meters_add(task->meters, task->run, b->phase);
        return 0;
    }
    TRY(open_doors(e, task, b->phase, &doors));
    add_batch(task, &doors, b, s->rows);
    return 0;
}

/* Starts one batch; *last says that it ends the split. */
static int
start(Err *e, Sweep *s, int *last)
{
    Feeder *f = s->task->feeder;
    Run *run = s->task->run;
    Started *b = &s->side[s->started++ % RUN_SIDES];
    FeedBatch batch;

    TRY(feed_next(e, f->feed, f->doors[run->now], &batch));
    b->phase = f->buckets.phase[batch.bucket];
    memcpy(b->question, batch.question, s->rows * sizeof *b->question);
    memcpy(b->valid, batch.valid, s->rows);
    run_step(run)->rows = batch.rows;
    if (run_submit(run, b->phase, &b->ticket))
        return err_set(e, run->err.code, "%s", run->err.text);
    *last = batch.step + 1 == batch.steps;
    return 0;
}

static int
sweep(Err *e, Sweep *s)
{
    const Evaluation *task = s->task;
    int last = 0;

    TRY(feed_seek(e, task->feeder->feed, (FeedCursor){0, 0}));
    while (!last) {
        if (task->stop && *task->stop)
            return err_set(e, SOHO_STOPPED, "stopped by a signal");
        if (s->started - s->settled == task->run->nside)
            TRY(settle(e, s));
        TRY(start(e, s, &last));
    }
    while (s->settled < s->started)
        TRY(settle(e, s));
    run_step(task->run)->rows = 0;
    return 0;
}

int
evaluate(Err *e, const Evaluation *task)
{
    const FeedSpec *spec = &task->feeder->buckets.spec;
    Sweep s = {.task = task, .rows = spec->batch * spec->sentences};
    int missing = 0;

    for (u32 i = 0; i < RUN_SIDES; i++) {
        s.side[i].question = calloc(s.rows, sizeof *s.side[i].question);
        s.side[i].valid = calloc(s.rows, 1);
        missing |= !s.side[i].question || !s.side[i].valid;
    }
    if (missing)
        err_set(e, SOHO_MEMORY, "no memory for a batch of %u rows", s.rows);
    else
        sweep(e, &s);
    for (u32 i = 0; i < RUN_SIDES; i++) {
        free(s.side[i].question);
        free(s.side[i].valid);
    }
    return e->code;
}
