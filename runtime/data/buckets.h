/* buckets.h - the `soho-rt data buckets` command: picture sizes that waste
 * little. */
#ifndef SOHO_BUCKETS_H
#define SOHO_BUCKETS_H

#include "runtime/data/feed.h"

enum {
    BUCKETS_MOST = 8,   /* as many as a model may have */
    BUCKETS_STEP = 32,  /* pixels; every side is a multiple */
    BUCKETS_SIDE = 4096 /* pixels of the longest side */
};

/* How often a padded size occurs, sides as multiples of BUCKETS_STEP. */
typedef struct SizeCell {
    FeedBucket size;
    u64 n;
    u64 pixels; /* of the pictures themselves, all n */
} SizeCell;

/* Chooses at most `most` buckets (1 to BUCKETS_MOST) that hold all n cells, so
 * that few pixels are computed when each cell goes to the smallest that holds
 * it; returns how many.  *pixels: those that are computed. */
u32 buckets_choose(const SizeCell *cell, u32 n, u32 most,
                   FeedBucket chosen[BUCKETS_MOST], u64 *pixels);

/* argv[0] is the word `buckets`; returns an exit code. */
int cmd_buckets(int argc, char **argv);

#endif
