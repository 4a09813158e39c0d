/* feed_rows.c - the loader over a small made set: what is delivered is right,
 * whole and in one bucket, also where pictures are damaged. */
#include "feedcheck.h"

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

static void
tests(void)
{
    right();
    drops();
    shrinks();
    strangers();
    bad_pictures();
}

int
main(void)
{
    return in_feed_room(tests);
}
