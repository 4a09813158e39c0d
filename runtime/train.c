/* train.c - the training loop.
 *
 * In: an open run.  Out: steps made, checkpoints, evaluations, the log.
 *
 *   micro-batch*accumulate, update, [evaluate] [save], again
 *
 * A device of its own computes while the next micro-batch is filled: what a
 * phase tells is read when that side of the doors is needed again, two
 * micro-batches later, or before anything else happens between two steps.
 * Saving and stopping happen between two steps only, so a checkpoint needs no
 * gradients. */
#include "runtime/train.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    MOST_REFUSED = 20, /* refused updates in a row that end a run */
    MOST_FAILED = 3    /* failed saves in a row that do */
};

static int
stopped(const Train *t)
{
    return t->spec->stop && *t->spec->stop;
}

/* ------------------------------------------------------------------- steps */

/* Epochs that the run's last window begins in or before.  Rounding the run up
 * to whole windows adds none. */
static u32
count_epochs(const Train *t)
{
    u64 total = t->p.total;

    return total < t->accumulate
               ? 0
               : (u32)((total - t->accumulate) / t->epoch_t) + 1;
}

static void
set_step(Train *t, u32 epoch)
{
    SohoStep *step = run_step(t->run);

    step->seed[0] = (u32)t->p.seed;
    step->seed[1] = (u32)(t->p.seed >> 32);
    step->t = (u32)t->p.t;
    step->window = (u32)(t->p.t % t->accumulate);
    step->epoch = epoch;
    step->total = (u32)t->p.total;
    step->epoch_t = t->epoch_t;
    step->epochs = count_epochs(t);
    step->rows = 0;
}

static void write_log(Train *t, const Started *at);

/* After an update: many refused ones in a row end the run. */
static int
count_refused(Err *e, Train *t, const Started *at)
{
    u32 skipped = run_step(t->run)->skipped;

    t->p.refused = skipped != t->skipped ? t->p.refused + 1 : 0;
    t->skipped = skipped;
    FAIL_IF(t->p.refused >= MOST_REFUSED, e, SOHO_NUMERICS,
            "step %" PRIu64 ": %d updates in a row were refused because "
            "something was not finite; the checkpoints in %s are good: lower "
            "the learning rate and begin from one with --weights",
            at->step, MOST_REFUSED, t->spec->run);
    return 0;
}

/* Reads what phases told that were started before micro-batch `end`. */
static int
settle(Err *e, Train *t, u64 end)
{
    while (t->nstarted && t->started[0].t < end) {
        Started at = t->started[0];

        t->nstarted--;
        memmove(t->started, t->started + 1, t->nstarted * sizeof *t->started);
        if (run_settle(t->run, at.ticket))
            return err_set(e, t->run->err.code, "%s", t->run->err.text);
        if (!at.update) {
            meters_add(&t->meters, t->run, at.phase);
            continue;
        }
        TRY(count_refused(e, t, &at));
        if (at.step % t->spec->log_every == 0)
            write_log(t, &at);
    }
    return 0;
}

static int
settle_all(Err *e, Train *t)
{
    return settle(e, t, UINT64_MAX);
}

/* Starts a phase of the micro-batch before t->p.t; a device without a side to
 * spare has settled it by then. */
static int
start(Err *e, Train *t, u32 phase, int is_update)
{
    Started *s = &t->started[t->nstarted];

    *s = (Started){.t = t->p.t - 1,
                   .step = t->p.step,
                   .epoch = t->p.epoch,
                   .phase = phase,
                   .update = is_update};
    if (run_submit(t->run, phase, &s->ticket))
        return err_set(e, t->run->err.code, "%s", t->run->err.text);
    t->nstarted++;
    return t->run->nside > 1 ? 0 : settle_all(e, t);
}

static int
micro_batch(Err *e, Train *t)
{
    FeedBatch batch;
    u32 phase, side = t->run->now;

    if (t->p.t + 1 >= t->run->nside)
        TRY(settle(e, t, t->p.t + 1 - t->run->nside));
    TRY(feed_next(e, t->feeder.feed, t->feeder.doors[side], &batch));
    for (u32 i = 0; i < batch.nbad; i++)
        log_say(&t->log, "warning: left out, another takes its place: %s",
                batch.bad[i]);
    phase = t->feeder.buckets.phase[batch.bucket];
    t->p.epoch = batch.epoch / t->p.repeat;
    set_step(t, (u32)t->p.epoch);
    t->p.t++;
    return start(e, t, phase, 0);
}

static int
update(Err *e, Train *t)
{
    t->p.step++;
    return start(e, t, t->update, 1);
}

/* ----------------------------------------------------------------- telling */

static void
write_log(Train *t, const Started *at)
{
    const SohoStep *step = run_step(t->run);
    char means[METER_TEXT], lr[LOG_NUMBER], norm[LOG_NUMBER];
    char scale[LOG_NUMBER + 16] = "";

    if (step->loss_scale > 0)
        snprintf(scale, sizeof scale, "\"loss_scale\":%.9g,",
                 (f64)step->loss_scale);
    log_line(&t->log,
             "{\"step\":%" PRIu64 ",\"t\":%" PRIu64 ",\"epoch\":%" PRIu64
             ",%s\"lr\":%s,\"grad_norm\":%s,%s"
             "\"skipped\":%u,\"left_out\":%u,\"samples_per_second\":%.1f}",
             at->step, at->t + 1, at->epoch, meters_json(means, &t->meters),
             log_number(lr, step->lr), log_number(norm, step->grad_norm), scale,
             step->skipped, feed_stats(t->feeder.feed).bad,
             log_rate(&t->log, at->t + 1, t->feeder.buckets.spec.batch));
    meters_show(t->figures, &t->meters);
    meters_clear(&t->meters);
}

static void
show(Train *t, int now)
{
    const Progress *p = &t->p;
    Standing standing = {.t = p->t,
                         .total = p->total,
                         .step = p->step,
                         .steps = p->total / t->accumulate,
                         .epoch = p->epoch,
                         .batch = t->feeder.buckets.spec.batch,
                         .skipped = t->skipped,
                         .loss_scale = (f64)run_step(t->run)->loss_scale,
                         .figures = t->figures};

    if (t->meters.batches)
        meters_show(t->figures, &t->meters);
    log_standing(&t->log, &standing, now);
}

/* ----------------------------------------------------- between two steps */

/* Keeps the weights of the best evaluation so far as RUN/best.safetensors. */
static void
keep_best(Train *t, f64 accuracy)
{
    char path[PATH_MAX];
    Err e = {0};

    if (accuracy <= t->p.best)
        return;
    t->p.best = accuracy;
    if (snprintf(path, sizeof path, "%s/best.safetensors", t->spec->run) <
            (int)sizeof path &&
        weights_save(&e, t->run, path))
        log_say(&t->log, "warning: %s", e.text);
}

static void
log_answers(Train *t, const Tally *tally)
{
    f64 all = tally_accuracy(tally);
    char loss[LOG_NUMBER];

    log_line(&t->log,
             "{\"step\":%" PRIu64 ",\"t\":%" PRIu64 ",\"epoch\":%" PRIu64
             ",\"split\":\"val\",\"accuracy\":%.6f,\"yes_no\":%.6f,"
             "\"other\":%.6f,\"loss\":%s,\"questions\":%" PRIu64 "}",
             t->p.step, t->p.t, t->p.epoch, all, tally_kind(tally, KIND_yes_no),
             tally_kind(tally, KIND_other), log_number(loss, tally_loss(tally)),
             tally_count(tally));
    log_say(&t->log,
            "step %" PRIu64 ": val accuracy %.2f %% (yes/no %.2f, other %.2f)",
            t->p.step, 100 * all, 100 * tally_kind(tally, KIND_yes_no),
            100 * tally_kind(tally, KIND_other));
    keep_best(t, all);
}

static void
log_means(Train *t, const Meters *m)
{
    char text[METER_TEXT];

    log_line(&t->log,
             "{\"step\":%" PRIu64 ",\"t\":%" PRIu64 ",\"epoch\":%" PRIu64
             ",\"split\":\"val\",%s\"batches\":%" PRIu64 "}",
             t->p.step, t->p.t, t->p.epoch, meters_json(text, m), m->batches);
    log_say(&t->log, "step %" PRIu64 ": val %s", t->p.step,
            meters_show(text, m));
    if (isfinite(meters_find(m, "loss")))
        keep_best(t, 1 / (1 + meters_find(m, "loss")));
}

static int
evaluate_now(Err *e, Train *t)
{
    Tally tally = {.loss = 0};
    Meters meters;
    Evaluation task = {.run = t->run,
                       .data = &t->val,
                       .plan = &t->plan,
                       .feeder = &t->val_feeder,
                       .tally = t->plan.captions ? NULL : &tally,
                       .meters = &meters,
                       .stop = t->spec->stop};

    TRY(meters_open(e, t->run, PH_eval, &meters));
    if (evaluate(e, &task)) {
        if (e->code == SOHO_STOPPED)
            err_clear(e); /* told again between the steps */
        return e->code;
    }
    if (t->plan.captions)
        log_means(t, &meters);
    else
        log_answers(t, &tally);
    t->p.evaluated = t->p.t + 1;
    t->p.evaluated_epoch = train_epoch(t);
    return 0;
}

/* Has the run come to one of these numbers since `last`? */
static int
reached(const u64 *list, u32 n, u64 last, u64 now)
{
    for (u32 i = 0; i < n; i++)
        if (last < list[i] && list[i] <= now)
            return 1;
    return 0;
}

/* After every eval_every-th epoch, every eval_steps-th step, after the epochs
 * and steps listed, and at the end; at the start on request. */
static int
evaluation_due(const Train *t)
{
    const TrainSpec *s = t->spec;
    u64 epochs = s->eval_every, steps = s->eval_steps, epoch = train_epoch(t);
    u64 last_epoch = t->p.evaluated_epoch, last = 0;

    if (!t->has_val || t->p.evaluated == t->p.t + 1)
        return 0;
    if (t->p.t == 0 && s->eval_first)
        return 1;
    if (!epochs && !steps && !s->nat_epochs && !s->nat_steps)
        return 0;
    if (t->p.evaluated)
        last = (t->p.evaluated - 1) / t->accumulate;
    return t->p.t >= t->p.total ||
           (epochs && epoch / epochs > last_epoch / epochs) ||
           (steps && t->p.step && t->p.step % steps == 0) ||
           reached(s->at_epochs, s->nat_epochs, last_epoch, epoch) ||
           reached(s->at_steps, s->nat_steps, last, t->p.step);
}

/* After each of the intervals given, counted from the run's start; seconds
 * from the last save. */
static int
save_due(const Train *t)
{
    u64 steps = t->spec->save_steps, epochs = t->spec->save_epochs;

    if (t->p.step == t->saved || t->p.step == 0)
        return 0;
    return log_clock() - t->saved_at >= t->spec->save_every ||
           (steps && t->p.step % steps == 0) ||
           (epochs && train_epoch(t) / epochs > t->saved_epoch / epochs);
}

/* A save that fails is said aloud; training goes on with the one before. */
static int
save_now(Err *e, Train *t)
{
    Err bad = {0};

    if (!train_save(&bad, t)) {
        t->failed_saves = 0;
        return 0;
    }
    t->failed_saves++;
    log_say(&t->log, "warning: step %" PRIu64 " not saved: %s", t->p.step,
            bad.text);
    FAIL_IF(t->failed_saves >= MOST_FAILED, e, SOHO_IO,
            "%d saves in a row failed, the last one: %s", MOST_FAILED,
            bad.text);
    return 0;
}

/* The checkpoint a run leaves behind. */
static int
save_last(Err *e, Train *t)
{
    if (t->saved == t->p.step)
        return 0;
    return train_save(e, t) ? err_at(e, "step %" PRIu64 " not saved", t->p.step)
                            : 0;
}

/* Everything that is due between two steps; *done: the run is at its end. */
static int
between(Err *e, Train *t, int *done)
{
    if (stopped(t) || evaluation_due(t) || save_due(t) || t->p.t >= t->p.total)
        TRY(settle_all(e, t));
    if (!stopped(t) && evaluation_due(t))
        TRY(evaluate_now(e, t));
    if (stopped(t)) {
        TRY(save_last(e, t));
        return err_set(e, SOHO_STOPPED,
                       "stopped after step %" PRIu64 " and saved; go on with "
                       "--resume",
                       t->p.step);
    }
    *done = t->p.t >= t->p.total;
    if (*done)
        return save_last(e, t);
    return save_due(t) ? save_now(e, t) : 0;
}

/* -------------------------------------------------------------------- loop */

static int
make_step(Err *e, Train *t)
{
    do {
        TRY(micro_batch(e, t));
        show(t, 0);
    } while (t->p.t % t->accumulate);
    return update(e, t);
}

static void
say_start(Train *t)
{
    const FeedSpec *spec = &t->feeder.buckets.spec;

    log_say(&t->log,
            "%u %s about %u pictures; %u x %u a micro-batch, %u of them "
            "a step, %u an epoch; %" PRIu64 " steps to make",
            t->data.set.nquestion, t->plan.captions ? "sentences" : "questions",
            t->data.set.npicture, spec->batch, spec->sentences, t->accumulate,
            t->epoch_t,
            t->p.total > t->p.t ? (t->p.total - t->p.t) / t->accumulate : 0);
}

static void
say_end(Train *t)
{
    FeedStats s = feed_stats(t->feeder.feed);

    show(t, 1);
    log_say(&t->log,
            "step %" PRIu64 ": done; %.1f %% of the pixels computed were "
            "padding, %" PRIu64
            " samples shrunk, %u pictures left out (at most "
            "%u, 0.1 %% or one)",
            t->p.step, s.pixels ? 100 * (f64)s.padding / (f64)s.pixels : 0,
            s.shrunk, s.bad, s.most_bad);
}

int
train_run(Err *e, const TrainSpec *spec)
{
    Train t;
    int done = 0;

    if (!train_open(e, spec, &t)) {
        say_start(&t);
        show(&t, 0);
        while (!between(e, &t, &done) && !done)
            if (make_step(e, &t))
                break;
        if (done)
            say_end(&t);
    }
    train_close(&t);
    return e->code;
}
