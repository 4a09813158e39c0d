/* evaluate.c - the loop over the batches of a split.
 *
 * In: a loader over the eval phases, weights in place.  Out: scores by kind of
 * answer, loss, and where wanted the answer to each question.
 *
 * Doors read: `row_score` f32 [R], `row_loss` f32 [R] (if there is one),
 * `answer` i32 [R] (where answers are wanted).  Rows without a question are
 * passed over.  With meters: all doors of one number, after each batch. */
#include "runtime/evaluate.h"

#include <string.h>

/* The doors of one eval phase. */
typedef struct Doors {
    const f32 *score, *loss;
    const i32 *answer;
} Doors;

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
add_batch(const Evaluation *task, const Doors *d, const FeedBatch *batch,
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

/* One batch; *last says that it ended the split. */
static int
run_batch(Err *e, const Evaluation *task, int *last)
{
    Feeder *f = task->feeder;
    SohoStep *step = run_step(task->run);
    FeedBatch batch;
    Doors doors = {0};
    u32 p;

    TRY(feed_next(e, f->feed, f->doors[task->run->now], &batch));
    p = f->buckets.phase[batch.bucket];
    step->rows = batch.rows;
    if (run_phase(task->run, p))
        return err_set(e, task->run->err.code, "%s", task->run->err.text);
    if (task->tally) {
        TRY(open_doors(e, task, p, &doors));
        add_batch(task, &doors, &batch,
                  f->buckets.spec.batch * f->buckets.spec.sentences);
    } else {
        meters_add(task->meters, task->run, p);
    }
    *last = batch.step + 1 == batch.steps;
    return 0;
}

int
evaluate(Err *e, const Evaluation *task)
{
    int last = 0;

    TRY(feed_seek(e, task->feeder->feed, (FeedCursor){0, 0}));
    while (!last) {
        if (task->stop && *task->stop)
            return err_set(e, SOHO_STOPPED, "stopped by a signal");
        TRY(run_batch(e, task, &last));
    }
    run_step(task->run)->rows = 0;
    return 0;
}
