/* score.h - accuracies of a VQA split: of the model, and of who knows only the
 * question. */
#ifndef SOHO_SCORE_H
#define SOHO_SCORE_H

#include "runtime/data/data.h"

/* Kinds of answers a score is split into. */
#define SCORE_KINDS(X) X(yes_no, "yes/no") X(other, "other")
enum {
#define X(name, shown) KIND_##name,
    SCORE_KINDS(X)
#undef X
        NKIND
};

/* Sums over the questions of a split. */
typedef struct Tally {
    f64 score[NKIND]; /* target value of the answer given */
    u64 n[NKIND];
    f64 loss; /* per row */
    u64 loss_rows;
} Tally;

void tally_add(Tally *tally, u32 kind, f64 score);
u64 tally_count(const Tally *tally);
/* Mean score, 0 where there is nothing. */
f64 tally_accuracy(const Tally *tally);
f64 tally_kind(const Tally *tally, u32 kind);
f64 tally_loss(const Tally *tally); /* NAN where there is nothing */

/* Kind of a question by its best answer; names == NULL: other. */
u32 score_kind(const Vqa *set, const Question *q, const char *const *names);

/* The question's target value of `label`. */
f64 score_label(const Vqa *set, const Question *q, i32 label);

/* Answers each question of `test` as `train` most often does for the same
 * words (an unknown question as all of it), and adds that to `tally`. */
int score_guess(Err *e, const Vqa *train, const Vqa *test, u32 answers,
                const char *const *names, Tally *tally);

#endif
