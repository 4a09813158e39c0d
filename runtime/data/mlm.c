/* mlm.c - what pre-training asks: which sentence stands beside a picture (ITM)
 * and which of its words are to be guessed (MLM).
 *
 * In: draws from (seed, epoch, row of the epoch).  Out: the sentence, its ids
 * with words masked, the words behind them.  Row n of an epoch is sentence
 * n % S of sample n / S, token i of it counts as n * T + i:
 *
 *   feed.itm       row    below 0.5: a sentence of another picture
 *   feed.other     row    which of the other pictures
 *   feed.caption   row    which of its sentences
 *   feed.mlm       token  below 0.15: is to be guessed
 *   feed.mlm_kind  token  below 0.8: [MASK] stands there; below 0.9: any entry
 *                         of the vocabulary; else the word itself
 *   feed.mlm_word  token  which entry */
#include "runtime/data/feed_own.h"
#include "runtime/random.h"

enum { NOT_ASKED = -100 };

u32
itm_sentence(const Order *o, u32 sample, u32 k, u32 own)
{
    const FeedSpec *s = o->spec;
    u32 n = sample * s->sentences + k, p = o->sample[sample].picture;
    const Picture *other;

    if (o->set->npicture < 2 ||
        random_uniform(s->seed, random_site("feed.itm"), o->epoch, n) >= 0.5f)
        return own;
    p += 1 + random_below(s->seed, random_site("feed.other"), o->epoch, n,
                          o->set->npicture - 1);
    other = &o->set->picture[p % o->set->npicture];
    return other->first + random_below(s->seed, random_site("feed.caption"),
                                       o->epoch, n, other->count);
}

/* What stands in the place of a word that is to be guessed. */
static i32
disguise(const FeedSpec *s, const Words *words, u32 epoch, u32 i, i32 id)
{
    f32 u = random_uniform(s->seed, random_site("feed.mlm_kind"), epoch, i);

    if (u < 0.8f)
        return (i32)words_mask(words);
    if (u < 0.9f)
        return (i32)random_below(s->seed, random_site("feed.mlm_word"), epoch,
                                 i, words_count(words));
    return id;
}

void
mlm_row(const FeedSpec *s, const Words *words, u32 epoch, u32 n, i32 *ids,
        i32 *labels)
{
    u32 site = random_site("feed.mlm");

    for (u32 i = 0; i < s->tokens; i++) {
        u32 at = n * s->tokens + i;
        i32 id = ids[i];

        labels[i] = NOT_ASKED;
        if (words_special(words, id) ||
            random_uniform(s->seed, site, epoch, at) >= 0.15f)
            continue;
        labels[i] = id;
        ids[i] = disguise(s, words, epoch, at, id);
    }
}
