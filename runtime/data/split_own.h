/* split_own.h - what the parts of `data split` share. */
#ifndef SOHO_SPLIT_OWN_H
#define SOHO_SPLIT_OWN_H

#include "runtime/data/items.h"
#include "runtime/data/split.h"
#include "runtime/data/vocab.h"
#include "runtime/dataset.h"

enum { TRAIN = SPLIT_TRAIN, UNSEEN = SPLIT_UNSEEN, PARTS = SPLIT_PARTS };

enum { TOKENS = 512 }; /* the whole of any sentence, for the guesses */

#define QUESTIONS "_data_vqa.json"
#define SENTENCES "_data_caps.json"

/* Pictures of equal bytes. */
typedef struct Group {
    u32 pictures, part;
} Group;

typedef struct Splitter {
    const SplitSpec *spec;
    Words *words; /* of the vocabulary; at first of an empty one */
    PlanData plan;
    char **answer; /* plan.names */
    Dataset source;
    Items items;
    char captions[PATH_MAX]; /* their file, or "" */
    Items said;              /* its items */
    Item **order;            /* [items] */
    Group *group;
    u32 *turn; /* [groups] */
    u32 ngroup, npicture;
    Vocab *vocab;
} Splitter;

/* split.c: the names of the parts, as files begin with them. */
extern const char *const split_part[PARTS];

/* split_report.c: reads what was written, and tells it. */
int split_measure(Err *e, const Splitter *s, SplitReport *r);
void split_print(const SplitSpec *spec, const SplitReport *r);

#endif
