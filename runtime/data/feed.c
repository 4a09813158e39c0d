/* feed.c - the loader: a ring of batches that worker threads fill row by row
 * and feed_next hands out in order.
 *
 * In: a set, its images, a spec.  Out: batches.  Batch number n lives in slot
 * n % RING from its opening (its samples are written down then) until feed_next
 * has copied it out, so workers can run ahead into the next epoch.  Rows are
 * claimed one by one under the lock and filled outside of it; nothing that is
 * delivered depends on who fills which row.  No thread ever spins. */
#include "runtime/data/feed.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runtime/data/feed_own.h"

enum { RING = 4, REPLACEMENTS = 16, NICEST = 19 };

/* What happened to a row. */
typedef struct Row {
    u32 sample, picture; /* the one wanted, or FEED_NONE */
    u32 shown;           /* the one shown */
    u32 about;           /* the one that its sentences are about */
    FeedBucket size;     /* of its pixels */
    Err err;             /* of the first attempt */
} Row;

typedef struct Slot {
    u32 bucket, epoch, step, steps;
    u32 claimed, done; /* rows */
    Row *row;          /* [B] */
    u32 *question;     /* [B*S] */
    u8 *image;         /* [B,h,w,3] of the largest bucket */
} Slot;

typedef struct Worker {
    Feed *feed;
    pthread_t thread;
    int started;
    Desk desk;
} Worker;

struct Feed {
    FeedSpec spec;
    FeedBucket bucket[FEED_BUCKETS];
    const Vqa *set;
    const Words *words;
    Order order;
    Gallery gallery;
    u32 nslot;
    Slot slot[RING];
    Worker worker[FEED_WORKERS];
    Desk desk; /* the caller's */
    pthread_mutex_t lock;
    pthread_cond_t work, ready; /* for workers; for feed_next */
    int hold, stop;
    u64 head, open; /* batches released, batches opened */
    u32 ahead;      /* next batch to open in order.epoch */
    int handed_out; /* slot `head` is with the caller */
    FeedCursor next;
    u32 steps;
    FeedStats stats;
    u8 *is_bad;       /* of each picture */
    u8 *valid;        /* [B*S] */
    const char **bad; /* [B] */
};

/* ------------------------------------------------------------------ rows */

/* The k-th question of a sample of f->order's epoch. */
static u32
sentence(const Feed *f, u32 sample, u32 k)
{
    u32 q;

    if (sample == FEED_NONE)
        return FEED_NONE;
    q = order_question(&f->order, sample, k);
    return f->spec.captions ? itm_sentence(&f->order, sample, k, q) : q;
}

/* Opens the next batch: its samples and questions are settled here.  Under the
 * lock. */
static Slot *
open_slot(Feed *f)
{
    Order *o = &f->order;
    Slot *s = &f->slot[f->open++ % f->nslot];
    u32 sentences = f->spec.sentences;
    const Batch *b;

    if (f->ahead >= o->nbatch) {
        order_plan(o, o->epoch + 1);
        f->ahead = 0;
    }
    b = &o->batch[o->turn[f->ahead]];
    s->bucket = b->bucket;
    s->epoch = o->epoch;
    s->step = f->ahead++;
    s->steps = o->nbatch;
    s->claimed = s->done = 0;
    for (u32 i = 0; i < f->spec.batch; i++) {
        u32 sample = o->entry[b->first + i];
        Row *r = &s->row[i];

        r->sample = sample;
        r->picture =
            sample == FEED_NONE ? FEED_NONE : o->sample[sample].picture;
        r->about = r->picture;
        err_clear(&r->err);
        for (u32 k = 0; k < sentences; k++)
            s->question[i * sentences + k] = sentence(f, sample, k);
    }
    return s;
}

/* Takes the next row that nobody fills yet; NULL: none before a slot is
 * handed out.  Under the lock. */
static Slot *
claim(Feed *f, u32 *row)
{
    Slot *s = &f->slot[(f->open + f->nslot - 1) % f->nslot];

    if (f->hold)
        return NULL;
    if (f->open == f->head || s->claimed == f->spec.batch) {
        if (f->open - f->head == f->nslot)
            return NULL;
        s = open_slot(f);
    }
    *row = s->claimed++;
    return s;
}

static u64
row_bytes(const Feed *f, u32 bucket)
{
    return (u64)f->bucket[bucket].h * (u64)f->bucket[bucket].w * 3;
}

/* Shows the next picture that can be read, with its own first questions. */
static void
replace(Feed *f, Slot *s, u32 i, i32 shortest, Desk *desk)
{
    u32 n = f->set->npicture, sentences = f->spec.sentences;
    Row *r = &s->row[i];

    for (u32 away = 1; away <= REPLACEMENTS && away < n; away++) {
        u32 p = (u32)(((u64)r->picture + away) % n);
        const Picture *pic = &f->set->picture[p];
        Err err = {0};

        if (!pic->count ||
            gallery_put(&err, &f->gallery, p, f->bucket[s->bucket], shortest, 0,
                        desk, s->image + i * row_bytes(f, s->bucket), &r->size))
            continue;
        for (u32 k = 0; k < sentences; k++)
            s->question[i * sentences + k] = pic->first + k % pic->count;
        r->shown = r->about = p;
        return;
    }
}

/* Fills row i of a slot: outside the lock. */
static void
fill(Feed *f, Slot *s, u32 i, Desk *desk)
{
    FeedBucket bucket = f->bucket[s->bucket];
    Row *r = &s->row[i];
    u8 *to = s->image + i * row_bytes(f, s->bucket);
    i32 shortest;

    r->size = bucket;
    r->shown = FEED_NONE;
    if (r->picture == FEED_NONE) {
        memset(to, 0, row_bytes(f, s->bucket));
        return;
    }
    r->shown = r->picture;
    if (f->spec.strangers)
        r->shown =
            (u32)(((u64)r->picture + f->set->npicture / 2) % f->set->npicture);
    shortest = order_shortest(&f->spec, s->epoch, r->sample);
    if (!gallery_put(&r->err, &f->gallery, r->shown, bucket, shortest,
                     r->shown == r->picture, desk, to, &r->size))
        return;
    r->shown = FEED_NONE;
    if (f->spec.train && r->err.code != SOHO_MEMORY)
        replace(f, s, i, shortest, desk);
}

/* --------------------------------------------------------------- threads */

static void *
work(void *arg)
{
    Worker *w = arg;
    Feed *f = w->feed;

    setpriority(PRIO_PROCESS, (id_t)gettid(), NICEST);
    pthread_mutex_lock(&f->lock);
    while (!f->stop) {
        u32 row;
        Slot *s = claim(f, &row);

        if (!s) {
            pthread_cond_wait(&f->work, &f->lock);
            continue;
        }
        pthread_mutex_unlock(&f->lock);
        fill(f, s, row, &w->desk);
        pthread_mutex_lock(&f->lock);
        if (++s->done == f->spec.batch || f->hold)
            pthread_cond_signal(&f->ready);
    }
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

/* Signals stay with the caller's threads. */
static int
start_workers(Err *e, Feed *f)
{
    sigset_t all, old;
    int bad = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    for (u32 i = 0; i < f->spec.workers && !bad; i++) {
        Worker *w = &f->worker[i];

        w->feed = f;
        bad = pthread_create(&w->thread, NULL, work, w);
        w->started = !bad;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    FAIL_IF(bad, e, SOHO_MEMORY,
            "cannot start a loader thread: %s; ask for "
            "fewer --workers",
            strerror(bad));
    return 0;
}

static void
stop_workers(Feed *f)
{
    pthread_mutex_lock(&f->lock);
    f->stop = 1;
    pthread_cond_broadcast(&f->work);
    pthread_mutex_unlock(&f->lock);
    for (u32 i = 0; i < f->spec.workers; i++)
        if (f->worker[i].started)
            pthread_join(f->worker[i].thread, NULL);
}

/* The slot of the next batch, all rows filled; the one that was handed out
 * before is free again.  The caller fills rows too, and sleeps only while
 * others have the last ones in hand: workers of the lowest priority get little
 * time beside a busy caller. */
static Slot *
wait_for(Feed *f, int release)
{
    Slot *s;

    pthread_mutex_lock(&f->lock);
    f->head += (u64)release;
    f->hold = 0;
    pthread_cond_broadcast(&f->work);
    s = &f->slot[f->head % f->nslot];
    while (f->open == f->head || s->done < f->spec.batch) {
        u32 row = 0;

        if (f->open > f->head && s->claimed == f->spec.batch) {
            pthread_cond_wait(&f->ready, &f->lock);
            continue;
        }
        claim(f, &row);
        pthread_mutex_unlock(&f->lock);
        fill(f, s, row, &f->desk);
        pthread_mutex_lock(&f->lock);
        s->done++;
    }
    pthread_mutex_unlock(&f->lock);
    return s;
}

/* -------------------------------------------------------------- delivery */

/* Judges rows that could not be read, in order; lists those new to us. */
static int
judge(Err *e, Feed *f, const Slot *s, FeedBatch *batch)
{
    for (u32 i = 0; i < f->spec.batch; i++) {
        const Row *r = &s->row[i];

        if (!r->err.code)
            continue;
        FAIL_IF(r->err.code == SOHO_MEMORY, e, SOHO_MEMORY, "%s", r->err.text);
        FAIL_IF(r->shown == FEED_NONE, e, SOHO_BAD, "%s", r->err.text);
        if (f->is_bad[r->picture])
            continue;
        f->is_bad[r->picture] = 1;
        f->bad[batch->nbad++] = r->err.text;
        FAIL_IF(++f->stats.bad > f->stats.most_bad, e, SOHO_BAD,
                "%u of %u pictures cannot be read, at most %u (0.1 %%, but at "
                "least one) are passed over; the last one: %s",
                f->stats.bad, f->set->npicture, f->stats.most_bad, r->err.text);
    }
    return 0;
}

static void
write_pictures(const Feed *f, const Slot *s, const FeedDoors *to)
{
    u32 n = f->spec.batch;

    if (to->image)
        memcpy(to->image, s->image, n * row_bytes(f, s->bucket));
    for (u32 i = 0; to->image_size && i < n; i++) {
        to->image_size[2 * i] = s->row[i].size.h;
        to->image_size[2 * i + 1] = s->row[i].size.w;
    }
}

static void
write_sentences(Feed *f, const Slot *s, const FeedDoors *to)
{
    for (u32 r = 0; r < f->spec.batch * f->spec.sentences; r++) {
        const Row *row = &s->row[r / f->spec.sentences];
        Sentence text = {.row = r,
                         .question = s->question[r],
                         .about = row->about,
                         .epoch = s->epoch,
                         .number = row->sample * f->spec.sentences +
                                   r % f->spec.sentences};

        sentence_put(f->set, f->words, &f->spec, &text, to);
        f->valid[r] = text.question != FEED_NONE;
    }
}

static void
count_rows(Feed *f, const Slot *s)
{
    FeedBucket b = f->bucket[s->bucket];

    for (u32 i = 0; i < f->spec.batch; i++) {
        const Row *r = &s->row[i];
        FeedBucket target;

        if (r->picture == FEED_NONE)
            continue;
        target = bucket_target(&f->spec, f->gallery.size[r->picture],
                               order_shortest(&f->spec, s->epoch, r->sample));
        f->stats.samples++;
        f->stats.shrunk += target.h > b.h || target.w > b.w;
        f->stats.pixels += (u64)b.h * (u64)b.w;
        f->stats.padding +=
            (u64)b.h * (u64)b.w - (u64)r->size.h * (u64)r->size.w;
    }
}

int
feed_next(Err *e, Feed *f, const FeedDoors *doors, FeedBatch *batch)
{
    Slot *s = wait_for(f, f->handed_out);
    u32 rows = f->spec.batch * f->spec.sentences;

    f->handed_out = 1;
    *batch = (FeedBatch){.bucket = s->bucket,
                         .epoch = s->epoch,
                         .step = s->step,
                         .steps = s->steps,
                         .question = s->question,
                         .valid = f->valid,
                         .bad = f->bad};
    TRY(judge(e, f, s, batch));
    write_pictures(f, s, &doors[s->bucket]);
    write_sentences(f, s, &doors[s->bucket]);
    for (u32 r = 0; r < rows; r++)
        batch->rows += f->valid[r];
    count_rows(f, s);
    f->steps = s->steps;
    f->next = (FeedCursor){s->epoch, s->step + 1};
    if (f->next.step == s->steps)
        f->next = (FeedCursor){s->epoch + 1, 0};
    return 0;
}

FeedCursor
feed_tell(const Feed *f)
{
    return f->next;
}

/* Lets the workers finish the rows they have begun, and takes none after. */
static void
hold(Feed *f)
{
    pthread_mutex_lock(&f->lock);
    f->hold = 1;
    for (u64 n = f->head; n < f->open; n++)
        while (f->slot[n % f->nslot].done < f->slot[n % f->nslot].claimed)
            pthread_cond_wait(&f->ready, &f->lock);
    f->head = f->open = 0;
    f->handed_out = 0;
    pthread_mutex_unlock(&f->lock);
}

int
feed_seek(Err *e, Feed *f, FeedCursor cursor)
{
    hold(f);
    order_plan(&f->order, cursor.epoch);
    FAIL_IF(cursor.step >= f->order.nbatch, e, SOHO_BAD,
            "cannot go to batch %u of epoch %u: the epoch has %u batches; data "
            "set, seed, buckets or batch size differ from the run's",
            cursor.step, cursor.epoch, f->order.nbatch);
    f->ahead = cursor.step;
    f->steps = f->order.nbatch;
    f->next = cursor;
    return 0;
}

u32
feed_steps(const Feed *f)
{
    return f->steps;
}

FeedStats
feed_stats(const Feed *f)
{
    return f->stats;
}

u32
feed_pictures(const Feed *f)
{
    return f->set->npicture;
}

int
feed_is_bad(const Feed *f, u32 picture)
{
    return f->is_bad[picture];
}

void
feed_set_bad(Feed *f, u32 picture)
{
    f->stats.bad += !f->is_bad[picture];
    f->is_bad[picture] = 1;
}

/* ---------------------------------------------------------- open, close */

static int
check_spec(Err *e, const FeedSpec *s)
{
    FAIL_IF(s->nbucket < 1 || s->nbucket > FEED_BUCKETS, e, SOHO_BAD,
            "1 to %d buckets expected, got %u", FEED_BUCKETS, s->nbucket);
    FAIL_IF(s->workers > FEED_WORKERS, e, SOHO_USAGE,
            "--workers: 0 to %d expected, got %u", FEED_WORKERS, s->workers);
    for (u32 i = 0; i < s->nbucket; i++)
        FAIL_IF(s->bucket[i].h < 1 || s->bucket[i].h > IMAGE_MAX_SIDE ||
                    s->bucket[i].w < 1 || s->bucket[i].w > IMAGE_MAX_SIDE,
                e, SOHO_BAD, "bucket %u: %d x %d is no picture size", i,
                s->bucket[i].h, s->bucket[i].w);
    FAIL_IF(!s->batch || !s->sentences || !s->tokens ||
                (u64)s->batch * s->sentences > FEED_NONE / 2,
            e, SOHO_BAD, "%u pictures of %u questions of %u tokens: no batch",
            s->batch, s->sentences, s->tokens);
    FAIL_IF(s->longest < 1 || s->shortest[0] < 1 ||
                s->shortest[1] < s->shortest[0],
            e, SOHO_BAD,
            "no picture has a longer side of %d and a shorter of "
            "%d to %d",
            s->longest, s->shortest[0], s->shortest[1]);
    return 0;
}

static int
open_slots(Err *e, Feed *f)
{
    u64 largest = 0, rows = (u64)f->spec.batch * f->spec.sentences;
    int good;

    for (u32 i = 0; i < f->spec.nbucket; i++)
        largest = (u64)max_i64((i64)largest, (i64)row_bytes(f, i));
    f->is_bad = calloc(f->set->npicture, 1);
    f->valid = calloc(rows, 1);
    f->bad = calloc(f->spec.batch, sizeof *f->bad);
    good = f->is_bad && f->valid && f->bad;
    for (u32 i = 0; i < f->nslot; i++) {
        Slot *s = &f->slot[i];

        s->row = calloc(f->spec.batch, sizeof *s->row);
        s->question = calloc(rows, sizeof *s->question);
        s->image = malloc(f->spec.batch * largest);
        good = good && s->row && s->question && s->image;
    }
    FAIL_IF(!good, e, SOHO_MEMORY, "no memory for %u batches of %llu bytes",
            f->nslot, (unsigned long long)(f->spec.batch * largest));
    return 0;
}

/* All that reading pictures needs, so that no step allocates. */
static int
open_desks(Err *e, Feed *f)
{
    u32 workers = f->spec.workers;

    TRY(desk_open(e, &f->gallery, &f->desk));
    for (u32 i = 0; i < workers; i++)
        TRY(desk_open(e, &f->gallery, &f->worker[i].desk));
    return 0;
}

static int
open_parts(Err *e, Feed *f, const FeedSource *source, u32 nsource)
{
    TRY(open_slots(e, f));
    TRY(gallery_open(e, f->set, source, nsource, &f->spec, &f->gallery));
    TRY(order_open(e, f->set, &f->spec, f->gallery.size, &f->order));
    TRY(open_desks(e, f));
    f->steps = f->order.nbatch;
    return start_workers(e, f);
}

int
feed_open(Err *e, const Vqa *set, const FeedSource *source, u32 nsource,
          const Words *words, const FeedSpec *spec, Feed **feed)
{
    Feed *f;

    *feed = NULL;
    TRY(check_spec(e, spec));
    f = calloc(1, sizeof *f);
    FAIL_IF(!f, e, SOHO_MEMORY, "no memory for the loader");
    f->spec = *spec;
    memcpy(f->bucket, spec->bucket, spec->nbucket * sizeof *spec->bucket);
    f->spec.bucket = f->bucket;
    f->set = set;
    f->words = words;
    f->stats.most_bad = (u32)max_i64(set->npicture / 1000, 1);
    f->hold = 1; /* until the first batch is wanted */
    f->nslot = spec->workers ? RING : 1;
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->work, NULL);
    pthread_cond_init(&f->ready, NULL);
    if (open_parts(e, f, source, nsource)) {
        feed_close(f);
        return e->code;
    }
    *feed = f;
    return 0;
}

void
feed_close(Feed *f)
{
    if (!f)
        return;
    stop_workers(f);
    for (u32 i = 0; i < FEED_WORKERS; i++)
        desk_close(&f->worker[i].desk);
    desk_close(&f->desk);
    for (u32 i = 0; i < RING; i++) {
        free(f->slot[i].row);
        free(f->slot[i].question);
        free(f->slot[i].image);
    }
    order_close(&f->order);
    gallery_close(&f->gallery);
    free(f->is_bad);
    free(f->valid);
    free(f->bad);
    pthread_cond_destroy(&f->ready);
    pthread_cond_destroy(&f->work);
    pthread_mutex_destroy(&f->lock);
    free(f);
}
