/* ring.c - a ring of batches that worker threads fill row by row.
 *
 * In: the order of an epoch, pictures.  Out: slots, in order.  Batch number n
 * lives in slot n % RING from its opening (its samples are written down then)
 * until feed_next has copied it out, so workers can run ahead into the next
 * epoch.  Rows are claimed one by one under the lock and filled outside of it;
 * nothing that is delivered depends on who fills which row.  No thread ever
 * spins. */
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runtime/data/feed_own.h"

enum { REPLACEMENTS = 16, NICEST = 19 };

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

u64
ring_row_bytes(const Feed *f, u32 bucket)
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
                        desk, s->image + i * ring_row_bytes(f, s->bucket),
                        &r->size))
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
    u8 *to = s->image + i * ring_row_bytes(f, s->bucket);
    i32 shortest;

    r->size = bucket;
    r->shown = FEED_NONE;
    if (r->picture == FEED_NONE) {
        memset(to, 0, ring_row_bytes(f, s->bucket));
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

int
ring_start(Err *e, Feed *f)
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

void
ring_stop(Feed *f)
{
    pthread_mutex_lock(&f->lock);
    f->stop = 1;
    pthread_cond_broadcast(&f->work);
    pthread_mutex_unlock(&f->lock);
    for (u32 i = 0; i < f->spec.workers; i++)
        if (f->worker[i].started)
            pthread_join(f->worker[i].thread, NULL);
}

/* The caller fills rows too, and sleeps only while others have the last ones in
 * hand: workers of the lowest priority get little time beside a busy caller. */
Slot *
ring_take(Feed *f, int release)
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

void
ring_hold(Feed *f)
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
