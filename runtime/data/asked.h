/* asked.h - questions about pictures with their answers, by picture. */
#ifndef SOHO_ASKED_H
#define SOHO_ASKED_H

#include <stdio.h>

#include "runtime/cmd.h"
#include "runtime/data/ids.h"
#include "runtime/data/pack.h"

typedef struct AskedAll {
    const char *kind; /* "coco" (VQA v2) or "vg" */
    List row;         /* AskedRow */
    Ids id, image;    /* question_id (VQA v2) and image_id of each row */
    Bytes text;       /* of all rows */
    Bytes line;       /* one text of questionAns */
    u64 next;         /* row of `image` that asked_put comes to */
    u32 put;          /* questions that it printed */
    u32 unanswered;   /* passed over, because question or answer is empty */
} AskedAll;

/* Reads VQA v2's questions, whose answers stand in `annotations`, or Visual
 * Genome's question_answers.  asked_close in any case.  SOHO_IO, SOHO_BAD with
 * file, line and question id, SOHO_MEMORY. */
int asked_open(Err *e, const TextList *questions, const TextList *annotations,
               AskedAll *asked);
void asked_close(AskedAll *asked);

/* Prints `,"question":[...],"questionAns":[...]` of a picture that has some; a
 * text of questionAns is the question, a blank, its answer.  Each call has a
 * greater image_id than the one before.  SOHO_MEMORY. */
int asked_put(Err *e, AskedAll *asked, FILE *out, u64 image);

#endif
