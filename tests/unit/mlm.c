/* mlm.c - batches of pre-training: the shares of what is drawn, that labels say
 * what stood there, and that neither workers nor seeking change a bit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK_PART "mlm/"
#include "check.h"
#include "runtime/data/feed_own.h"
#include "runtime/data/shapes.h"
#include "runtime/random.h"
#include "runtime/vfs.h"

enum { B = 4, S = 3, T = 12, R = B * S, H = 48, W = 64, PICTURES = 60 };

static char room[64];
static Words *words;
static Vqa set;
static FeedSource source = {.prefix = "train2014"};

static u8 image[B * H * W * 3];
static i32 image_size[B * 2], tokens[R * T], token_mask[R * T];
static i32 mlm_labels[R * T], itm_labels[R];
static const FeedDoors doors[] = {{.image = image,
                                   .image_size = image_size,
                                   .tokens = tokens,
                                   .token_mask = token_mask,
                                   .mlm_labels = mlm_labels,
                                   .itm_labels = itm_labels}};
static const FeedBucket bucket = {H, W};

static FeedSpec
spec_of(u32 workers, int train)
{
    return (FeedSpec){.bucket = &bucket,
                      .nbucket = 1,
                      .batch = B,
                      .sentences = S,
                      .tokens = T,
                      .longest = 64,
                      .shortest = {40, 48},
                      .seed = 5,
                      .workers = workers,
                      .train = train,
                      .captions = 1};
}

static Feed *
open_feed(const FeedSpec *spec)
{
    Feed *feed;
    Err e = {0};

    if (feed_open(&e, &set, &source, 1, words, spec, &feed))
        printf("# %s\n", e.text);
    return feed;
}

static int
next(Feed *feed, FeedBatch *b)
{
    Err e = {0};

    if (feed_next(&e, feed, doors, b))
        printf("# %s\n", e.text);
    return e.code;
}

static u32
sum_batch(u32 crc, const FeedBatch *b)
{
    crc = random_crc32(crc, image, sizeof image);
    crc = random_crc32(crc, tokens, sizeof tokens);
    crc = random_crc32(crc, token_mask, sizeof token_mask);
    crc = random_crc32(crc, mlm_labels, sizeof mlm_labels);
    crc = random_crc32(crc, itm_labels, sizeof itm_labels);
    return random_crc32(crc, b->question, R * sizeof *b->question);
}

/* ------------------------------------------------------------------ golden */

/* Made by tests/oracle/mlm.py. */
static const u32 golden_row[] = {103, 105, 106};
static const i32 golden[][2][T] = {
    {{2, 5, 6, 7, 8, 9, 10, 11, 12, 13, 3, 0},
     {-100, -100, -100, 7, -100, -100, -100, -100, -100, -100, -100, -100}},
    {{2, 5, 6, 4, 8, 9, 10, 4, 4, 13, 3, 0},
     {-100, -100, -100, 7, -100, -100, -100, 11, 12, -100, -100, -100}},
    {{2, 5, 6, 7, 8, 9, 19, 36, 12, 4, 3, 0},
     {-100, -100, -100, -100, -100, -100, 10, 11, -100, 13, -100, -100}},
};
static const u32 golden_itm[] = {9, 0, 1, 12, 0, 3, 6,  14, 0, 3, 1, 0,
                                 1, 3, 3, 0,  6, 1, 10, 1,  6, 0, 0, 0};

static void
rows_by_rule(void)
{
    static const char list[] =
        "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n5\n6\n7\n8\n9\n10\n11\n12\n"
        "13\n14\n15\n16\n17\n18\n19\n20\n21\n22\n23\n24\n25\n26\n27\n28\n29\n"
        "30\n31\n32\n33\n34\n35\n36\n37\n38\n39\n";
    FeedSpec spec = {.tokens = T, .seed = 5};
    Words *forty;
    Err e = {0};
    int good =
        !words_open(&e, "list", (const u8 *)list, sizeof list - 1, &forty);

    for (u32 i = 0; good && i < countof(golden_row); i++) {
        i32 ids[T] = {2, 5, 6, 7, 8, 9, 10, 11, 12, 13, 3, 0}, labels[T];

        mlm_row(&spec, forty, 3, golden_row[i], ids, labels);
        good = !memcmp(ids, golden[i][0], sizeof ids) &&
               !memcmp(labels, golden[i][1], sizeof labels);
    }
    check(good, "words-by-rule", "other words than Python's");
    words_close(forty);
}

static void
sentences_by_rule(void)
{
    Picture picture[5] = {{.first = 0, .count = 1},
                          {.first = 1, .count = 2},
                          {.first = 3, .count = 3},
                          {.first = 6, .count = 4},
                          {.first = 10, .count = 5}};
    Vqa five = {.picture = picture, .npicture = 5};
    FeedSpec spec = {.sentences = 2, .seed = 9};
    Sample sample[12];
    Order order = {.set = &five, .spec = &spec, .sample = sample, .epoch = 2};
    int good = 1;

    for (u32 s = 0; s < 12; s++)
        sample[s] = (Sample){s % 5, 0};
    for (u32 n = 0; n < 24; n++)
        good &= itm_sentence(&order, n / 2, n % 2, picture[n / 2 % 5].first) ==
                golden_itm[n];
    check(good, "sentences-by-rule", "other sentences than Python's");
}

/* ------------------------------------------------------------------ shares */

typedef struct Tally {
    u64 words, asked, masked, other, rows, matching;
    u32 wrong;  /* ids or labels that do not belong together */
    u32 *shown; /* per sentence, beside its own picture or not */
} Tally;

static void
tally_row(const FeedBatch *b, u32 r, Tally *t)
{
    const Question *q = &set.question[b->question[r]];

    t->rows++;
    t->matching += itm_labels[r] == 1;
    t->wrong += itm_labels[r] != 0 && itm_labels[r] != 1;
    t->shown[b->question[r]]++;
    for (u32 i = 0; i < T; i++) {
        u32 at = r * T + i;
        i32 was = i < q->ntoken ? set.token[q->token + i] : 0;
        i32 is = tokens[at], label = mlm_labels[at];

        t->wrong += token_mask[at] != (i < q->ntoken);
        t->words += !words_special(words, was);
        t->wrong += label == -100 ? is != was : label != was;
        if (label == -100)
            continue;
        t->wrong += words_special(words, was);
        t->asked++;
        t->masked += is == (i32)words_mask(words);
        t->other += is != (i32)words_mask(words) && is != was;
    }
}

/* Are the sentences with label 1 of a sample one picture's, the others not? */
static u32
tally_matches(const FeedBatch *b)
{
    u32 wrong = 0;

    for (u32 i = 0; i < B; i++) {
        u32 own = FEED_NONE;

        for (u32 r = i * S; r < i * S + S; r++)
            if (itm_labels[r])
                own = set.question[b->question[r]].image;
        for (u32 r = i * S; own != FEED_NONE && r < i * S + S; r++)
            wrong +=
                itm_labels[r] != (set.question[b->question[r]].image == own);
    }
    return wrong;
}

static int
near(f64 share, f64 wanted, f64 by)
{
    return share > wanted - by && share < wanted + by;
}

static void
shares(void)
{
    FeedSpec spec = spec_of(1, 1);
    Feed *feed = open_feed(&spec);
    Tally t = {.shown = calloc(set.nquestion, sizeof(u32))};
    FeedBatch b;
    u32 batches = 0, mixed = 0, never = 0;
    char why[256];

    while (feed && feed_tell(feed).epoch < 40 && !next(feed, &b)) {
        for (u32 r = 0; r < R; r++)
            tally_row(&b, r, &t);
        mixed += tally_matches(&b);
        batches++;
    }
    for (u32 q = 0; q < set.nquestion; q++)
        never += !t.shown[q];
    snprintf(why, sizeof why,
             "%u batches, %llu words, %llu asked, %llu masked, %llu other, "
             "%llu of %llu matching",
             batches, (unsigned long long)t.words, (unsigned long long)t.asked,
             (unsigned long long)t.masked, (unsigned long long)t.other,
             (unsigned long long)t.matching, (unsigned long long)t.rows);
    check(t.words > 40000 && !t.wrong && !mixed, "labels-say-what-stood-there",
          why);
    check(near((f64)t.asked / (f64)t.words, 0.15, 0.005) &&
              near((f64)t.masked / (f64)t.asked, 0.8, 0.015) &&
              near((f64)t.other / (f64)t.asked, 0.1, 0.015),
          "shares", why);
    check(near((f64)t.matching / (f64)t.rows, 0.5, 0.02), "half-match", why);
    check(!never, "all-are-shown", "a caption never came");
    free(t.shown);
    feed_close(feed);
}

/* -------------------------------------------------------------------- same */

static u32
sum_epochs(u32 workers, int train, u32 epochs)
{
    FeedSpec spec = spec_of(workers, train);
    Feed *feed = open_feed(&spec);
    FeedBatch b;
    u32 crc = 0;

    while (feed && feed_tell(feed).epoch < epochs && !next(feed, &b))
        crc = sum_batch(crc, &b);
    feed_close(feed);
    return crc;
}

static void
same(void)
{
    u32 one = sum_epochs(0, 1, 3), unseen = sum_epochs(0, 0, 1);

    check(one && one == sum_epochs(1, 1, 3) && one == sum_epochs(3, 1, 3),
          "workers-change-no-bit", "0, 1 and 3 workers differ");
    check(unseen && unseen == sum_epochs(3, 0, 1), "workers-change-no-bit-eval",
          "0 and 3 workers differ");
}

static void
seeks(void)
{
    FeedSpec spec = spec_of(1, 1);
    Feed *a = open_feed(&spec), *b = open_feed(&spec);
    FeedBatch batch;
    FeedCursor at = {0, 0};
    u32 sum = 0;
    Err e = {0};

    for (u32 i = 0; a && i < 50; i++) {
        at = feed_tell(a);
        next(a, &batch);
        sum = sum_batch(0, &batch);
    }
    check(b && !feed_seek(&e, b, at) && !next(b, &batch) &&
              sum_batch(0, &batch) == sum,
          "seek-is-exact", "the batch after a seek differs");
    feed_close(a);
    feed_close(b);
}

/* Evaluation: in the order of the file, every row holds a caption. */
static void
evaluates(void)
{
    FeedSpec spec = spec_of(0, 0);
    Feed *feed = open_feed(&spec);
    FeedBatch b;
    u32 rows = 0, full = 0, batches = 0;
    char why[64];

    while (feed && feed_tell(feed).epoch == 0 && !next(feed, &b)) {
        batches++;
        rows += b.rows;
        full += b.rows == R;
    }
    snprintf(why, sizeof why, "%u rows in %u batches", rows, batches);
    check(batches > 0 && full == batches, "eval-refills", why);
    feed_close(feed);
}

/* With one picture there is no other to take a sentence from. */
static void
alone(void)
{
    FeedSpec spec = spec_of(0, 1);
    u32 n = set.npicture, wrong = 0;
    Feed *feed;
    FeedBatch b;

    set.npicture = 1;
    feed = open_feed(&spec);
    for (u32 i = 0; feed && i < 5; i++) {
        next(feed, &b);
        for (u32 r = 0; r < R; r++)
            wrong += itm_labels[r] != 1;
    }
    check(feed && !wrong, "one-picture", "a sentence of no other picture");
    feed_close(feed);
    set.npicture = n;
}

/* -------------------------------------------------------------------- room */

static const char *
in_room(const char *name)
{
    static char path[128];

    snprintf(path, sizeof path, "%s/%s", room, name);
    return path;
}

/* Captions for the pictures of a set of shapes: 1 to 7 each. */
static int
write_captions(const Vqa *shapes)
{
    static const char *const text[] = {"what color is the circle",
                                       "how many shapes are there",
                                       "is there a red square"};
    FILE *f = fopen(in_room("caps.json"), "wb");

    for (u32 p = 0; f && p < shapes->npicture; p++) {
        fprintf(f,
                "%s{\"file_name\":\"%s\",\"height\":%d,\"width\":%d,"
                "\"captions\":[",
                p ? ",\n" : "[", shapes->picture[p].file, shapes->picture[p].h,
                shapes->picture[p].w);
        for (u32 i = 0; i < 1 + p % 7; i++)
            fprintf(f, "%s\"%s\"", i ? "," : "", text[(i + p) % 3]);
        fputs("]}", f);
    }
    return f && fputs("]\n", f) >= 0 && !fclose(f);
}

static int
open_room(Err *e)
{
    ShapesSpec spec = {room, {PICTURES, 20}, 4, W, H};
    ShapesReport report;
    Vqa shapes;
    u8 *text = NULL;
    u64 bytes;

    snprintf(room, sizeof room, "%s", "/tmp/soho-mlm-XXXXXX");
    if (!mkdtemp(room))
        return err_set(e, SOHO_IO, "no folder");
    TRY(shapes_make(e, &spec, &report));
    TRY(vfs_read_file(e, in_room("vocab.txt"), 1 << 20, &text, &bytes));
    words_open(e, "vocab.txt", text, bytes, &words);
    free(text);
    TRY(e->code);
    TRY(vqa_open(e, in_room("train_data_vqa.json"), words, T, ANSWERS, NULL, 1,
                 &shapes));
    FAIL_IF(!write_captions(&shapes), e, SOHO_IO, "cannot write captions");
    vqa_close(&shapes);
    TRY(zip_open_at(e, in_room("train2014.zip"), &source.images));
    return caps_open(e, in_room("caps.json"), words, T, 0, 1, &set);
}

int
main(void)
{
    Err e = {0};

    if (open_room(&e)) {
        printf("not ok mlm/opens: %s\n", e.text);
        return 1;
    }
    rows_by_rule();
    sentences_by_rule();
    shares();
    same();
    seeks();
    evaluates();
    alone();
    vqa_close(&set);
    zip_close_at(source.images);
    words_close(words);
    vfs_remove_dir(&e, room);
    return failed;
}
