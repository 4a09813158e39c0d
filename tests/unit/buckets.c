/* buckets.c - choosing padded sizes: everything fits, the pixels are counted
 * right, and little more of them are computed than with the best choice. */
#include <stdio.h>
#include <string.h>

#define CHECK_PART "buckets/"
#include "check.h"
#include "runtime/data/buckets.h"
#include "runtime/random.h"

/* Pixels by the rule, 0 where something fits nowhere. */
static u64
pixels_of(const SizeCell *cell, u32 n, const FeedBucket *b, u32 nb)
{
    u64 sum = 0;

    for (u32 i = 0; i < n; i++) {
        u64 best = 0;

        for (u32 k = 0; k < nb; k++) {
            u64 area = (u64)b[k].h * (u64)b[k].w;

            if (cell[i].size.h <= b[k].h && cell[i].size.w <= b[k].w &&
                (!best || area < best))
                best = area;
        }
        if (!best)
            return 0;
        sum += best * cell[i].n;
    }
    return sum;
}

enum { CELLS = 14, SIDE = 8 };

static void
random_cells(u32 seed, SizeCell cell[CELLS])
{
    memset(cell, 0, CELLS * sizeof *cell);
    for (u32 i = 0; i < CELLS; i++)
        cell[i] = (SizeCell){
            .size = {32 + 32 * (i32)random_below(seed, 1, 0, i, SIDE),
                     32 + 32 * (i32)random_below(seed, 2, 0, i, SIDE)},
            .n = 1 + random_below(seed, 3, 0, i, 100)};
}

/* The best pair of sizes by trying all. */
static u64
best_pair(const SizeCell *cell)
{
    u64 best = UINT64_MAX;

    for (u32 i = 0; i < SIDE * SIDE * SIDE * SIDE; i++) {
        u32 a = i / (SIDE * SIDE), b = i % (SIDE * SIDE);
        FeedBucket pair[2] = {
            {32 + 32 * (i32)(a / SIDE), 32 + 32 * (i32)(a % SIDE)},
            {32 + 32 * (i32)(b / SIDE), 32 + 32 * (i32)(b % SIDE)}};
        u64 pixels = pixels_of(cell, CELLS, pair, 2);

        if (pixels && pixels < best)
            best = pixels;
    }
    return best;
}

static void
near_the_best(void)
{
    u32 wrong = 0, far = 0, optimal = 0;
    char why[96];

    for (u32 seed = 1; seed <= 40; seed++) {
        SizeCell cell[CELLS];
        FeedBucket chosen[BUCKETS_MOST];
        u64 pixels, best, last = UINT64_MAX;

        random_cells(seed, cell);
        best = best_pair(cell);
        for (u32 most = 1; most <= BUCKETS_MOST; most++) {
            u32 n = buckets_choose(cell, CELLS, most, chosen, &pixels);

            wrong += n < 1 || n > most || pixels > last ||
                     pixels != pixels_of(cell, CELLS, chosen, n);
            last = pixels;
            if (most != 2)
                continue;
            far += pixels > best + best / 5;
            optimal += pixels == best;
        }
    }
    snprintf(why, sizeof why, "%u wrong, %u above 120 %%, %u of 40 the best",
             wrong, far, optimal);
    check(!wrong, "holds-all", why);
    check(!far && optimal >= 30, "near-the-best", why);
}

static void
two_ways(void)
{
    static const SizeCell cell[] = {
        {{608, 1024}, 700, 0}, {{1024, 608}, 300, 0}, {{608, 832}, 100, 0}};
    FeedBucket b[BUCKETS_MOST];
    u64 pixels;
    u32 n = buckets_choose(cell, 3, 2, b, &pixels);

    check(n == 2 && pixels == 1100ull * 608 * 1024 &&
              b[0].h * b[0].w == 608 * 1024 && b[1].h == b[0].w,
          "landscape-and-portrait", "not 608x1024 and 1024x608");
}

int
main(void)
{
    near_the_best();
    two_ways();
    return failed;
}
