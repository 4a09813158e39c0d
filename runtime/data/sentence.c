/* sentence.c - the text of one batch row: ids, mask, answers, and what
 * pre-training asks about it.
 *
 * In: a question or caption of the set, and where the row stands.  Out: its
 * part of the doors. */
#include <string.h>

#include "runtime/data/feed_own.h"

static void
put_tokens(const Vqa *set, const FeedSpec *spec, const Question *from, i32 pad,
           u64 r, const FeedDoors *to)
{
    u32 n = from ? (u32)min_i64(from->ntoken, spec->tokens) : 0;
    u64 t = spec->tokens;

    for (u32 i = 0; to->tokens && i < t; i++)
        to->tokens[r * t + i] = i < n ? set->token[from->token + i] : pad;
    for (u32 i = 0; to->token_mask && i < t; i++)
        to->token_mask[r * t + i] = i < n;
}

static void
put_answers(const Vqa *set, const FeedSpec *spec, const Question *from, u64 r,
            const FeedDoors *to)
{
    u64 a = spec->answers;

    if (!to->answers)
        return;
    memset(to->answers + r * a, 0, a * sizeof *to->answers);
    for (u32 i = 0; from && i < from->nlabel; i++)
        to->answers[r * a + (u64)set->label[from->label + i]] =
            set->score[from->label + i];
}

void
sentence_put(const Vqa *set, const Words *words, const FeedSpec *spec,
             const Sentence *s, const FeedDoors *to)
{
    const Question *from =
        s->question == FEED_NONE ? NULL : &set->question[s->question];
    u64 at = (u64)s->row * spec->tokens;

    put_tokens(set, spec, from, (i32)words_pad(words), s->row, to);
    put_answers(set, spec, from, s->row, to);
    if (!spec->captions || !from)
        return;
    if (to->tokens && to->mlm_labels)
        mlm_row(spec, words, s->epoch, s->number, to->tokens + at,
                to->mlm_labels + at);
    if (to->itm_labels)
        to->itm_labels[s->row] = from->image == s->about;
}
