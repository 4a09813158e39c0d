/* buckets.c - `soho-rt data buckets`: padded sizes chosen from a data set's own
 * pictures.
 *
 * In: the heights and widths of an annotation file (the pictures are not
 * opened), how training resizes.  Out: a --set option for sohoc, and what
 * part of the pixels will be padding.
 *
 * Buckets are found by adding, to the one that holds everything, the one that
 * saves most, and exchanging single ones as long as that saves; a few more than
 * wanted are tried, too, of which those that are missed least go.  That is a
 * local optimum.  Where the shorter side is drawn, sizes are counted for SCALES
 * values of it. */
#include "runtime/data/buckets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cmd.h"
#include "runtime/data/vqa_own.h"
#include "runtime/dataset.h"

enum {
    ROOM = BUCKETS_MOST + 2,
    SCALES = 17,
    SIDES = BUCKETS_SIDE / BUCKETS_STEP + 1
};

typedef struct Sizes {
    List cell; /* SizeCell, sorted after counting */
    u32 *slot; /* [SLOTS] 1 + number of a cell, 0: free */
    u64 pictures, unknown, small;
    u64 pixels;
    i32 longest, shortest[2]; /* as asked for */
} Sizes;

enum { SLOTS = 1 << 16 };

/* ---------------------------------------------------------------- choosing */

static int
holds(FeedBucket b, FeedBucket size)
{
    return size.h <= b.h && size.w <= b.w;
}

static u64
area(FeedBucket b)
{
    return (u64)b.h * (u64)b.w;
}

/* Pixels that the buckets compute; UINT64_MAX where a cell fits into none. */
static u64
cost(const SizeCell *cell, u32 n, const FeedBucket *bucket, u32 nbucket)
{
    u64 sum = 0;

    for (u32 i = 0; i < n; i++) {
        u64 best = UINT64_MAX;

        for (u32 b = 0; b < nbucket; b++)
            if (holds(bucket[b], cell[i].size) && area(bucket[b]) < best)
                best = area(bucket[b]);
        if (best == UINT64_MAX)
            return best;
        sum += best * cell[i].n;
    }
    return sum;
}

/* Puts the best size into bucket[at] of nbucket, if it is better than `now`. */
static u64
improve(const SizeCell *cell, u32 n, FeedBucket *bucket, u32 nbucket, u32 at,
        u64 now)
{
    FeedBucket best = bucket[at];
    u8 high[SIDES] = {0}, wide[SIDES] = {0};

    for (u32 i = 0; i < n; i++) {
        high[cell[i].size.h / BUCKETS_STEP] = 1;
        wide[cell[i].size.w / BUCKETS_STEP] = 1;
    }
    for (i32 h = 1; h < SIDES; h++)
        for (i32 w = 1; high[h] && w < SIDES; w++) {
            u64 c;

            if (!wide[w])
                continue;
            bucket[at] = (FeedBucket){h * BUCKETS_STEP, w * BUCKETS_STEP};
            c = cost(cell, n, bucket, nbucket);
            if (c < now) {
                now = c;
                best = bucket[at];
            }
        }
    bucket[at] = best;
    return now;
}

/* Exchanges single buckets as long as that saves. */
static u64
exchange(const SizeCell *cell, u32 n, FeedBucket *bucket, u32 nbucket, u64 now)
{
    u64 before;

    do {
        before = now;
        for (u32 b = 0; b < nbucket; b++)
            now = improve(cell, n, bucket, nbucket, b, now);
    } while (now < before);
    return now;
}

/* Takes out the bucket that is missed least. */
static u64
drop(const SizeCell *cell, u32 n, FeedBucket *bucket, u32 *nbucket)
{
    FeedBucket rest[ROOM], best[ROOM];
    u64 least = UINT64_MAX;

    for (u32 b = 0; b < *nbucket; b++) {
        u64 c;

        memcpy(rest, bucket, *nbucket * sizeof *bucket);
        rest[b] = rest[*nbucket - 1];
        c = cost(cell, n, rest, *nbucket - 1);
        if (c < least) {
            least = c;
            memcpy(best, rest, sizeof best);
        }
    }
    if (least == UINT64_MAX) /* each holds what no other does */
        return least;
    memcpy(bucket, best, --*nbucket * sizeof *bucket);
    return least;
}

/* Grows to `grown` buckets, or to where more of them save nothing, and shrinks
 * to `most`; UINT64_MAX where that does not go. */
static u64
grow(const SizeCell *cell, u32 n, u32 grown, u32 most, FeedBucket *bucket,
     u32 *count)
{
    u64 now = cost(cell, n, bucket, *count = 1);

    while (*count < grown) {
        u64 before = now;

        bucket[*count] = bucket[0];
        now = improve(cell, n, bucket, *count + 1, *count, before);
        if (now == before)
            break;
        now = exchange(cell, n, bucket, ++*count, now);
    }
    while (*count > most && now != UINT64_MAX)
        now = drop(cell, n, bucket, count);
    return now == UINT64_MAX ? now : exchange(cell, n, bucket, *count, now);
}

u32
buckets_choose(const SizeCell *cell, u32 n, u32 most,
               FeedBucket chosen[BUCKETS_MOST], u64 *pixels)
{
    FeedBucket whole = {0, 0};
    u32 best = 0;

    for (u32 i = 0; i < n; i++) {
        whole.h = (i32)max_i64(whole.h, cell[i].size.h);
        whole.w = (i32)max_i64(whole.w, cell[i].size.w);
    }
    *pixels = UINT64_MAX;
    for (u32 more = 0; more <= ROOM - BUCKETS_MOST; more++) {
        FeedBucket bucket[ROOM] = {whole};
        u32 count;
        u64 now = grow(cell, n, most + more, most, bucket, &count);

        if (now >= *pixels)
            continue;
        *pixels = now;
        memcpy(chosen, bucket, (best = count) * sizeof *bucket);
    }
    return best;
}

/* ----------------------------------------------------------------- counting */

static i32
padded(i32 side)
{
    return (side + BUCKETS_STEP - 1) / BUCKETS_STEP * BUCKETS_STEP;
}

static SizeCell *
find_cell(Err *e, Sizes *s, FeedBucket size)
{
    u32 i = (u32)(size.h / BUCKETS_STEP * 2049 + size.w / BUCKETS_STEP);
    SizeCell *cell;

    for (i %= SLOTS; s->slot[i]; i = (i + 1) % SLOTS) {
        cell = (SizeCell *)(void *)s->cell.at + s->slot[i] - 1;
        if (cell->size.h == size.h && cell->size.w == size.w)
            return cell;
    }
    if (s->cell.n == SLOTS / 2) {
        err_set(e, SOHO_BAD, "more than %d different sizes", SLOTS / 2);
        return NULL;
    }
    cell = list_add(e, &s->cell, 1);
    if (!cell)
        return NULL;
    *cell = (SizeCell){.size = size};
    s->slot[i] = (u32)s->cell.n;
    return cell;
}

static int
add_picture(Err *e, Sizes *s, FeedBucket picture)
{
    i32 low = s->shortest[0], high = s->shortest[1];
    u32 steps = low == high ? 1 : SCALES;

    for (u32 k = 0; k < steps; k++) {
        i32 shorter =
            low + (i32)((u32)(high - low) * k / (steps > 1 ? steps - 1 : 1));
        FeedBucket size;
        SizeCell *cell;

        image_target(picture.h, picture.w, s->longest, shorter, &size.h,
                     &size.w);
        cell = find_cell(e, s, (FeedBucket){padded(size.h), padded(size.w)});
        if (!cell)
            return e->code;
        cell->n++;
        cell->pixels += area(size);
        s->pixels += area(size);
    }
    s->pictures++;
    return 0;
}

/* ------------------------------------------------------------------ reading */

typedef struct Reader {
    Json j;
    Sizes *to;
    char *text; /* VQA_MAX_TEXT */
    char last[PICTURE_FILE];
} Reader;

static int
end_item(Reader *r, const char *file, FeedBucket size)
{
    /* In the flat form a picture comes once for each question. */
    if (file[0] && !strcmp(file, r->last))
        return 0;
    memcpy(r->last, file, PICTURE_FILE);
    if (size.h < 1 || size.w < 1) {
        r->to->unknown++;
        return 0;
    }
    if (min_i64(size.h, size.w) < SHORTEST_SIDE) {
        r->to->small++;
        return 0;
    }
    return add_picture(r->j.err, r->to, size);
}

static int
read_item(Reader *r)
{
    char file[PICTURE_FILE] = "";
    FeedBucket size = {0, 0};
    int more;
    u64 n;

    TRY(json_object(&r->j));
    for (;;) {
        TRY(json_next(&r->j, &more));
        if (!more)
            return end_item(r, file, size);
        TRY(json_key_text(&r->j, r->text, VQA_MAX_TEXT, &n));
        if (json_is(r->text, n, "file_name"))
            TRY(picture_file(&r->j, file));
        else if (json_is(r->text, n, "height"))
            TRY(picture_side(&r->j, &size.h));
        else if (json_is(r->text, n, "width"))
            TRY(picture_side(&r->j, &size.w));
        else
            TRY(json_skip(&r->j));
    }
}

static int
read_items(Reader *r)
{
    int more;

    TRY(json_array(&r->j));
    for (;;) {
        TRY(json_next(&r->j, &more));
        if (!more)
            return 0;
        TRY(read_item(r));
    }
}

/* The VQA form has its items under "data", that of pre-training has nothing
 * else. */
static int
read_top(Reader *r)
{
    int more;
    u64 n;

    if (json_peek(&r->j) == JSON_ARRAY) {
        TRY(read_items(r));
        return json_end(&r->j);
    }
    TRY(json_object(&r->j));
    for (;;) {
        TRY(json_next(&r->j, &more));
        if (!more)
            return json_end(&r->j);
        TRY(json_key_text(&r->j, r->text, VQA_MAX_TEXT, &n));
        TRY(json_is(r->text, n, "data") ? read_items(r) : json_skip(&r->j));
    }
}

static int
read_file(Err *e, const char *path, Sizes *to)
{
    Reader r = {.to = to, .text = malloc(VQA_MAX_TEXT)};

    if (!r.text)
        err_set(e, SOHO_MEMORY, "%s: no memory to read it", path);
    else if (!json_open(&r.j, e, path))
        read_top(&r);
    json_close(&r.j);
    free(r.text);
    return e->code;
}

/* ------------------------------------------------------------------ command */

typedef struct Wanted {
    TextList data;
    const char *split;
    u64 count, longest, shortest, most_short;
} Wanted;

static int
read_sizes(Err *e, const Wanted *w, Sizes *s)
{
    char path[PATH_MAX];

    s->cell.size = sizeof(SizeCell);
    s->longest = (i32)w->longest;
    s->shortest[0] = (i32)w->shortest;
    s->shortest[1] = (i32)(w->most_short ? w->most_short : w->shortest);
    s->slot = calloc(SLOTS, sizeof *s->slot);
    FAIL_IF(!s->slot, e, SOHO_MEMORY, "no memory to count sizes");
    for (u32 i = 0; i < w->data.n; i++) {
        PlanData kind = {.captions = 0};

        if (!dataset_json(&kind, w->data.at[i], w->split, path))
            kind.captions = 1;
        if (kind.captions &&
            !dataset_json(&kind, w->data.at[i], w->split, path))
            return err_set(e, SOHO_IO,
                           "%s: has neither %s_data_vqa.json nor "
                           "%s_data_caps.json",
                           w->data.at[i], w->split, w->split);
        TRY(read_file(e, path, s));
    }
    FAIL_IF(!s->pictures, e, SOHO_BAD,
            "no picture with height and width in the annotations; %llu have "
            "none, %llu are smaller than %d pixels",
            (unsigned long long)s->unknown, (unsigned long long)s->small,
            SHORTEST_SIDE);
    return 0;
}

static f64
percent_padding(u64 computed, u64 pixels)
{
    return 100 * (1 - (f64)pixels / (f64)computed);
}

/* One line for each bucket: what comes to it, and its padding. */
static void
print_bucket(const Sizes *s, const FeedBucket *bucket, u32 nbucket, u32 b)
{
    const SizeCell *cell = (const SizeCell *)(const void *)s->cell.at;
    u64 n = 0, all = 0, pixels = 0;

    for (u64 i = 0; i < s->cell.n; i++) {
        u32 best = nbucket;

        for (u32 k = 0; k < nbucket; k++)
            if (holds(bucket[k], cell[i].size) &&
                (best == nbucket || area(bucket[k]) < area(bucket[best])))
                best = k;
        all += cell[i].n;
        n += best == b ? cell[i].n : 0;
        pixels += best == b ? cell[i].pixels : 0;
    }
    printf("%5d x %-5d %5.1f %% of the samples, padding %.1f %%\n", bucket[b].h,
           bucket[b].w, 100 * (f64)n / (f64)all,
           n ? percent_padding(n * area(bucket[b]), pixels) : 0);
}

static void
print_choice(const Sizes *s, u32 most)
{
    const SizeCell *cell = (const SizeCell *)(const void *)s->cell.at;
    FeedBucket chosen[BUCKETS_MOST], one[BUCKETS_MOST];
    u64 pixels, whole;
    u32 n = buckets_choose(cell, (u32)s->cell.n, most, chosen, &pixels);

    printf("%llu pictures in %llu padded sizes",
           (unsigned long long)s->pictures, (unsigned long long)s->cell.n);
    if (s->unknown || s->small)
        printf("; %llu of unknown size and %llu below %d pixels not counted",
               (unsigned long long)s->unknown, (unsigned long long)s->small,
               SHORTEST_SIDE);
    printf("\n");
    for (u32 b = 0; b < n; b++)
        print_bucket(s, chosen, n, b);
    buckets_choose(cell, (u32)s->cell.n, 1, one, &whole);
    printf("padding %.1f %% of the pixels computed; with one bucket, %d x %d, "
           "%.1f %%\n--set buckets=",
           percent_padding(pixels, s->pixels), one[0].h, one[0].w,
           percent_padding(whole, s->pixels));
    for (u32 b = 0; b < n; b++)
        printf("%s%dx%d", b ? "," : "", chosen[b].h, chosen[b].w);
    printf("\n");
}

static int
check_wanted(Err *e, const Wanted *w)
{
    u64 most_short = w->most_short ? w->most_short : w->shortest;

    FAIL_IF(w->count < 1 || w->count > BUCKETS_MOST, e, SOHO_USAGE,
            "--count: 1 to %d buckets", BUCKETS_MOST);
    FAIL_IF(w->shortest < 1 || most_short < w->shortest ||
                w->longest < most_short || w->longest > BUCKETS_SIDE,
            e, SOHO_USAGE,
            "--long, --short, --most-short: sides of 1 to %d pixels, the "
            "longest last",
            BUCKETS_SIDE);
    return 0;
}

int
cmd_buckets(int argc, char **argv)
{
    Wanted w = {.split = "train", .count = 2};
    const Option options[] = {
        {OPT_LIST, "--data", "DIR", &w.data, 1,
         "folder with the annotations; several are one data set"},
        {OPT_TEXT, "--split", "S", &w.split, 0, "which split (train)"},
        {OPT_COUNT, "--long", "L", &w.longest, 1,
         "pixels of the longer side, at most"},
        {OPT_COUNT, "--short", "S", &w.shortest, 1,
         "pixels of the shorter side"},
        {OPT_COUNT, "--most-short", "S", &w.most_short, 0,
         "the shorter side is drawn up to this"},
        {OPT_COUNT, "--count", "N", &w.count, 0, "buckets (2)"},
        {.kind = OPT_END},
    };
    static char word[] = "data buckets"; /* for messages */
    Sizes sizes = {.pictures = 0};
    Err e = {0};
    int code;

    argv[0] = word;
    code = cmd_options(options,
                       "Chooses picture sizes that waste little on padding.",
                       argc, argv);
    if (code >= 0)
        return code;
    if (!check_wanted(&e, &w) && !read_sizes(&e, &w, &sizes))
        print_choice(&sizes, (u32)w.count);
    free(sizes.cell.at);
    free(sizes.slot);
    return e.code ? cmd_fail(word, &e) : 0;
}
