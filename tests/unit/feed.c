/* feed.c - the loader over a small made set: neither workers, cache nor seeking
 * changes a bit, and once it has read all it allocates nothing. */
#include <stdatomic.h>

#include "feedcheck.h"

/* Counts all allocations of this program. */
static atomic_ullong allocations;
static size_t largest; /* bytes asked for at once, while one thread runs */
#ifndef __SANITIZE_ADDRESS__
#ifndef __SANITIZE_THREAD__
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *at, size_t n);

void *
malloc(size_t n)
{
    allocations++;
    largest = n > largest ? n : largest;
    return __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
    allocations++;
    return __libc_calloc(n, size);
}

void *
realloc(void *at, size_t n)
{
    allocations++;
    return __libc_realloc(at, n);
}
#endif
#endif

/* Checksum of `epochs` epochs; 0 on an error. */
static u32
sum_epochs(const FeedSpec *spec, u32 part, u32 epochs)
{
    Feed *feed = open_feed(spec, part);
    FeedBatch b = {0};
    u32 crc = 0;

    while (feed && feed_tell(feed).epoch < epochs) {
        if (next(feed, &b)) {
            crc = 0;
            break;
        }
        crc = sum_batch(crc, spec, &b);
    }
    feed_close(feed);
    return crc;
}

static void
workers(void)
{
    static const u32 count[] = {0, 1, 3};
    u32 sum[3], wide[3], unseen[3];

    for (u32 i = 0; i < 3; i++) {
        FeedSpec fixed = training(count[i]), scaled = multiscale(count[i]);
        FeedSpec eval = fixed;

        eval.train = 0;
        sum[i] = sum_epochs(&fixed, 0, 2);
        wide[i] = sum_epochs(&scaled, 0, 2);
        unseen[i] = sum_epochs(&eval, 1, 2);
    }
    check(sum[0] && sum[0] == sum[1] && sum[0] == sum[2],
          "feed/workers-change-no-bit", "0, 1 and 3 workers differ");
    check(wide[0] && wide[0] == wide[1] && wide[0] == wide[2],
          "feed/workers-change-no-bit-multiscale", "0, 1 and 3 differ");
    check(unseen[0] && unseen[0] == unseen[1] && unseen[0] == unseen[2],
          "feed/workers-change-no-bit-eval", "0, 1 and 3 differ");
    check(sum[0] != wide[0], "feed/scales-differ", "fixed equals multi-scale");
}

static void
cache(void)
{
    FeedSpec none = training(1), little = training(1), all = training(1);
    FeedSpec seed = training(1);
    u32 sum;

    none.cache_bytes = 0;
    little.cache_bytes = 100000;
    seed.seed++;
    sum = sum_epochs(&all, 0, 3);
    check(sum && sum == sum_epochs(&none, 0, 3) &&
              sum == sum_epochs(&little, 0, 3),
          "feed/cache-changes-no-bit", "with and without cache differ");
    check(sum != sum_epochs(&seed, 0, 3), "feed/seed-changes-order",
          "seeds 11 and 12 give the same");
}

/* The cache keeps to its bytes: the whole set would be nine times as much. */
static void
cache_bound(void)
{
    FeedSpec spec = training(0);

    spec.cache_bytes = 50000;
    largest = 0;
    feed_close(open_feed(&spec, 0));
    check(largest <= 50001, "feed/cache-is-bounded", "a larger block");
}

static void
swap_sides(void)
{
    for (u32 p = 0; p < set[0].npicture; p += 3) {
        Picture *pic = &set[0].picture[p];
        i32 w = pic->w;

        pic->w = pic->h;
        pic->h = w;
    }
}

/* Pictures that are not as the set says still fit, cached or not. */
static void
wrong_sizes(void)
{
    FeedSpec none = training(1), all = training(1);
    u32 sum;

    none.cache_bytes = 0;
    swap_sides();
    sum = sum_epochs(&none, 0, 3);
    check(sum && sum == sum_epochs(&all, 0, 3), "feed/wrong-sizes-fit",
          "with and without cache differ");
    swap_sides();
}

/* A new feed that seeks to each of some places goes on as the first did. */
static int
seeks(u32 count, int scaled)
{
    enum { N = 70 };
    FeedSpec spec = scaled ? multiscale(count) : training(count);
    Feed *a = open_feed(&spec, 0), *b = open_feed(&spec, 0);
    FeedCursor at[N];
    u32 sum[N];
    FeedBatch batch;
    int good = a && b;

    for (u32 i = 0; good && i < N; i++) {
        at[i] = feed_tell(a);
        good = !next(a, &batch) && batch.epoch == at[i].epoch &&
               batch.step == at[i].step;
        sum[i] = sum_batch(0, &spec, &batch);
    }
    for (u32 i = 0; good && i < N; i++) {
        u32 to = (i * 37 + 5) % N;
        Err e = {0};

        good = !feed_seek(&e, b, at[to]);
        for (u32 k = to; good && k < N && k < to + 3; k++)
            good = !next(b, &batch) && sum_batch(0, &spec, &batch) == sum[k];
    }
    feed_close(a);
    feed_close(b);
    return good;
}

static void
seeking(void)
{
    FeedSpec spec = training(1);
    Feed *feed = open_feed(&spec, 0);
    Err e = {0};

    check(seeks(0, 0) && seeks(3, 0), "feed/seek-is-exact",
          "a batch after a seek differs");
    check(seeks(0, 1) && seeks(3, 1), "feed/seek-is-exact-multiscale",
          "a batch after a seek differs");
    check(feed_seek(&e, feed, (FeedCursor){0, 100000}) == SOHO_BAD,
          "feed/seek-beyond-is-an-error", "taken");
    feed_close(feed);
}

static void
steady(void)
{
    FeedSpec spec = training(2);
    Feed *feed = open_feed(&spec, 0);
    unsigned long long before;
    FeedBatch b;
    char why[64];

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
    printf("skip feed/allocates-nothing: a sanitizer owns malloc\n");
    feed_close(feed);
    return;
#endif
    while (feed && feed_tell(feed).epoch < 2)
        next(feed, &b);
    before = allocations;
    while (feed && feed_tell(feed).epoch < 6)
        next(feed, &b);
    snprintf(why, sizeof why, "%llu calls", allocations - before);
    check(feed && before > 0 && allocations == before,
          "feed/allocates-nothing-once-cached", why);
    feed_close(feed);
}

static void
tests(void)
{
    workers();
    cache();
    cache_bound();
    wrong_sizes();
    seeking();
    steady();
}

int
main(void)
{
    return in_feed_room(tests);
}
