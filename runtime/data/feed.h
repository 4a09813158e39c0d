/* feed.h - the loader: batches of pictures with questions or captions, ready
 * for the doors of a plan.
 *
 * A sample is a picture with S of its questions; a batch holds B samples of
 * one bucket.  In training an epoch asks every question once: a picture with q
 * questions gives ceil(q/S) samples, the last one refilled from the picture's
 * own shuffled questions, and the last batch of a bucket is refilled from the
 * bucket's shuffled start, or left out.  In evaluation the order is the file's
 * and nothing is refilled: rows that hold no question are not valid.
 *
 * In pre-training the questions are captions.  Half of them are shown beside a
 * picture that they do not belong to (itm_labels 0), and 15 % of the words are
 * to be guessed (mlm_labels; the rule is in mlm.c).  Evaluation refills, too:
 * it draws as epoch 0 does, and every row holds a caption.
 *
 * Which sample comes when, the order of questions and the short side are draws
 * from (seed, epoch, sample), so neither the number of workers nor a seek
 * changes a bit of what is delivered. */
#ifndef SOHO_FEED_H
#define SOHO_FEED_H

#include "runtime/data/data.h"

typedef struct FeedBucket {
    i32 h, w; /* padded size in pixels */
} FeedBucket;

enum {
    FEED_BUCKETS = 64,
    FEED_WORKERS = 64,
    FEED_CACHE = 256 << 20 /* the usual cache_bytes */
};

typedef struct FeedSpec {
    const FeedBucket *bucket;
    u32 nbucket;
    u32 batch, sentences, tokens, answers; /* B, S, T, A */
    i32 longest;     /* pixels of the longer side, at most */
    i32 shortest[2]; /* of the shorter side: drawn between both, inclusive */
    u64 seed;
    u32 workers;     /* threads; 0: work is done inside feed_next */
    u64 cache_bytes; /* for resized pictures; only where shortest is fixed */
    int train;
    int drop_last; /* training: leave out the last batch of a bucket that is not
                    * full; an epoch that had no other is refilled after all */
    int strangers; /* show each question beside another picture */
    int captions;  /* pre-training: MLM and ITM */
} FeedSpec;

/* Where the doors of one bucket lie; NULL: not wanted. */
typedef struct FeedDoors {
    u8 *image;       /* [B,H,W,3] resized RGB, 0 beyond image_size */
    i32 *image_size; /* [B,2] valid height, width */
    i32 *tokens;     /* [B,S,T] ids, [PAD] after the last */
    i32 *token_mask; /* [B,S,T] 1 for ids */
    f32 *answers;    /* [B,S,A] scores */
    /* Only in pre-training: */
    i32 *mlm_labels; /* [B,S,T] the id to be guessed, -100 where none is */
    i32 *itm_labels; /* [B,S] 1: the sentence belongs to the picture, 0 */
} FeedDoors;

/* Where the pictures of a set from number `first` on lie: each is the member
 * `prefix/file_name`, or `file_name` where prefix is "". */
typedef struct FeedSource {
    Zip *images;
    const char *prefix;
    u32 first;
} FeedSource;

#define FEED_NONE UINT32_MAX

/* One batch; the pointers are good until the next call. */
typedef struct FeedBatch {
    u32 bucket;
    u32 epoch, step, steps; /* step of steps in this epoch, from 0 */
    u32 rows;               /* valid ones among R = B*S */
    const u32 *question;    /* [R] index into the set's, or FEED_NONE */
    const u8 *valid;        /* [R] 0 or 1 */
    const char *const *bad; /* messages of pictures replaced here for the */
    u32 nbad;               /* first time (training) */
} FeedBatch;

/* The batch that comes next; all that a resume needs besides the spec. */
typedef struct FeedCursor {
    u32 epoch, step;
} FeedCursor;

/* Over the batches delivered so far. */
typedef struct FeedStats {
    u64 samples;
    u64 pixels, padding; /* of the buckets; of them outside the pictures */
    u64 shrunk;          /* samples larger than every bucket, made smaller */
    u32 bad, most_bad;   /* pictures that could not be read, at most */
} FeedStats;

typedef struct Feed Feed;

/* The set, its sources (in the order of `first`, which is 0 in the first one)
 * and the words stay the caller's and must outlive the feed.  SOHO_BAD (no
 * question, a bucket or batch of nothing), SOHO_MEMORY. */
int feed_open(Err *e, const Vqa *set, const FeedSource *source, u32 nsource,
              const Words *words, const FeedSpec *spec, Feed **feed);
void feed_close(Feed *feed);

/* Waits for the next batch and writes it into doors[its bucket].  After the
 * last batch of an epoch comes the first of the next.  A picture that cannot
 * be read is SOHO_BAD in evaluation; in training the next one of the set that
 * can be read takes its place, with its own first sentences and shrunk into the
 * bucket.  More than 0.1 % of the set's pictures, but at least one, are
 * SOHO_BAD there, too. */
int feed_next(Err *e, Feed *feed, const FeedDoors *doors, FeedBatch *batch);

FeedCursor feed_tell(const Feed *feed);
int feed_seek(Err *e, Feed *feed, FeedCursor cursor);

/* Batches in the epoch that the last batch, open or seek was about; with a
 * fixed short side all epochs have as many. */
u32 feed_steps(const Feed *feed);
FeedStats feed_stats(const Feed *feed);

/* Pictures of the set, and those of them that were found to be unreadable; a
 * run that goes on sets what it knew before its first batch. */
u32 feed_pictures(const Feed *feed);
int feed_is_bad(const Feed *feed, u32 picture);
void feed_set_bad(Feed *feed, u32 picture);

/* --------------------------------------------------------------- bucket.c */

/* The size of a picture of h x w before it meets a bucket, and what is left of
 * it inside one: unchanged where it fits, else as large as fits. */
FeedBucket bucket_target(const FeedSpec *spec, FeedBucket picture,
                         i32 shortest);
FeedBucket bucket_fit(FeedBucket bucket, FeedBucket picture, FeedBucket target);
/* The smallest bucket that holds the target, else the one that shrinks it
 * least. */
u32 bucket_choose(const FeedSpec *spec, FeedBucket target);

#endif
