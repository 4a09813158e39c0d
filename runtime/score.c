/* score.c - scores of answers, and the guesser that never sees a picture.
 *
 * In: questions with target values.  Out: sums by kind of answer.  Questions
 * count as the same when their word ids are. */
#include "runtime/score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ----------------------------------------------------------------- tally */

void
tally_add(Tally *tally, u32 kind, f64 score)
{
    tally->score[kind] += score;
    tally->n[kind]++;
}

u64
tally_count(const Tally *tally)
{
    u64 n = 0;

    for (u32 i = 0; i < NKIND; i++)
        n += tally->n[i];
    return n;
}

f64
tally_accuracy(const Tally *tally)
{
    u64 n = tally_count(tally);
    f64 sum = 0;

    for (u32 i = 0; i < NKIND; i++)
        sum += tally->score[i];
    return n ? sum / (f64)n : 0;
}

f64
tally_kind(const Tally *tally, u32 kind)
{
    return tally->n[kind] ? tally->score[kind] / (f64)tally->n[kind] : 0;
}

f64
tally_loss(const Tally *tally)
{
    return tally->loss_rows ? tally->loss / (f64)tally->loss_rows : (f64)NAN;
}

/* -------------------------------------------------------- single answers */

u32
score_kind(const Vqa *set, const Question *q, const char *const *names)
{
    const i32 *label = set->label + q->label;
    const f32 *score = set->score + q->label;
    const char *name;
    u32 best = 0;

    if (!names || !q->nlabel)
        return KIND_other;
    for (u32 i = 1; i < q->nlabel; i++)
        if (score[i] > score[best])
            best = i;
    name = names[label[best]];
    return strcmp(name, "yes") && strcmp(name, "no") ? KIND_other : KIND_yes_no;
}

f64
score_label(const Vqa *set, const Question *q, i32 label)
{
    for (u32 i = 0; i < q->nlabel; i++)
        if (set->label[q->label + i] == label)
            return set->score[q->label + i];
    return 0;
}

/* --------------------------------------------------------------- guesser */

/* The training questions in the order of their words, and for each of them the
 * best answer of its group. */
typedef struct Guesser {
    const Vqa *train;
    u32 *order;
    i32 *answer;
    i32 usual; /* the best answer over all questions */
    f64 *sum;  /* [answers], all 0 between groups */
} Guesser;

/* Order of two questions by their word ids. */
static int
compare(const Vqa *a, u32 qa, const Vqa *b, u32 qb)
{
    const Question *x = &a->question[qa], *y = &b->question[qb];

    if (x->ntoken != y->ntoken)
        return x->ntoken < y->ntoken ? -1 : 1;
    return memcmp(a->token + x->token, b->token + y->token,
                  x->ntoken * sizeof *a->token);
}

static int
compare_at(const void *a, const void *b, void *train)
{
    return compare(train, *(const u32 *)a, train, *(const u32 *)b);
}

/* Best answer of the questions order[from..to). */
static i32
best_answer(Guesser *g, u32 from, u32 to)
{
    const Vqa *set = g->train;
    i32 best = 0;

    for (u32 i = from; i < to; i++) {
        const Question *q = &set->question[g->order[i]];

        for (u32 k = q->label; k < q->label + q->nlabel; k++)
            g->sum[set->label[k]] += set->score[k];
    }
    for (u32 i = from; i < to; i++) {
        const Question *q = &set->question[g->order[i]];

        for (u32 k = q->label; k < q->label + q->nlabel; k++)
            if (g->sum[set->label[k]] > g->sum[best] ||
                (g->sum[set->label[k]] == g->sum[best] && set->label[k] < best))
                best = set->label[k];
    }
    for (u32 i = from; i < to; i++) {
        const Question *q = &set->question[g->order[i]];

        for (u32 k = q->label; k < q->label + q->nlabel; k++)
            g->sum[set->label[k]] = 0;
    }
    return best;
}

static void
learn(Guesser *g)
{
    u32 n = g->train->nquestion;

    for (u32 i = 0; i < n; i++)
        g->order[i] = i;
    qsort_r(g->order, n, sizeof *g->order, compare_at, (void *)g->train);
    g->usual = best_answer(g, 0, n);
    for (u32 from = 0, to; from < n; from = to) {
        i32 best;

        for (to = from + 1; to < n; to++)
            if (compare_at(&g->order[from], &g->order[to], (void *)g->train))
                break;
        best = best_answer(g, from, to);
        for (u32 i = from; i < to; i++)
            g->answer[i] = best;
    }
}

static i32
guess(const Guesser *g, const Vqa *test, u32 q)
{
    u32 low = 0, high = g->train->nquestion;

    while (low < high) {
        u32 middle = low + (high - low) / 2;
        int c = compare(g->train, g->order[middle], test, q);

        if (!c)
            return g->answer[middle];
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return g->usual;
}

int
score_guess(Err *e, const Vqa *train, const Vqa *test, u32 answers,
            const char *const *names, Tally *tally)
{
    Guesser g = {.train = train};
    u64 n = train->nquestion;

    g.order = malloc((n + 1) * sizeof *g.order);
    g.answer = malloc((n + 1) * sizeof *g.answer);
    g.sum = calloc(answers + 1ull, sizeof *g.sum);
    if (!g.order || !g.answer || !g.sum) {
        err_set(e, SOHO_MEMORY, "no memory for a table of %llu questions",
                (unsigned long long)n);
    } else {
        learn(&g);
        for (u32 q = 0; q < test->nquestion; q++)
            tally_add(
                tally, score_kind(test, &test->question[q], names),
                score_label(test, &test->question[q], guess(&g, test, q)));
    }
    free(g.order);
    free(g.answer);
    free(g.sum);
    return e->code;
}
