/* vqa_own.h - what the readers of annotation files share. */
#ifndef SOHO_VQA_OWN_H
#define SOHO_VQA_OWN_H

#include "runtime/data/data.h"
#include "runtime/data/list.h"

enum {
    VQA_MAX_TEXT = 1 << 20, /* bytes of a question or key, with its 0 */
    PICTURE_FILE = 4096,    /* bytes of a file name, with its 0 */
    SHORTEST_SIDE = 32      /* SOHO does not train on smaller pictures */
};

/* Names of the pictures of a set, which may come from several files. */
struct Vqa_own {
    Pool names;
};

/* --------------------------------------------------------------- member.c */

/* Takes a file_name: relative, its parts plain. */
int picture_file(Json *j, char file[PICTURE_FILE]);
/* Takes a height or width. */
int picture_side(Json *j, i32 *side);

/* -------------------------------------------------------------- answers.c */

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
