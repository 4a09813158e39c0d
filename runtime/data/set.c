/* set.c - a data set that has been read: its size, its end, and several that
 * become one.
 *
 * In: sets from vqa.c or caps.c.  Out: one set over the pictures of all. */
#include "runtime/data/vqa_own.h"

#include <stdlib.h>
#include <string.h>

void
vqa_close(Vqa *set)
{
    if (set->own)
        pool_free(&set->own->names);
    free(set->own);
    free(set->picture);
    free(set->question);
    free(set->token);
    free(set->label);
    free(set->score);
    *set = (Vqa){0};
}

u64
vqa_bytes(const Vqa *set)
{
    u64 bytes = set->npicture * sizeof *set->picture +
                set->nquestion * sizeof *set->question;

    for (u32 p = 0; p < set->npicture; p++)
        bytes += strlen(set->picture[p].file) + 1;
    for (u32 q = 0; q < set->nquestion; q++)
        bytes +=
            set->question[q].ntoken * sizeof *set->token +
            set->question[q].nlabel * (sizeof *set->label + sizeof *set->score);
    return bytes;
}

/* ------------------------------------------------------------------- joining
 */

/* Elements of the flat arrays. */
typedef struct Counts {
    u64 token, label;
} Counts;

static Counts
counts(const Vqa *set)
{
    Counts n = {0, 0};

    for (u32 q = 0; q < set->nquestion; q++) {
        n.token += set->question[q].ntoken;
        n.label += set->question[q].nlabel;
    }
    return n;
}

/* Makes room for n + more elements behind n. */
static int
widen(Err *e, void *array, u64 n, u64 more, u64 size)
{
    void **at = array, *wide;

    FAIL_IF(n + more > UINT32_MAX, e, SOHO_BAD,
            "data sets of more than 2^32 parts together");
    wide = realloc(*at, (n + more) * size + 1);
    FAIL_IF(!wide, e, SOHO_MEMORY, "no memory to join data sets");
    *at = wide;
    return 0;
}

static void
copy_all(Vqa *to, const Vqa *from, Counts n, Counts m)
{
    memcpy(to->picture + to->npicture, from->picture,
           from->npicture * sizeof *to->picture);
    memcpy(to->question + to->nquestion, from->question,
           from->nquestion * sizeof *to->question);
    memcpy(to->token + n.token, from->token, m.token * sizeof *to->token);
    if (m.label) {
        memcpy(to->label + n.label, from->label, m.label * sizeof *to->label);
        memcpy(to->score + n.label, from->score, m.label * sizeof *to->score);
    }
    for (u32 p = 0; p < from->npicture; p++)
        to->picture[to->npicture + p].first += to->nquestion;
    for (u32 q = 0; q < from->nquestion; q++) {
        Question *at = &to->question[to->nquestion + q];

        at->image += to->npicture;
        at->token += (u32)n.token;
        at->label += (u32)n.label;
    }
}

int
vqa_join(Err *e, Vqa *to, Vqa *from)
{
    Counts n = counts(to), m = counts(from);

    TRY(widen(e, &to->picture, to->npicture, from->npicture,
              sizeof *to->picture));
    TRY(widen(e, &to->question, to->nquestion, from->nquestion,
              sizeof *to->question));
    TRY(widen(e, &to->token, n.token, m.token, sizeof *to->token));
    TRY(widen(e, &to->label, n.label, m.label, sizeof *to->label));
    TRY(widen(e, &to->score, n.label, m.label, sizeof *to->score));
    copy_all(to, from, n, m);
    to->npicture += from->npicture;
    to->nquestion += from->nquestion;
    to->dropped += from->dropped;
    pool_join(&to->own->names, &from->own->names);
    vqa_close(from);
    return 0;
}
