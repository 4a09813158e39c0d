/* bucket.c - which sample comes when, and in which bucket: the plan of one
 * epoch.
 *
 * In: the set, the sizes of its pictures, the spec, an epoch.  Out: batches of
 * samples, each of one bucket.  All draws are counted by (epoch, sample). */
#include <stdlib.h>
#include <string.h>

#include "runtime/data/feed_own.h"
#include "runtime/random.h"

FeedBucket
bucket_target(const FeedSpec *spec, FeedBucket picture, i32 shortest)
{
    FeedBucket target;

    image_target(picture.h, picture.w, spec->longest, shortest, &target.h,
                 &target.w);
    return target;
}

static int
holds(FeedBucket bucket, FeedBucket target)
{
    return target.h <= bucket.h && target.w <= bucket.w;
}

/* By how much `size` has to shrink for the bucket. */
static f64
scale_into(FeedBucket bucket, FeedBucket size)
{
    f64 down = (f64)bucket.h / size.h, across = (f64)bucket.w / size.w;

    return down < across ? down : across;
}

static i32
scaled(i32 side, f64 scale, i32 most)
{
    i32 n = (i32)(side * scale + 0.5);

    return n < 1 ? 1 : n > most ? most : n;
}

FeedBucket
bucket_fit(FeedBucket bucket, FeedBucket picture, FeedBucket target)
{
    f64 scale = scale_into(bucket, picture);

    if (holds(bucket, target))
        return target;
    return (FeedBucket){scaled(picture.h, scale, bucket.h),
                        scaled(picture.w, scale, bucket.w)};
}

static i64
area(FeedBucket b)
{
    return (i64)b.h * b.w;
}

/* Is bucket a the better one for the target? */
static int
better(FeedBucket a, FeedBucket b, FeedBucket target)
{
    f64 scale_a = scale_into(a, target), scale_b = scale_into(b, target);

    if (holds(a, target) != holds(b, target))
        return holds(a, target);
    if (!holds(a, target) && scale_a != scale_b)
        return scale_a > scale_b;
    return area(a) < area(b);
}

u32
bucket_choose(const FeedSpec *spec, FeedBucket target)
{
    u32 best = 0;

    for (u32 i = 1; i < spec->nbucket; i++)
        if (better(spec->bucket[i], spec->bucket[best], target))
            best = i;
    return best;
}

i32
order_shortest(const FeedSpec *spec, u32 epoch, u32 sample)
{
    i32 low = spec->shortest[0], high = spec->shortest[1];

    if (low == high)
        return low;
    return low + (i32)random_below(spec->seed, random_site("feed.shortest"),
                                   epoch, sample, (u32)(high - low + 1));
}

/* Do batches and samples that lack sentences repeat some? */
static int
refills(const FeedSpec *spec)
{
    return spec->train || spec->captions;
}

static u32
samples_of(const Picture *p, u32 sentences)
{
    return p->count / sentences + (p->count % sentences != 0);
}

static void
list_samples(Order *o)
{
    u32 n = 0;

    for (u32 p = 0; p < o->set->npicture; p++) {
        u32 parts = samples_of(&o->set->picture[p], o->spec->sentences);

        for (u32 k = 0; k < parts; k++)
            o->sample[n++] = (Sample){p, k};
    }
}

int
order_open(Err *e, const Vqa *set, const FeedSpec *spec, const FeedBucket *size,
           Order *o)
{
    u64 samples = 0, entries;

    *o = (Order){.set = set, .spec = spec, .size = size};
    for (u32 p = 0; p < set->npicture; p++)
        samples += samples_of(&set->picture[p], spec->sentences);
    FAIL_IF(!samples, e, SOHO_BAD, "the data set has no question");
    FAIL_IF(spec->captions &&
                samples * spec->sentences > UINT32_MAX / spec->tokens,
            e, SOHO_BAD,
            "%llu samples of %u sentences of %u words, at most 2^32 words can "
            "be counted",
            (unsigned long long)samples, spec->sentences, spec->tokens);
    entries = samples + (u64)spec->nbucket * (spec->batch - 1);
    FAIL_IF(entries >= FEED_NONE, e, SOHO_BAD,
            "%llu samples, at most 2^32-2 can be ordered",
            (unsigned long long)entries);
    o->nsample = (u32)samples;
    o->sample = calloc(samples, sizeof *o->sample);
    o->question = calloc(set->nquestion, sizeof *o->question);
    o->line = calloc(samples, sizeof *o->line);
    o->bucket = calloc(samples, sizeof *o->bucket);
    o->entry = calloc(entries, sizeof *o->entry);
    o->batch = calloc(entries / spec->batch + 1, sizeof *o->batch);
    o->turn = calloc(entries / spec->batch + 1, sizeof *o->turn);
    FAIL_IF(!o->sample || !o->question || !o->line || !o->bucket || !o->entry ||
                !o->batch || !o->turn,
            e, SOHO_MEMORY, "no memory to order %u samples", o->nsample);
    list_samples(o);
    order_plan(o, 0);
    return 0;
}

void
order_close(Order *o)
{
    free(o->sample);
    free(o->question);
    free(o->line);
    free(o->bucket);
    free(o->entry);
    free(o->batch);
    free(o->turn);
}

static void
plan_questions(Order *o)
{
    u32 site = random_site("feed.question");

    for (u32 q = 0; q < o->set->nquestion; q++)
        o->question[q] = q;
    for (u32 p = 0; o->spec->train && p < o->set->npicture; p++) {
        const Picture *pic = &o->set->picture[p];

        random_shuffle(o->spec->seed, site, o->epoch, pic->first,
                       o->question + pic->first, pic->count);
    }
}

static void
plan_samples(Order *o)
{
    for (u32 s = 0; s < o->nsample; s++) {
        FeedBucket picture = o->size[o->sample[s].picture];
        i32 shortest = order_shortest(o->spec, o->epoch, s);

        o->line[s] = s;
        o->bucket[s] = (u8)bucket_choose(
            o->spec, bucket_target(o->spec, picture, shortest));
    }
    if (o->spec->train)
        random_shuffle(o->spec->seed, random_site("feed.sample"), o->epoch, 0,
                       o->line, o->nsample);
}

/* Cuts the samples of bucket b into batches behind entry n, without the last
 * one if that is not full and `drop` says so; returns the new number of
 * entries. */
static u32
plan_bucket(Order *o, u32 b, u32 n, int drop)
{
    u32 first = n, size = o->spec->batch;

    for (u32 i = 0; i < o->nsample; i++)
        if (o->bucket[o->line[i]] == b)
            o->entry[n++] = o->line[i];
    if (drop)
        n -= (n - first) % size;
    for (u32 i = first; (n - first) % size; i++)
        o->entry[n++] = refills(o->spec) ? o->entry[i] : FEED_NONE;
    for (u32 at = first; at < n; at += size)
        o->batch[o->nbatch++] = (Batch){b, at};
    return n;
}

static void
plan_batches(Order *o, int drop)
{
    u32 n = 0;

    o->nbatch = 0;
    for (u32 b = 0; b < o->spec->nbucket; b++)
        n = plan_bucket(o, b, n, drop);
}

void
order_plan(Order *o, u32 epoch)
{
    o->epoch = epoch;
    plan_questions(o);
    plan_samples(o);
    plan_batches(o, o->spec->train && o->spec->drop_last);
    if (!o->nbatch)
        plan_batches(o, 0);
    for (u32 i = 0; i < o->nbatch; i++)
        o->turn[i] = i;
    if (o->spec->train)
        random_shuffle(o->spec->seed, random_site("feed.batch"), epoch, 0,
                       o->turn, o->nbatch);
}

u32
order_question(const Order *o, u32 sample, u32 k)
{
    const Sample *s = &o->sample[sample];
    const Picture *pic = &o->set->picture[s->picture];
    u64 at = (u64)s->part * o->spec->sentences + k;

    if (at >= pic->count && !refills(o->spec))
        return FEED_NONE;
    return o->question[pic->first + at % pic->count];
}
