/* random.c - the counter generator against the published test vectors, the
 * site numbers against Python's zlib.crc32, and the shuffle's properties. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "runtime/random.h"

/* Known answers of Random123 for philox4x32-10. */
static void
vectors(void)
{
    static const struct {
        u64 seed;
        u32 counter[4], out[4];
    } known[] = {
        {0, {0, 0, 0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {~0ull,
         {~0u, ~0u, ~0u, ~0u},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {0x299f31d0a4093822ull,
         {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    int good = 1;

    for (u32 i = 0; i < countof(known); i++) {
        u32 out[4];

        random_philox(known[i].seed, known[i].counter, out);
        good &= !memcmp(out, known[i].out, sizeof out);
    }
    check(good, "random/philox-vectors", "a known answer differs");
}

static void
sites(void)
{
    check(random_site("123456789") == 0xCBF43926, "random/site-is-crc32",
          "crc32 of 123456789 is not cbf43926");
    check(random_crc32(random_crc32(0, "1234", 4), "56789", 5) == 0xCBF43926,
          "random/crc32-in-pieces", "two pieces differ from the whole");
}

static void
words(void)
{
    u32 site = random_site("a.site"), counter[4] = {5, 0, site, 7}, out[4];
    int good = 1;

    random_philox(42, counter, out);
    for (u32 k = 0; k < 4; k++)
        good &= random_word(42, site, 7, 20 + k) == out[k];
    check(good, "random/word-of-block", "word 4b+k is not out[k] of block b");
    good = 1;
    for (u32 i = 0; i < 1000; i++) {
        f32 u = random_uniform(42, site, 0, i);

        good &= u >= 0 && u < 1 && u * 0x1p24f == (f32)(u32)(u * 0x1p24f);
        good &= random_below(42, site, 0, i, 7) < 7;
    }
    check(good, "random/ranges", "a draw lies outside its range");
}

/* Every element stays, and over many steps each lands everywhere. */
static void
shuffle(void)
{
    enum { N = 6, STEPS = 6000 };
    u32 hits[N][N] = {{0}}, site = random_site("shuffle");
    int good = 1, even = 1;

    for (u32 t = 0; t < STEPS; t++) {
        u32 at[N] = {0, 1, 2, 3, 4, 5}, seen = 0;

        random_shuffle(1, site, t, 0, at, N);
        for (u32 i = 0; i < N; i++) {
            seen |= 1u << at[i];
            hits[i][at[i] % N]++;
        }
        good &= seen == (1u << N) - 1;
    }
    for (u32 i = 0; i < N * N; i++)
        even &= hits[i / N][i % N] > 850 && hits[i / N][i % N] < 1150;
    check(good, "random/shuffle-keeps-all", "an element was lost");
    check(even, "random/shuffle-is-even", "a place is off by 5 sigma");
}

int
main(void)
{
    vectors();
    sites();
    words();
    shuffle();
    return failed;
}
