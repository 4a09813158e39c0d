/* train_open.c - a training run from its folder, and back into it.
 *
 * In: a plan, a data folder, a run folder.  Out: everything open, weights and
 * loader where the newest whole checkpoint left them; new checkpoints. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/leftout.h"
#include "runtime/state.h"
#include "runtime/train.h"

#define LEFT_OUT "left_out.json" /* pictures, in a checkpoint */

/* An error that the run keeps in its handle. */
static int
run_error(Err *e, const Run *run)
{
    return err_set(e, run->err.code, "%s", run->err.text);
}

/* -------------------------------------------------------------------- data */

/* Has the plan a phase of this kind? */
static int
has_phase(const Plan *plan, u32 kind)
{
    for (u32 i = 0; i < plan->nphase; i++)
        if (plan->phase[i].kind == kind)
            return 1;
    return 0;
}

/* The validation split, if there is one to evaluate.  Pictures named with
 * --images are those of the training split: without others for this one,
 * training goes on unevaluated. */
static int
open_val(Err *e, Train *t)
{
    const TrainSpec *spec = t->spec;
    DataWanted wanted = {
        .folder = spec->data, .nfolder = spec->ndata, .split = "val"};

    t->has_val = (spec->eval_every || spec->eval_steps || spec->eval_first ||
                  spec->nat_epochs || spec->nat_steps) &&
                 has_phase(&t->run->plan, PH_eval) &&
                 dataset_has(&t->plan, &wanted);
    if (!t->has_val || !dataset_open(e, &t->plan, &wanted, 0, &t->val))
        return 0;
    if (!spec->nimages)
        return e->code;
    log_say(&t->log, "warning: no evaluation: %s", e->text);
    err_clear(e);
    t->has_val = 0;
    return 0;
}

static int
open_data(Err *e, Train *t)
{
    const TrainSpec *spec = t->spec;
    DataWanted wanted = {.folder = spec->data,
                         .nfolder = spec->ndata,
                         .images = spec->images,
                         .nimages = spec->nimages,
                         .split = "train"};

    TRY(plandata_open(e, t->run, &t->plan));
    TRY(dataset_open(e, &t->plan, &wanted, 1, &t->data));
    TRY(dataset_digest(e, &t->data, t->p.data));
    return open_val(e, t);
}

static int
open_feeders(Err *e, Train *t)
{
    FeedSpec *train = &t->feeder.buckets.spec;
    FeedSpec *val = &t->val_feeder.buckets.spec;

    TRY(buckets_open(e, t->run, PH_train, &t->feeder.buckets));
    train->seed = t->p.seed;
    train->workers = (u32)t->spec->workers;
    train->cache_bytes = FEED_CACHE;
    train->train = 1;
    train->drop_last = (int)t->p.drop_last;
    TRY(feeder_open(e, t->run, &t->data, &t->feeder));
    FAIL_IF(feed_steps(t->feeder.feed) > UINT32_MAX / t->p.repeat, e,
            SOHO_USAGE, "--repeat %" PRIu64 ": an epoch too long to count",
            t->p.repeat);
    t->epoch_t = feed_steps(t->feeder.feed) * (u32)t->p.repeat;
    if (!t->has_val)
        return 0;
    TRY(buckets_open(e, t->run, PH_eval, &t->val_feeder.buckets));
    val->workers = (u32)t->spec->workers;
    val->cache_bytes = FEED_CACHE;
    return feeder_open(e, t->run, &t->val, &t->val_feeder);
}

/* ------------------------------------------------------------------ length */

/* Micro-batches of the whole run, whole windows; TRAIN_SAME: not given.  An
 * epoch is as long as the first one. */
static int
count_total(Err *e, const Train *t, u64 *total)
{
    const TrainSpec *spec = t->spec;
    u64 epochs = spec->epochs, n;

    *total = TRAIN_SAME;
    if (spec->steps != TRAIN_SAME) {
        n = spec->steps;
    } else {
        if (epochs == TRAIN_SAME)
            epochs = (u64)plan_meta_number(&t->run->plan, "config.epochs", 0);
        if (!epochs)
            return 0;
        FAIL_IF(epochs > UINT32_MAX, e, SOHO_USAGE,
                "%" PRIu64 " epochs are more than a run can count", epochs);
        n = (epochs * t->epoch_t + t->accumulate - 1) / t->accumulate;
    }
    FAIL_IF(n > UINT32_MAX / t->accumulate, e, SOHO_USAGE,
            "%" PRIu64 " steps are more than a run can count: at most %u", n,
            UINT32_MAX / t->accumulate);
    *total = n * t->accumulate;
    return 0;
}

/* ----------------------------------------------------- begin, or go on */

static void
say(void *log, const char *line)
{
    log_say(log, "%s", line);
}

/* One of the files that --weights name. */
static int
add_weights(Err *e, Train *t, const char *weights, u8 *have)
{
    char path[PATH_MAX];

    TRY(checkpoint_weights(e, weights, path));
    TRY(weights_add(e, t->run, path, have, say, &t->log));
    if (*e->text)
        log_say(&t->log, "warning: %s", e->text);
    return 0;
}

/* Starting values, then the weights given. */
static int
begin(Err *e, Train *t)
{
    const TrainSpec *spec = t->spec;
    u8 *have;

    if (soho_init((Soho *)t->run, t->p.seed))
        return run_error(e, t->run);
    if (!spec->nweights)
        return 0;
    have = calloc(t->run->plan.nbuffer + 1, 1);
    FAIL_IF(!have, e, SOHO_MEMORY, "no memory for a list of weights");
    for (u32 i = 0; i < spec->nweights && !e->code; i++)
        add_weights(e, t, spec->weights[i], have);
    if (!e->code)
        weights_left(t->run, have, say, &t->log);
    free(have);
    return e->code;
}

static int
check_digest(Err *e, const char *folder, const char *what,
             const u8 then[DIGEST_BYTES], const u8 now[DIGEST_BYTES],
             const char *path, const char *advice)
{
    char a[DIGEST_HEX], b[DIGEST_HEX];

    FAIL_IF(memcmp(then, now, DIGEST_BYTES), e, SOHO_BAD,
            "%s: made with the %s of hash %.16s, %s has %.16s; %s", folder,
            what, digest_hex(a, then), path, digest_hex(b, now), advice);
    return 0;
}

/* Another plan: which of its settings differ, as far as they are known. */
static int
check_plan(Err *e, const Train *t, const Found *found)
{
    char advice[512] = "compile the same model with the same options, or begin "
                       "another --run";
    size_t n = strlen(advice);

    if (memcmp(found->progress.plan, t->p.plan, DIGEST_BYTES))
        state_differs(t->run, found->path, advice + n, sizeof advice - n);
    return check_digest(e, found->path, "plan", found->progress.plan, t->p.plan,
                        t->run->plan.path, advice);
}

/* What shapes the order of data is the checkpoint's; an option may repeat it.
 */
static int
check_order(Err *e, const Train *t, const Found *found)
{
    const Progress *p = &found->progress;
    const TrainSpec *spec = t->spec;

    FAIL_IF(spec->repeat != TRAIN_SAME && spec->repeat != p->repeat, e,
            SOHO_BAD,
            "%s: made with --repeat %" PRIu64 ", now it says %" PRIu64
            "; leave it out, or begin another --run",
            found->path, p->repeat, spec->repeat);
    FAIL_IF(spec->drop_last && !p->drop_last, e, SOHO_BAD,
            "%s: made without --drop-last; leave it out, or begin another "
            "--run",
            found->path);
    FAIL_IF(!p->repeat, e, SOHO_BAD, "%s: an epoch of 0 passes", found->path);
    return 0;
}

/* Takes the counters of a checkpoint that belongs to this plan and data. */
static int
adopt(Err *e, Train *t, const Found *found)
{
    const Progress *p = &found->progress;

    TRY(check_plan(e, t, found));
    TRY(check_digest(e, found->path, "data", p->data, t->p.data,
                     t->data.part->json,
                     "use the same data, or begin another --run"));
    FAIL_IF(t->spec->seed != TRAIN_SAME && t->spec->seed != p->seed, e,
            SOHO_BAD,
            "%s: made with seed %" PRIu64 ", --seed says %" PRIu64
            "; leave it out, or begin another --run",
            found->path, p->seed, t->spec->seed);
    TRY(check_order(e, t, found));
    t->p = *p;
    t->meters.batches = p->meter_n;
    memcpy(t->meters.sum, p->meters, sizeof p->meters);
    t->saved = p->step;
    return 0;
}

/* Puts tensors and loader where the checkpoint has them. */
static int
restore(Err *e, Train *t, const Found *found)
{
    char path[PATH_MAX + 32];
    FeedCursor cursor = {(u32)t->p.cursor_epoch, (u32)t->p.cursor_step};

    snprintf(path, sizeof path, "%s/train.safetensors", found->path);
    TRY(weights_load(e, t->run, found->path, NULL));
    TRY(state_load(e, t->run, path));
    snprintf(path, sizeof path, "%s/" LEFT_OUT, found->path);
    TRY(leftout_load(e, t->feeder.feed, path));
    TRY(feed_seek(e, t->feeder.feed, cursor));
    log_say(&t->log, "goes on from %s%s", found->path,
            t->spec->nweights ? "; --weights are what the run began with" : "");
    return 0;
}

/* Looks for a checkpoint and says what happens with it. */
static int
look(Err *e, Train *t, Found *found)
{
    const TrainSpec *spec = t->spec;

    TRY(checkpoint_find(e, spec->run, found));
    FAIL_IF((found->path[0] || found->damaged) && !spec->resume, e, SOHO_BAD,
            "%s: holds checkpoints of a run; go on with --resume, or choose "
            "another --run",
            spec->run);
    if (found->damaged)
        log_say(&t->log, "warning: %u damaged checkpoint%s passed over: %s",
                found->damaged, found->damaged > 1 ? "s" : "", found->why.text);
    if (found->path[0])
        return adopt(e, t, found);
    if (spec->resume)
        log_say(&t->log, "no checkpoint in %s: begins at step 0", spec->run);
    t->p.seed = spec->seed == TRAIN_SAME ? 1 : spec->seed;
    t->p.repeat = spec->repeat == TRAIN_SAME ? 1 : spec->repeat;
    t->p.drop_last = spec->drop_last != 0;
    t->p.best = -1;
    return 0;
}

/* The number of micro-batches this run makes, as given or as it was. */
static int
settle_total(Err *e, Train *t, int resumed)
{
    int given = t->spec->epochs != TRAIN_SAME || t->spec->steps != TRAIN_SAME;
    u64 total;

    TRY(count_total(e, t, &total));
    if (resumed && given && total != t->p.total)
        log_say(&t->log,
                "warning: the run was to make %" PRIu64 " steps, now %" PRIu64
                "; a schedule that counts from the end changes",
                t->p.total / t->accumulate, total / t->accumulate);
    if (!resumed || given)
        t->p.total = total;
    FAIL_IF(t->p.total == TRAIN_SAME, e, SOHO_USAGE,
            "how long? give --epochs or --steps (%s has no config.epochs)",
            t->run->plan.path);
    return 0;
}

static int
open_run(Err *e, Train *t)
{
    u32 kinds =
        1u << PH_init | 1u << PH_train | 1u << PH_update | 1u << PH_eval;
    const Plan *plan;

    TRY(run_open(e, t->spec->plan, kinds, &t->run));
    plan = &t->run->plan;
    memcpy(t->p.plan, plan->head->hash, DIGEST_BYTES);
    t->accumulate =
        (u32)plan_meta_number(plan, "update.accumulate",
                              plan_meta_number(plan, "config.accumulate", 1));
    for (t->update = 0; t->update < plan->nphase; t->update++)
        if (plan->phase[t->update].kind == PH_update)
            break;
    FAIL_IF(t->update == plan->nphase || !t->accumulate, e, SOHO_BAD,
            "%s: has no update phase; compile a model that trains", plan->path);
    return 0;
}

int
train_open(Err *e, const TrainSpec *spec, Train *t)
{
    Found found;

    memset(t, 0, sizeof *t);
    t->spec = spec;
    t->lock = -1;
    t->log.fd = -1;
    t->saved = TRAIN_SAME;
    TRY(open_run(e, t));
    TRY(checkpoint_lock(e, spec->run, &t->lock));
    TRY(open_data(e, t));
    TRY(meters_open(e, t->run, PH_train, &t->meters));
    TRY(look(e, t, &found));
    TRY(open_feeders(e, t));
    TRY(settle_total(e, t, found.path[0] != 0));
    TRY(found.path[0] ? restore(e, t, &found) : begin(e, t));
    TRY(log_open(e, &t->log, spec->run, t->p.log_bytes));
    t->skipped = run_step(t->run)->skipped;
    t->saved_at = log_clock();
    t->saved_epoch = train_epoch(t);
    return 0;
}

u64
train_epoch(const Train *t)
{
    return feed_tell(t->feeder.feed).epoch / t->p.repeat;
}

void
train_close(Train *t)
{
    log_close(&t->log);
    feeder_close(&t->feeder);
    feeder_close(&t->val_feeder);
    dataset_close(&t->data);
    dataset_close(&t->val);
    plandata_close(&t->plan);
    run_close(t->run);
    checkpoint_unlock(t->lock);
}

/* -------------------------------------------------------------------- save */

static int
write_weights(Err *e, void *context, const char *path)
{
    Train *t = context;

    return weights_save(e, t->run, path);
}

static int
write_state(Err *e, void *context, const char *path)
{
    Train *t = context;

    return state_save(e, t->run, path);
}

static int
write_left_out(Err *e, void *context, const char *path)
{
    Train *t = context;

    return leftout_save(e, t->feeder.feed, path);
}

int
train_save(Err *e, Train *t)
{
    static const CheckpointPart part[] = {
        {"weights.safetensors", write_weights},
        {"train.safetensors", write_state},
        {LEFT_OUT, write_left_out},
    };
    FeedCursor cursor = feed_tell(t->feeder.feed);

    t->p.cursor_epoch = cursor.epoch;
    t->p.cursor_step = cursor.step;
    t->p.log_bytes = t->log.bytes;
    t->p.meter_n = t->meters.batches;
    memcpy(t->p.meters, t->meters.sum, sizeof t->p.meters);
    t->saved_at = log_clock();
    t->saved_epoch = train_epoch(t);
    TRY(checkpoint_save(e, t->spec->run, &t->p, part, countof(part), t,
                        state_bytes(t->run), (u32)t->spec->keep));
    t->saved = t->p.step;
    return 0;
}
