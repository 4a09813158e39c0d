/* feed.c - the loader hands out batches in order, says what they hold, and
 * judges what could not be read.
 *
 * In: a set, its images, a spec.  Out: batches, which ring.c fills. */
#include "runtime/data/feed.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/data/feed_own.h"

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
        memcpy(to->image, s->image, n * ring_row_bytes(f, s->bucket));
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
    Slot *s = ring_take(f, f->handed_out);
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

int
feed_seek(Err *e, Feed *f, FeedCursor cursor)
{
    ring_hold(f);
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
        largest = (u64)max_i64((i64)largest, (i64)ring_row_bytes(f, i));
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
    return ring_start(e, f);
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
    ring_stop(f);
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
