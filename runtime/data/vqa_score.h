/* vqa_score.h - the official accuracy of answers to VQA v2 questions. */
#ifndef SOHO_VQA_SCORE_H
#define SOHO_VQA_SCORE_H

#include "runtime/data/number_texts.h"
#include "runtime/data/official.h"

/* Sum over the questions of one type. */
typedef struct TypeSum {
    f64 sum;
    u64 n;
} TypeSum;

/* Accuracies by type: sum[number] belongs to the name of that number. */
typedef struct TypeScore {
    Texts name;
    List sum; /* TypeSum */
} TypeScore;

typedef struct QuestionScore {
    u64 id;
    f64 accuracy; /* 0 to 1 */
} QuestionScore;

typedef struct VqaScore {
    f64 sum;
    u64 n;
    TypeScore by_answer, by_question; /* answer_type, question_type */
    List each;                        /* QuestionScore, as annotated */
} VqaScore;

/* What `answer` is worth beside the annotators' answers: the mean over the
 * annotators of min(1, n/3), n the others who said the same.  In normal form
 * where the annotators disagree, as they stand where all say the same.
 * -1: no memory. */
f64 vqa_accuracy(const Annotation *a, const char *answer, u64 n);

/* Scores [{question_id, answer}] against official files.  Each question needs
 * one annotation and one answer, and nothing else may be there.  SOHO_BAD names
 * file, line and question; SOHO_IO, SOHO_MEMORY.  vqa_score_free in any case.
 */
int vqa_score(Err *e, const char *questions, const char *annotations,
              const char *predictions, VqaScore *score);
void vqa_score_free(VqaScore *score);

#endif
