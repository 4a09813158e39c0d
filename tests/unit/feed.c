/* feed.c - the loader over a small made set: what is delivered is right, whole
 * and in one bucket, and neither workers, cache nor seeking changes a bit. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/data/data.h"
#include "runtime/data/feed.h"
#include "runtime/data/shapes.h"
#include "runtime/random.h"
#include "runtime/replace.h"
#include "runtime/vfs.h"

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

static int failed;

static void
check(int good, const char *name, const char *why)
{
    if (good)
        printf("ok %s\n", name);
    else
        printf("not ok %s: %s\n", name, why);
    failed |= !good;
}

enum { B = 4, S = 3, T = 12, A = ANSWERS, R = B * S, MOST = 96 };

static char room[64];
static Words *words;
static Vqa set[2]; /* training, unseen */
static Zip *zip[2];

/* Room for one batch, shared by all buckets. */
static u8 image[B * MOST * MOST * 3];
static i32 image_size[B * 2], tokens[R * T], token_mask[R * T];
static f32 answers[R * A];
static FeedDoors doors[FEED_BUCKETS];

static const FeedBucket two[] = {{48, 64}, {64, 48}};
static const FeedBucket many[] = {
    {96, 64}, {32, 48}, {48, 32}, {64, 96}, {64, 64}};

static FeedSpec
training(u32 workers)
{
    return (FeedSpec){.bucket = two,
                      .nbucket = countof(two),
                      .batch = B,
                      .sentences = S,
                      .tokens = T,
                      .answers = A,
                      .longest = 64,
                      .shortest = {48, 48},
                      .seed = 11,
                      .workers = workers,
                      .cache_bytes = FEED_CACHE,
                      .train = 1};
}

static FeedSpec
multiscale(u32 workers)
{
    FeedSpec s = training(workers);

    s.bucket = many;
    s.nbucket = countof(many);
    s.longest = 96;
    s.shortest[0] = 24;
    s.shortest[1] = 64;
    return s;
}

static Feed *
open_feed(const FeedSpec *spec, u32 part)
{
    static FeedSource source[2];
    Feed *feed;
    Err e = {0};

    source[part] = (FeedSource){zip[part], part ? "val2014" : "train2014", 0};
    if (feed_open(&e, &set[part], &source[part], 1, words, spec, &feed))
        printf("# %s\n", e.text);
    return feed;
}

static u32
next(Feed *feed, FeedBatch *b)
{
    Err e = {0};

    if (feed_next(&e, feed, doors, b))
        printf("# %s\n", e.text);
    return (u32)e.code;
}

/* Adds a delivered batch to a checksum. */
static u32
sum_batch(u32 crc, const FeedSpec *spec, const FeedBatch *b)
{
    FeedBucket size = spec->bucket[b->bucket];
    u32 head[] = {b->bucket, b->epoch, b->step, b->steps, b->rows};

    crc = random_crc32(crc, head, sizeof head);
    crc = random_crc32(crc, image, B * (u64)size.h * (u64)size.w * 3);
    crc = random_crc32(crc, image_size, sizeof image_size);
    crc = random_crc32(crc, tokens, sizeof tokens);
    crc = random_crc32(crc, token_mask, sizeof token_mask);
    crc = random_crc32(crc, answers, sizeof answers);
    crc = random_crc32(crc, b->question, R * sizeof *b->question);
    return random_crc32(crc, b->valid, R);
}

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

/* ----------------------------------------------------------------- same */

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

/* ---------------------------------------------------------------- right */

/* Are the pixels of row i those of its picture, made on another way? */
static int
pixels_right(u32 part, const FeedSpec *spec, const FeedBatch *b, u32 i)
{
    FeedBucket bucket = spec->bucket[b->bucket];
    const u8 *got = image + i * (u64)bucket.h * (u64)bucket.w * 3;
    i32 h = image_size[2 * i], w = image_size[2 * i + 1];
    const Picture *pic =
        &set[part].picture[set[part].question[b->question[i * S]].image];
    char member[128];
    u8 *data, *want = malloc(MOST * MOST * 3);
    u64 bytes;
    Image from;
    Err e = {0};
    int good = 1;
    void *scratch;

    snprintf(member, sizeof member, "%s/%s", part ? "val2014" : "train2014",
             pic->file);
    if (zip_read(&e, zip[part], member, &data, &bytes) ||
        image_decode(&e, member, data, bytes, &from))
        return 0;
    scratch = malloc(resize_scratch(from.h, from.w, h, w) + 1);
    resize_u8(from.rgb, from.h, from.w, want, h, w, (u64)w * 3, scratch);
    for (i32 y = 0; y < bucket.h; y++)
        for (i32 x = 0; x < bucket.w * 3; x++) {
            u8 v = y < h && x < w * 3 ? want[y * w * 3 + x] : 0;

            good &= got[y * bucket.w * 3 + x] == v;
        }
    free(scratch);
    free(want);
    free(data);
    image_free(&from);
    return good;
}

/* Does row r say what its question says? */
static int
text_right(u32 part, u32 r, u32 q)
{
    const Question *from = &set[part].question[q];
    f32 want[A] = {0};
    int good = 1;

    for (u32 i = 0; i < T; i++) {
        u32 real = i < from->ntoken;

        good &= token_mask[r * T + i] == (i32)real;
        good &=
            tokens[r * T + i] == (real ? set[part].token[from->token + i] : 0);
    }
    for (u32 i = 0; i < from->nlabel; i++)
        want[set[part].label[from->label + i]] =
            set[part].score[from->label + i];
    return good && !memcmp(want, answers + r * A, sizeof want);
}

typedef struct Tally {
    u32 *asked; /* per question */
    u32 rows, wrong_pixels, wrong_text, mixed, misplaced, batches;
} Tally;

/* The bucket a picture of this size has to be in. */
static u32
expected_bucket(const FeedSpec *spec, i32 h, i32 w)
{
    u32 best = FEED_NONE;

    for (u32 i = 0; i < spec->nbucket; i++)
        if (h <= spec->bucket[i].h && w <= spec->bucket[i].w &&
            (best == FEED_NONE ||
             spec->bucket[i].h * spec->bucket[i].w <
                 spec->bucket[best].h * spec->bucket[best].w))
            best = i;
    return best;
}

static void
tally_batch(u32 part, const FeedSpec *spec, const FeedBatch *b, Tally *t)
{
    u32 rows = 0;

    for (u32 r = 0; r < R; r++) {
        u32 q = b->question[r], first = b->question[r / S * S];

        rows += b->valid[r];
        t->wrong_text += b->valid[r] != (q != FEED_NONE);
        if (q == FEED_NONE)
            continue;
        t->asked[q]++;
        t->wrong_text += !text_right(part, r, q);
        t->mixed +=
            set[part].question[q].image != set[part].question[first].image;
    }
    for (u32 i = 0; i < B; i++) {
        if (b->question[i * S] == FEED_NONE)
            continue;
        t->misplaced += expected_bucket(spec, image_size[2 * i],
                                        image_size[2 * i + 1]) != b->bucket;
        if (i == b->step % B)
            t->wrong_pixels += !pixels_right(part, spec, b, i);
    }
    t->mixed += rows != b->rows;
    t->rows += rows;
    t->batches++;
}

static Tally
tally_epoch(u32 part, const FeedSpec *spec)
{
    Feed *feed = open_feed(spec, part);
    Tally t = {calloc(set[part].nquestion, sizeof(u32)), 0, 0, 0, 0, 0, 0};
    FeedBatch b;

    while (feed && feed_tell(feed).epoch == 0 && !next(feed, &b))
        tally_batch(part, spec, &b, &t);
    feed_close(feed);
    return t;
}

/* Rows that ask some question again, and questions never asked. */
static void
repeats(const Tally *t, u32 part, u32 *again, u32 *never)
{
    *again = *never = 0;
    for (u32 q = 0; q < set[part].nquestion; q++) {
        *never += t->asked[q] == 0;
        *again += t->asked[q] ? t->asked[q] - 1 : 0;
    }
}

static void
contents(const char *name, const FeedSpec *spec, u32 part)
{
    char title[64], why[128];
    Tally t = tally_epoch(part, spec);
    u32 again, never, samples = 0, refills = 0;

    for (u32 p = 0; p < set[part].npicture; p++) {
        u32 n = (set[part].picture[p].count + S - 1) / S;

        samples += n;
        refills += n * S - set[part].picture[p].count;
    }
    repeats(&t, part, &again, &never);
    snprintf(why, sizeof why, "%u never, %u again, %u rows", never, again,
             t.rows);
    snprintf(title, sizeof title, "feed/%s-asks-all", name);
    if (spec->train)
        check(!never && again >= refills && t.rows == t.batches * R &&
                  again <= refills + spec->nbucket * (B - 1) * S &&
                  t.batches < samples / B + 1 + spec->nbucket,
              title, why);
    else
        check(!never && !again && t.rows == set[part].nquestion, title, why);
    snprintf(why, sizeof why, "%u rows wrong", t.wrong_pixels);
    snprintf(title, sizeof title, "feed/%s-pixels", name);
    check(!t.wrong_pixels, title, why);
    snprintf(why, sizeof why, "%u rows wrong", t.wrong_text);
    snprintf(title, sizeof title, "feed/%s-text", name);
    check(!t.wrong_text, title, why);
    snprintf(why, sizeof why, "%u mixed, %u misplaced", t.mixed, t.misplaced);
    snprintf(title, sizeof title, "feed/%s-buckets", name);
    check(!t.mixed && !t.misplaced, title, why);
    free(t.asked);
}

static void
right(void)
{
    FeedSpec fixed = training(2), scaled = multiscale(2), eval = training(2);

    eval.train = 0;
    contents("train", &fixed, 0);
    contents("multiscale", &scaled, 0);
    contents("eval", &eval, 1);
}

/* What would be refilled is left out, unless an epoch has nothing else. */
static void
drops(void)
{
    FeedSpec spec = training(2);
    u32 samples[2] = {0, 0}, refills = 0, again, never, left;
    u32 pictures = set[0].npicture;
    char why[128];
    Tally t;

    spec.drop_last = 1;
    for (u32 p = 0; p < pictures; p++) {
        const Picture *pic = &set[0].picture[p];
        FeedBucket target =
            bucket_target(&spec, (FeedBucket){pic->h, pic->w}, 48);
        u32 n = (pic->count + S - 1) / S;

        samples[bucket_choose(&spec, target)] += n;
        refills += n * S - pic->count;
    }
    t = tally_epoch(0, &spec);
    repeats(&t, 0, &again, &never);
    left = samples[0] % B + samples[1] % B;
    snprintf(why, sizeof why, "%u batches of %u and %u samples, %u again",
             t.batches, samples[0], samples[1], again);
    check(left > 0 && t.batches == samples[0] / B + samples[1] / B &&
              t.rows == t.batches * R && never > 0 && never <= left * S &&
              again <= refills,
          "feed/drops-the-last", why);
    free(t.asked);
    set[0].npicture = 1;
    t = tally_epoch(0, &spec);
    check(t.batches == 1 && t.rows == R, "feed/drops-not-all",
          "one picture gives no batch, or several");
    free(t.asked);
    set[0].npicture = pictures;
}

/* A picture larger than its only bucket is shrunk to fit. */
static void
shrinks(void)
{
    FeedSpec spec = training(0);
    static const FeedBucket small = {32, 32};
    Feed *feed;
    FeedBatch b;
    int good;

    spec.bucket = &small;
    spec.nbucket = 1;
    feed = open_feed(&spec, 0);
    good = feed && !next(feed, &b);
    for (u32 i = 0; good && i < B; i++)
        good = image_size[2 * i] <= 32 && image_size[2 * i + 1] <= 32 &&
               (image_size[2 * i] == 32 || image_size[2 * i + 1] == 32);
    check(good && feed_stats(feed).shrunk == B, "feed/shrinks-to-the-bucket",
          "a picture overflows or is too small");
    feed_close(feed);
}

static void
strangers(void)
{
    FeedSpec spec = training(0);
    Feed *feed;
    FeedBatch b;
    u32 own = 0, rows = 0;

    spec.train = 0;
    spec.strangers = 1;
    feed = open_feed(&spec, 1);
    while (feed && feed_tell(feed).epoch == 0 && !next(feed, &b))
        for (u32 i = 0; i < B; i++)
            if (b.question[i * S] != FEED_NONE) {
                own += (u32)pixels_right(1, &spec, &b, i);
                rows++;
            }
    check(rows > 0 && own == 0, "feed/strangers-are-other-pictures",
          "a question met its own picture");
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

/* ------------------------------------------------------------------- bad */

/* The training pictures in a folder, `bad` of them damaged. */
static int
unpack(const char *folder, u32 bad)
{
    Err e = {0};

    vfs->mkdir(folder, 0777);
    for (u32 p = 0; p < set[0].npicture; p++) {
        char member[128], path[192];
        u8 *data = NULL;
        u64 bytes;

        snprintf(member, sizeof member, "train2014/%s", set[0].picture[p].file);
        snprintf(path, sizeof path, "%s/%s", folder, set[0].picture[p].file);
        if (zip_read(&e, zip[0], member, &data, &bytes) ||
            replace_file(&e, path, data,
                         p % 7 == 3 && p / 7 < bad ? bytes / 2 : bytes))
            printf("# %s\n", e.text);
        free(data);
    }
    return !e.code;
}

/* Delivers two epochs; counts the messages about bad pictures. */
static int
run_bad(u32 bad, int train, u32 count, u32 *told, u32 *crc, Err *e)
{
    FeedSpec spec = training(count);
    char folder[128];
    FeedSource source = {.prefix = ""};
    Feed *feed = NULL;
    FeedBatch b;

    snprintf(folder, sizeof folder, "%s/bad", room);
    *told = *crc = 0;
    spec.train = train;
    if (unpack(folder, bad) && !zip_open_at(e, folder, &source.images) &&
        !feed_open(e, &set[0], &source, 1, words, &spec, &feed))
        while (feed_tell(feed).epoch < 2 && !feed_next(e, feed, doors, &b)) {
            *crc = sum_batch(*crc, &spec, &b);
            *told += b.nbad;
            for (u32 i = 0; i < b.nbad; i++)
                *told += 100 * !strstr(b.bad[i], set[0].picture[3].file);
        }
    feed_close(feed);
    zip_close_at(source.images);
    return e->code;
}

static void
bad_pictures(void)
{
    Err e[4] = {{0}};
    u32 told[4], crc[4];
    int code[4];

    code[0] = run_bad(1, 1, 0, &told[0], &crc[0], &e[0]);
    code[1] = run_bad(1, 1, 3, &told[1], &crc[1], &e[1]);
    code[2] = run_bad(3, 1, 2, &told[2], &crc[2], &e[2]);
    code[3] = run_bad(1, 0, 2, &told[3], &crc[3], &e[3]);
    check(!code[0] && told[0] == 1 && !code[1] && told[1] == 1,
          "feed/bad-picture-is-told-once", e[0].text);
    check(crc[0] == crc[1], "feed/bad-picture-is-replaced-by-rule",
          "0 and 3 workers differ");
    check(code[2] == SOHO_BAD && strstr(e[2].text, "pictures cannot be read"),
          "feed/many-bad-pictures-stop", e[2].text);
    check(code[3] == SOHO_BAD && strstr(e[3].text, set[0].picture[3].file),
          "feed/bad-picture-stops-evaluation", e[3].text);
}

/* ------------------------------------------------------------------ room */

static int
open_part(u32 part)
{
    static const char *const name[] = {"train", "val"};
    const char *label[ANSWERS];
    char path[128];
    Err e = {0};

    for (u32 a = 0; a < ANSWERS; a++)
        label[a] = ask_answer(a);
    snprintf(path, sizeof path, "%s/%s_data_vqa.json", room, name[part]);
    if (!vqa_open(&e, path, words, T, A, label, 1, &set[part])) {
        snprintf(path, sizeof path, "%s/%s2014.zip", room, name[part]);
        zip_open_at(&e, path, &zip[part]);
    }
    if (e.code)
        printf("# %s\n", e.text);
    return !e.code;
}

static int
open_room(void)
{
    ShapesSpec spec = {room, {50, 25}, 4, 64, 48};
    ShapesReport report;
    u8 *text = NULL;
    u64 bytes;
    char path[128];
    Err e = {0};

    snprintf(room, sizeof room, "%s", "/tmp/soho-feed-XXXXXX");
    if (!mkdtemp(room) || shapes_make(&e, &spec, &report))
        return 0;
    snprintf(path, sizeof path, "%s/vocab.txt", room);
    if (vfs_read_file(&e, path, 1 << 20, &text, &bytes) ||
        words_open(&e, path, text, bytes, &words))
        return 0;
    free(text);
    for (u32 i = 0; i < FEED_BUCKETS; i++)
        doors[i] = (FeedDoors){.image = image,
                               .image_size = image_size,
                               .tokens = tokens,
                               .token_mask = token_mask,
                               .answers = answers};
    return open_part(0) && open_part(1);
}

static void
close_room(void)
{
    char path[128];
    Err e = {0};

    for (u32 part = 0; part < 2; part++) {
        vqa_close(&set[part]);
        zip_close_at(zip[part]);
    }
    words_close(words);
    snprintf(path, sizeof path, "%s/bad", room);
    vfs_remove_dir(&e, path);
    vfs_remove_dir(&e, room);
}

int
main(void)
{
    if (!open_room()) {
        printf("not ok feed/opens: the set could not be made or read\n");
        return 1;
    }
    workers();
    cache();
    cache_bound();
    wrong_sizes();
    seeking();
    right();
    drops();
    shrinks();
    strangers();
    steady();
    bad_pictures();
    close_room();
    return failed;
}
