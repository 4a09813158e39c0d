/* picture.c - from a member of the archive to the pixels of one batch row.
 *
 * In: a picture's number, a bucket, a short side.  Out: resized RGB in the
 * corner of the bucket, zeros around it.  With a fixed short side the result
 * never changes, and a cache of one block keeps as many as it has room for. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/data/feed_own.h"

enum { CACHE_EMPTY, CACHE_FILLING, CACHE_FULL };
#define CACHE_NO_ROOM UINT64_MAX

enum { MEMBER_MAX = 8192 };

static int
member_name(Err *e, const Gallery *g, u32 picture, char to[MEMBER_MAX])
{
    const char *file = g->set->picture[picture].file;
    int n = snprintf(to, MEMBER_MAX, "%s%s%s", g->prefix,
                     g->prefix[0] ? "/" : "", file);

    FAIL_IF(n >= MEMBER_MAX, e, SOHO_BAD,
            "%.64s...: name of %d bytes, at most "
            "%d are possible",
            file, n, MEMBER_MAX - 1);
    return 0;
}

static int
decode(Err *e, const Gallery *g, u32 picture, Image *image)
{
    char name[MEMBER_MAX], shown[512];
    u8 *data = NULL;
    u64 bytes;

    TRY(member_name(e, g, picture, name));
    TRY(zip_read(e, g->images, name, &data, &bytes));
    err_clean(shown, sizeof shown, name, strlen(name));
    image_decode(e, shown, data, bytes, image);
    free(data);
    return e->code;
}

/* ----------------------------------------------------------------- cache */

static u64
area_bytes(FeedBucket size)
{
    return (u64)size.h * (u64)size.w * 3;
}

/* What the set's own figures make of a picture. */
static FeedBucket
home_size(const Gallery *g, u32 picture)
{
    FeedBucket from = g->size[picture];
    FeedBucket target = bucket_target(g->spec, from, g->spec->shortest[0]);
    u32 bucket = bucket_choose(g->spec, target);

    return bucket_fit(g->spec->bucket[bucket], from, target);
}

/* One block, a span for each picture as long as there is room. */
static int
cache_open(Err *e, Gallery *g)
{
    Cache *c = &g->cache;
    u32 n = g->set->npicture;
    u64 used = 0;

    if (g->spec->shortest[0] != g->spec->shortest[1] || !g->spec->cache_bytes)
        return 0;
    c->offset = calloc(n, sizeof *c->offset);
    c->size = calloc(n, sizeof *c->size);
    c->state = calloc(n, sizeof *c->state);
    FAIL_IF(!c->offset || !c->size || !c->state, e, SOHO_MEMORY,
            "no memory to cache %u pictures", n);
    for (u32 p = 0; p < n; p++) {
        u64 bytes = area_bytes(c->size[p] = home_size(g, p));

        c->offset[p] = CACHE_NO_ROOM;
        if (used + bytes > g->spec->cache_bytes)
            continue;
        c->offset[p] = used;
        used += bytes;
    }
    c->data = malloc(used + 1);
    FAIL_IF(!c->data, e, SOHO_MEMORY,
            "no memory for a picture cache of %llu bytes",
            (unsigned long long)used);
    return 0;
}

/* Copies h rows of w pixels between distances of rows in bytes. */
static void
copy_rows(const u8 *from, u64 from_row, u8 *to, u64 to_row, FeedBucket size)
{
    for (i32 y = 0; y < size.h; y++)
        memcpy(to + (u64)y * to_row, from + (u64)y * from_row, (u64)size.w * 3);
}

static int
cache_get(Cache *c, u32 picture, FeedBucket bucket, u8 *to, FeedBucket *size)
{
    if (!c->data || atomic_load(&c->state[picture]) != CACHE_FULL)
        return 0;
    *size = c->size[picture];
    copy_rows(c->data + c->offset[picture], (u64)size->w * 3, to,
              (u64)bucket.w * 3, *size);
    return 1;
}

static void
cache_put(Cache *c, u32 picture, FeedBucket bucket, const u8 *from,
          FeedBucket size)
{
    u8 empty = CACHE_EMPTY;

    if (!c->data || c->offset[picture] == CACHE_NO_ROOM ||
        size.h != c->size[picture].h || size.w != c->size[picture].w ||
        !atomic_compare_exchange_strong(&c->state[picture], &empty,
                                        CACHE_FILLING))
        return;
    copy_rows(from, (u64)bucket.w * 3, c->data + c->offset[picture],
              (u64)size.w * 3, size);
    atomic_store(&c->state[picture], CACHE_FULL);
}

/* --------------------------------------------------------------- gallery */

/* Sizes that the annotation file does not give come from the pictures; one
 * that cannot be read counts as a square and is found bad when its turn
 * comes. */
static int
measure(Err *e, Gallery *g)
{
    for (u32 p = 0; p < g->set->npicture; p++) {
        const Picture *from = &g->set->picture[p];
        Image image = {1, 1, NULL};
        Err own = {0};

        if (from->h <= 0 || from->w <= 0) {
            decode(&own, g, p, &image);
            image_free(&image);
            FAIL_IF(own.code == SOHO_MEMORY, e, SOHO_MEMORY, "%s", own.text);
        }
        g->size[p] = from->h > 0 && from->w > 0
                         ? (FeedBucket){from->h, from->w}
                         : (FeedBucket){image.h, image.w};
    }
    return 0;
}

int
gallery_open(Err *e, const Vqa *set, Zip *images, const char *prefix,
             const FeedSpec *spec, Gallery *g)
{
    *g = (Gallery){.set = set, .images = images, .spec = spec};
    g->prefix = strdup(prefix);
    g->size = calloc((u64)set->npicture + 1, sizeof *g->size);
    FAIL_IF(!g->prefix || !g->size, e, SOHO_MEMORY,
            "no memory for the sizes of %u pictures", set->npicture);
    TRY(measure(e, g));
    return cache_open(e, g);
}

void
gallery_close(Gallery *g)
{
    free(g->prefix);
    free(g->size);
    free(g->cache.data);
    free(g->cache.offset);
    free(g->cache.size);
    free(g->cache.state);
}

static int
scratch_grow(Err *e, Scratch *s, u64 need)
{
    void *at;

    if (need <= s->room)
        return 0;
    at = realloc(s->at, need);
    FAIL_IF(!at, e, SOHO_MEMORY, "no memory to resize a picture: %llu bytes",
            (unsigned long long)need);
    s->at = at;
    s->room = need;
    return 0;
}

static int
resize(Err *e, const Gallery *g, const Image *image, FeedBucket bucket,
       i32 shortest, Scratch *scratch, u8 *to, FeedBucket *size)
{
    FeedBucket from = {image->h, image->w};
    FeedBucket n =
        bucket_fit(bucket, from, bucket_target(g->spec, from, shortest));

    TRY(scratch_grow(e, scratch, resize_scratch(image->h, image->w, n.h, n.w)));
    resize_u8(image->rgb, image->h, image->w, to, n.h, n.w, (u64)bucket.w * 3,
              scratch->at);
    *size = n;
    return 0;
}

/* Zeros right of and below a picture. */
static void
pad(u8 *to, FeedBucket bucket, FeedBucket size)
{
    u64 row = (u64)bucket.w * 3, used = (u64)size.w * 3;

    for (i32 y = 0; y < size.h; y++)
        memset(to + (u64)y * row + used, 0, row - used);
    memset(to + (u64)size.h * row, 0, (u64)(bucket.h - size.h) * row);
}

int
gallery_put(Err *e, Gallery *g, u32 picture, FeedBucket bucket, i32 shortest,
            int home, Scratch *scratch, u8 *to, FeedBucket *size)
{
    Image image = {0, 0, NULL};

    if (!home || !cache_get(&g->cache, picture, bucket, to, size)) {
        if (!decode(e, g, picture, &image))
            resize(e, g, &image, bucket, shortest, scratch, to, size);
        image_free(&image);
        if (e->code)
            return e->code;
        if (home)
            cache_put(&g->cache, picture, bucket, to, *size);
    }
    pad(to, bucket, *size);
    return 0;
}
