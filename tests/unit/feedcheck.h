/* feedcheck.h - what the tests of the loader share: a small made set, feeds
 * over it, and checksums of what they deliver. */
#ifndef FEEDCHECK_H
#define FEEDCHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "runtime/data/data.h"
#include "runtime/data/feed.h"
#include "runtime/data/shapes.h"
#include "runtime/random.h"
#include "runtime/replace.h"
#include "runtime/vfs.h"

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

/* The tests over that set. */
static int
in_feed_room(void (*tests)(void))
{
    if (!open_room()) {
        printf("not ok feed/opens: the set could not be made or read\n");
        return 1;
    }
    tests();
    close_room();
    return failed;
}

#endif
