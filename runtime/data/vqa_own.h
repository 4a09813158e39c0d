/* vqa_own.h - what vqa.c and answers.c share. */
#ifndef SOHO_VQA_OWN_H
#define SOHO_VQA_OWN_H

#include "runtime/data/data.h"
#include "runtime/data/list.h"

enum {
    VQA_MAX_FILE = 1 << 30, /* bytes of an annotation file kept as text */
    VQA_MAX_TEXT = 1 << 20  /* bytes of a question or key, with its 0 */
};

/* One side of a file's answer list, label2ans or ans2label. */
typedef struct Answers {
    List name; /* AnswerName */
    List text; /* char */
    int given; /* the key occurred */
} Answers;

void answers_start(Answers *a);
void answers_free(Answers *a);

/* Reads the value of "label2ans" and of "ans2label"; `text` is room for
 * VQA_MAX_TEXT bytes. */
int answers_list(Json *j, char *text, Answers *a);
int answers_map(Json *j, char *text, Answers *a);

/* Puts both in order of their labels, checks that each answer has one label
 * and that they agree, and makes the table of names: one block for free().
 * Neither given: *names = NULL, *n = 0. */
int answers_settle(Json *j, Answers *list, Answers *map, char ***names, u32 *n);

#endif
