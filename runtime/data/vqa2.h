/* vqa2.h - `soho-rt data vqa2`: official VQA v2 files become a split of a SOHO
 * data folder. */
#ifndef SOHO_VQA2_H
#define SOHO_VQA2_H

#include "runtime/cmd.h"

/* soho-rt data vqa2 --questions Q --annotations A --out DIR --split NAME ...;
 * argv[0] is "vqa2". */
int cmd_vqa2(int argc, char **argv);

typedef struct Vqa2Spec {
    const char *questions, *out, *split;
    const char *annotations; /* NULL: a test split, nobody knows the answers */
    const char *answers;     /* a list that is there; NULL: from annotations */
    const char *images;      /* archive or folder of the pictures, or NULL */
    TextList count;          /* more annotations whose answers count */
    TextList sizes;          /* files with heights and widths */
    u64 least;               /* questions that a listed answer needs */
} Vqa2Spec;

typedef struct Vqa2Report {
    u32 pictures, questions, answers;
    u32 unlabelled; /* questions none of whose answers is in the list */
    u64 others;     /* annotations of questions that were not asked */
    int sized;      /* heights and widths are there */
} Vqa2Report;

/* Writes OUT/SPLIT_data_vqa.json, and OUT/answers.txt where the list is a new
 * one.  The same input gives the same bytes.  SOHO_IO, SOHO_BAD, SOHO_USAGE,
 * SOHO_MEMORY. */
int vqa2_make(Err *e, const Vqa2Spec *spec, Vqa2Report *report);

#endif
