/* official.h - the files of VQA v2 as its authors publish them: questions and
 * annotations.
 *
 * Both are read once from front to end, and what was read is handed on one
 * question at a time, so that a file of gigabytes takes little memory. */
#ifndef SOHO_OFFICIAL_H
#define SOHO_OFFICIAL_H

#include "runtime/data/data.h"
#include "runtime/data/pack.h"

enum {
    OFFICIAL_ANSWERS = 64, /* answers to a question at most; usual are 10 */
    OFFICIAL_SUBTYPE = 64  /* bytes of data_subtype, with its 0 */
};

/* Part of a text: at[from..from+n). */
typedef struct Span {
    u64 from, n;
} Span;

typedef struct Asked {
    u64 id, image; /* question_id, image_id */
    u64 at;        /* byte of the file where it stands */
    const char *text;
    u64 n;
} Asked;

/* What an annotation may lack. */
enum {
    OFFICIAL_TYPES = 1, /* question_type, answer_type */
    OFFICIAL_CHOICE = 2 /* multiple_choice_answer */
};

typedef struct Annotation {
    u64 id, at;
    u64 image; /* where has_image */
    int has_image;
    Bytes text; /* of the spans */
    Span choice, question_type, answer_type;
    Span answer[OFFICIAL_ANSWERS];
    u32 nanswer; /* 1 or more */
} Annotation;

/* Called for each in turn; what it gets lasts for the call.  Not 0 ends the
 * reading; json_bad(j, ...) says where. */
typedef int AskedSink(void *context, Json *j, const Asked *asked);
typedef int AnnotationSink(void *context, Json *j, const Annotation *a);

/* {"questions":[{image_id, question, question_id}], "data_subtype":...};
 * unknown keys are passed over.  `subtype` becomes "" where there is none.
 * SOHO_IO, SOHO_BAD with file, line and question id, SOHO_MEMORY. */
int official_questions(Err *e, const char *path, AskedSink *sink, void *context,
                       char subtype[OFFICIAL_SUBTYPE]);
/* {"annotations":[{question_id, image_id, answers:[{answer}], ...}]}; `need`
 * says which of OFFICIAL_* have to be there. */
int official_annotations(Err *e, const char *path, u32 need,
                         AnnotationSink *sink, void *context);

#endif
