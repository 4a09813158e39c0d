/* feed_own.h - what the parts of the loader share. */
#ifndef SOHO_FEED_OWN_H
#define SOHO_FEED_OWN_H

#include <pthread.h>

#include "runtime/data/feed.h"

/* --------------------------------------------------------------- bucket.c */

/* One picture with up to S of its questions: the part'th S of them. */
typedef struct Sample {
    u32 picture, part;
} Sample;

typedef struct Batch {
    u32 bucket, first; /* B entries from here */
} Batch;

/* The order of one epoch. */
typedef struct Order {
    const Vqa *set;
    const FeedSpec *spec;
    const FeedBucket *size; /* of each picture as it is stored */
    Sample *sample;
    u32 nsample;
    u32 *question; /* the set's, shuffled inside each picture */
    u32 *line;     /* all samples, shuffled */
    u8 *bucket;    /* of each sample */
    u32 *entry;    /* samples by bucket, or FEED_NONE */
    Batch *batch;
    u32 *turn; /* batches in their order */
    u32 nbatch;
    u32 epoch;
} Order;

int order_open(Err *e, const Vqa *set, const FeedSpec *spec,
               const FeedBucket *size, Order *order);
void order_close(Order *order);
/* Fills in everything that depends on the epoch; allocates nothing. */
void order_plan(Order *order, u32 epoch);
/* The k-th question of a sample, or FEED_NONE. */
u32 order_question(const Order *order, u32 sample, u32 k);
/* The short side of a sample in an epoch. */
i32 order_shortest(const FeedSpec *spec, u32 epoch, u32 sample);

/* ------------------------------------------------------------------ mlm.c */

/* The k-th sentence of a sample: `own`, or with p = 0.5 another picture's. */
u32 itm_sentence(const Order *order, u32 sample, u32 k, u32 own);
/* Masks words of ids [T] and labels those that are to be guessed; n is the
 * row's number in the epoch. */
void mlm_row(const FeedSpec *spec, const Words *words, u32 epoch, u32 n,
             i32 *ids, i32 *labels);

/* ------------------------------------------------------------- sentence.c */

/* Which sentence stands where. */
typedef struct Sentence {
    u32 row;           /* of the batch */
    u32 question;      /* of the set, or FEED_NONE */
    u32 about;         /* picture that the row shows */
    u32 epoch, number; /* as mlm_row counts them */
} Sentence;

/* Writes its part of the text doors. */
void sentence_put(const Vqa *set, const Words *words, const FeedSpec *spec,
                  const Sentence *sentence, const FeedDoors *to);

/* -------------------------------------------------------------- picture.c */

/* Resized pictures, kept in one block in the size they have in their own
 * bucket; what finds no room is read again. */
typedef struct Cache {
    u8 *data;          /* NULL: no cache */
    u64 *offset;       /* of each picture, or CACHE_NO_ROOM */
    FeedBucket *size;  /* of each picture, as the set promises it */
    _Atomic u8 *state; /* CACHE_EMPTY, _FILLING, _FULL */
} Cache;

/* Where pictures come from. */
typedef struct Gallery {
    const Vqa *set;
    const FeedSource *source;
    u32 nsource;
    const FeedSpec *spec;
    FeedBucket *size; /* of each picture; from its file if the set knows none */
    Cache cache;
} Gallery;

/* Where one thread turns a member of the archive into pixels. */
typedef struct Desk {
    Buffer member, pixels, lines;
} Desk;

int gallery_open(Err *e, const Vqa *set, const FeedSource *source, u32 nsource,
                 const FeedSpec *spec, Gallery *gallery);
void gallery_close(Gallery *gallery);

/* Puts a picture into `to` [h,w,3] of a bucket, zeros beyond it, its size into
 * *size.  `home`: it is the picture's own bucket, the cache may be used.  Many
 * threads may call at once, each at its own desk. */
int gallery_put(Err *e, Gallery *gallery, u32 picture, FeedBucket bucket,
                i32 shortest, int home, Desk *desk, u8 *to, FeedBucket *size);

/* Lays out a desk for the largest picture that the set and the archive speak
 * of: reading one of these allocates nothing. */
int desk_open(Err *e, const Gallery *gallery, Desk *desk);
void desk_close(Desk *desk);

/* ----------------------------------------------------------------- ring.c */

enum { RING = 4 };

/* What happened to a row. */
typedef struct Row {
    u32 sample, picture; /* the one wanted, or FEED_NONE */
    u32 shown;           /* the one shown */
    u32 about;           /* the one that its sentences are about */
    FeedBucket size;     /* of its pixels */
    Err err;             /* of the first attempt */
} Row;

/* A batch under way. */
typedef struct Slot {
    u32 bucket, epoch, step, steps;
    u32 claimed, done; /* rows */
    Row *row;          /* [B] */
    u32 *question;     /* [B*S] */
    u8 *image;         /* [B,h,w,3] of the largest bucket */
} Slot;

typedef struct Worker {
    Feed *feed;
    pthread_t thread;
    int started;
    Desk desk;
} Worker;

/* The lock is for the ring: slots, workers, hold to open. */
struct Feed {
    FeedSpec spec;
    FeedBucket bucket[FEED_BUCKETS];
    const Vqa *set;
    const Words *words;
    Order order;
    Gallery gallery;
    u32 nslot;
    Slot slot[RING];
    Worker worker[FEED_WORKERS];
    Desk desk; /* the caller's */
    pthread_mutex_t lock;
    pthread_cond_t work, ready; /* for workers; for feed_next */
    int hold, stop;
    u64 head, open; /* batches released, batches opened */
    u32 ahead;      /* next batch to open in order.epoch */
    int handed_out; /* slot `head` is with the caller */
    FeedCursor next;
    u32 steps;
    FeedStats stats;
    u8 *is_bad;       /* of each picture */
    u8 *valid;        /* [B*S] */
    const char **bad; /* [B] */
};

/* Of one picture as a bucket holds it. */
u64 ring_row_bytes(const Feed *f, u32 bucket);
/* Starts the workers; signals stay with the caller's threads. */
int ring_start(Err *e, Feed *f);
void ring_stop(Feed *f);
/* The slot of the next batch, all rows filled; `release`: the one that was
 * handed out before is free again. */
Slot *ring_take(Feed *f, int release);
/* Lets the workers finish the rows they have begun, and takes none after. */
void ring_hold(Feed *f);

#endif
