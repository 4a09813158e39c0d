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

enum {
    MEMBER_MAX = 8192, /* bytes of a member's name */
    MARGIN = 1 << 20   /* what a file may hold besides its pixels */
};

static const FeedSource *
source_of(const Gallery *g, u32 picture)
{
    u32 i = g->nsource - 1;

    while (g->source[i].first > picture)
        i--;
    return &g->source[i];
}

static int
member_name(Err *e, const Gallery *g, u32 picture, char to[MEMBER_MAX])
{
    const char *file = g->set->picture[picture].file;
    const char *prefix = source_of(g, picture)->prefix;
    int n =
        snprintf(to, MEMBER_MAX, "%s%s%s", prefix, prefix[0] ? "/" : "", file);

    FAIL_IF(n >= MEMBER_MAX, e, SOHO_BAD,
            "%.64s...: name of %d bytes, at most "
            "%d are possible",
            file, n, MEMBER_MAX - 1);
    return 0;
}

static int
decode(Err *e, const Gallery *g, u32 picture, Desk *desk, Image *image)
{
    char name[MEMBER_MAX], shown[512];
    u64 bytes;

    TRY(member_name(e, g, picture, name));
    TRY(zip_read_into(e, source_of(g, picture)->images, name, &desk->member,
                      &bytes));
    err_clean(shown, sizeof shown, name, strlen(name));
    return image_decode_into(e, shown, desk->member.at, bytes, &desk->pixels,
                             image);
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
    Desk desk = {0};

    for (u32 p = 0; p < g->set->npicture && !e->code; p++) {
        const Picture *from = &g->set->picture[p];
        Image image;
        Err own = {0};

        if (from->h > 0 && from->w > 0)
            image = (Image){.h = from->h, .w = from->w};
        else if (decode(&own, g, p, &desk, &image))
            image = (Image){.h = 1, .w = 1};
        g->size[p] = (FeedBucket){image.h, image.w};
        if (own.code == SOHO_MEMORY)
            err_set(e, own.code, "%s", own.text);
    }
    desk_close(&desk);
    return e->code;
}

int
gallery_open(Err *e, const Vqa *set, const FeedSource *source, u32 nsource,
             const FeedSpec *spec, Gallery *g)
{
    *g = (Gallery){
        .set = set, .source = source, .nsource = nsource, .spec = spec};
    g->size = calloc((u64)set->npicture + 1, sizeof *g->size);
    FAIL_IF(!g->size, e, SOHO_MEMORY, "no memory for the sizes of %u pictures",
            set->npicture);
    TRY(measure(e, g));
    return cache_open(e, g);
}

void
gallery_close(Gallery *g)
{
    free(g->size);
    free(g->cache.data);
    free(g->cache.offset);
    free(g->cache.size);
    free(g->cache.state);
}

/* ------------------------------------------------------------------ desk */

/* Bytes of the largest picture of the set, as it is stored. */
static u64
largest_area(const Gallery *g)
{
    u64 most = 0;

    for (u32 p = 0; p < g->set->npicture; p++)
        most = (u64)max_i64((i64)most, (i64)area_bytes(g->size[p]));
    return (u64)min_i64((i64)most, 3ll * IMAGE_MAX_PIXELS);
}

/* Bytes of the largest file.  A folder tells no sizes, but few files are larger
 * than their pixels. */
static u64
largest_member(const Gallery *g, u64 pixels)
{
    u64 most = 0;

    for (u32 i = 0; i < g->nsource; i++) {
        u64 bytes = zip_largest(g->source[i].images);

        bytes = bytes ? bytes : pixels + MARGIN;
        most = bytes > most ? bytes : most;
    }
    return most;
}

int
desk_open(Err *e, const Gallery *g, Desk *desk)
{
    u64 pixels = largest_area(g), member = largest_member(g, pixels);
    u64 lines = 0;

    for (u32 b = 0; b < g->spec->nbucket; b++) {
        FeedBucket size = g->spec->bucket[b];

        lines =
            (u64)max_i64((i64)lines, (i64)resize_scratch(0, 0, size.h, size.w));
    }
    TRY(buffer_reserve(e, &desk->member, member + 1, "the file of a picture"));
    TRY(buffer_reserve(e, &desk->pixels, pixels, "the pixels of a picture"));
    return buffer_reserve(e, &desk->lines, lines, "resizing a picture");
}

void
desk_close(Desk *desk)
{
    buffer_free(&desk->member);
    buffer_free(&desk->pixels);
    buffer_free(&desk->lines);
}

/* --------------------------------------------------------------- putting */

static int
resize(Err *e, const Gallery *g, const Image *image, FeedBucket bucket,
       i32 shortest, Buffer *lines, u8 *to, FeedBucket *size)
{
    FeedBucket from = {image->h, image->w};
    FeedBucket n =
        bucket_fit(bucket, from, bucket_target(g->spec, from, shortest));

    TRY(buffer_reserve(e, lines, resize_scratch(image->h, image->w, n.h, n.w),
                       "resizing a picture"));
    resize_u8(image->rgb, image->h, image->w, to, n.h, n.w, (u64)bucket.w * 3,
              lines->at);
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
            int home, Desk *desk, u8 *to, FeedBucket *size)
{
    Image image;

    if (!home || !cache_get(&g->cache, picture, bucket, to, size)) {
        TRY(decode(e, g, picture, desk, &image));
        TRY(resize(e, g, &image, bucket, shortest, &desk->lines, to, size));
        if (home)
            cache_put(&g->cache, picture, bucket, to, *size);
    }
    pad(to, bucket, *size);
    return 0;
}
