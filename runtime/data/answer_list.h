/* answer_list.h - the answers that a data set knows, by label. */
#ifndef SOHO_ANSWER_LIST_H
#define SOHO_ANSWER_LIST_H

#include "runtime/data/number_texts.h"
#include "runtime/data/official.h"

typedef struct AnswerList {
    Texts text; /* every normal form that was seen */
    List vote;  /* which answer a question has, while they are counted */
    u32 *order; /* [n] numbers of texts, by label */
    i32 *label; /* [count] by number of the text; -1: not in the list */
    u32 n, count;
} AnswerList;

/* The number of an answer's normal form.  SOHO_MEMORY. */
int answer_list_number(Err *e, AnswerList *list, const Annotation *a,
                       Span answer, u32 *number);
/* Counts the usual answer to a question, which counts once. */
int answer_list_vote(Err *e, AnswerList *list, const Annotation *a);

/* Chooses the answers with `least` votes or more; labels go from the most
 * frequent down, equally frequent ones in the order of their bytes.  SOHO_BAD
 * where none is left. */
int answer_list_choose(Err *e, AnswerList *list, u64 least);
/* Takes the list of a SOHO file (label2ans or ans2label), or of a text with one
 * answer a line.  SOHO_IO, SOHO_BAD, SOHO_MEMORY. */
int answer_list_read(Err *e, AnswerList *list, const char *path);

/* The label of a text's number, -1 where the list does not have it. */
i32 answer_list_label(const AnswerList *list, u32 number);
/* The answer with that label. */
const Text *answer_list_at(const AnswerList *list, u32 label);
void answer_list_free(AnswerList *list);

#endif
