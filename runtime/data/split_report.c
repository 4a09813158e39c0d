/* split_report.c - what `data split` has made: how much of it, and what the
 * best guess without a picture is worth.
 *
 * In: the files that were written, as training reads them.  Out: a report. */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/data/split_own.h"

static int
open_part(Err *e, const Splitter *s, u32 part, Vqa *set, SplitReport *r)
{
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/%s" QUESTIONS, s->spec->out,
             split_part[part]);
    TRY(vqa_open(e, path, s->words, TOKENS, s->plan.answers, s->plan.names,
                 part == TRAIN, set));
    r->pictures[part] = set->npicture;
    r->questions[part] = set->nquestion;
    for (u32 i = 0; i < set->nquestion; i++)
        r->yes_no[part] +=
            score_kind(set, &set->question[i], s->plan.names) == KIND_yes_no;
    return 0;
}

static int
open_captions(Err *e, const Splitter *s, u32 part, Vqa *set, SplitReport *r)
{
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/%s" SENTENCES, s->spec->out,
             split_part[part]);
    TRY(caps_open(e, path, s->words, TOKENS, 0, part == TRAIN, set));
    r->captioned[part] = set->npicture;
    r->captions[part] = set->nquestion;
    return 0;
}

/* How often each word of the vocabulary occurs: count[words]. */
static u64
count_words(const Splitter *s, const Vqa *set, u64 *count)
{
    u64 all = 0;

    for (u32 i = 0; i < set->nquestion; i++)
        for (u32 k = 0; k < set->question[i].ntoken; k++) {
            i32 id = set->token[set->question[i].token + k];

            count[id]++;
            all += !words_special(s->words, id);
        }
    return all;
}

/* The word that who cannot read would always guess, and how often it is right
 * of the unseen captions. */
static int
guess_words(Err *e, const Splitter *s, const Vqa set[PARTS], SplitReport *r)
{
    u32 n = words_count(s->words), best = 0;
    u64 *count = calloc(2 * (u64)n, sizeof *count), all;

    FAIL_IF(!count, e, SOHO_MEMORY, "no memory to count %u words", n);
    count_words(s, &set[TRAIN], count);
    all = count_words(s, &set[UNSEEN], count + n);
    for (u32 i = 0; i < n; i++)
        if (!words_special(s->words, (i32)i) &&
            (words_special(s->words, (i32)best) || count[i] > count[best]))
            best = i;
    r->word_guess = all ? (f64)count[n + best] / (f64)all : 0;
    snprintf(r->word, sizeof r->word, "%s", words_text(s->words, best));
    free(count);
    return 0;
}

static int
measure_captions(Err *e, const Splitter *s, SplitReport *r)
{
    Vqa set[PARTS] = {{0}};

    if (!s->spec->captions)
        return 0;
    for (u64 i = 0; i < items_count(&s->said); i++)
        r->strange += items_at(&s->said, i)->group == ITEM_NONE;
    if (!open_captions(e, s, TRAIN, &set[TRAIN], r) &&
        !open_captions(e, s, UNSEEN, &set[UNSEEN], r))
        guess_words(e, s, set, r);
    vqa_close(&set[TRAIN]);
    vqa_close(&set[UNSEEN]);
    return e->code;
}

int
split_measure(Err *e, const Splitter *s, SplitReport *r)
{
    Vqa set[PARTS] = {{0}};

    r->twins = s->npicture - s->ngroup;
    r->words = vocab_count(s->vocab);
    r->answers = s->plan.answers;
    if (!open_part(e, s, TRAIN, &set[TRAIN], r) &&
        !open_part(e, s, UNSEEN, &set[UNSEEN], r))
        score_guess(e, &set[TRAIN], &set[UNSEEN], r->answers, s->plan.names,
                    &r->guess);
    vqa_close(&set[TRAIN]);
    vqa_close(&set[UNSEEN]);
    TRY(e->code);
    return measure_captions(e, s, r);
}

static void
print_captions(const SplitReport *r)
{
    printf("captions  %u about %u training pictures, %u about %u unseen ones\n",
           r->captions[TRAIN], r->captioned[TRAIN], r->captions[UNSEEN],
           r->captioned[UNSEEN]);
    if (r->strange)
        printf("strange   %u pictures have captions and no questions; they are "
               "left out\n",
               r->strange);
    printf(
        "word      %.1f %% of the unseen captions' words are \"%s\", the most "
        "frequent one\n",
        100 * r->word_guess, r->word);
}

void
split_print(const SplitSpec *spec, const SplitReport *r)
{
    static const char *const title[PARTS] = {"training", "unseen"};

    for (u32 p = 0; p < PARTS; p++)
        printf("%-9s %u pictures, %u questions, %.1f %% of them yes/no\n",
               title[p], r->pictures[p], r->questions[p],
               100.0 * r->yes_no[p] / r->questions[p]);
    if (r->twins)
        printf("twins     %u pictures have the bytes of another one, which is "
               "in the same part\n",
               r->twins);
    if (spec->captions)
        print_captions(r);
    printf("words     %u in the training %s; %u answers\n", r->words,
           spec->captions ? "sentences" : "questions", r->answers);
    printf("guess     %.1f %% of the unseen questions: the best guess without "
           "the picture",
           100 * tally_accuracy(&r->guess));
#define X(kind, shown)                                                         \
    if (r->guess.n[KIND_##kind])                                               \
        printf("; " shown " %.1f %%", 100 * tally_kind(&r->guess, KIND_##kind));
    SCORE_KINDS(X)
#undef X
    printf("\nfolder    %s\n", spec->out);
}
