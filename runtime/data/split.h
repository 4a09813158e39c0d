/* split.h - `soho-rt data split`: a training and an unseen part out of a data
 * folder that has only one split. */
#ifndef SOHO_SPLIT_H
#define SOHO_SPLIT_H

#include "runtime/err.h"
#include "runtime/score.h"

/* soho-rt data split --data DIR --out DIR2 [--val SHARE] [--seed N]
 * [--images PATH] [--captions]; argv[0] is "split". */
int cmd_split(int argc, char **argv);

typedef struct SplitSpec {
    const char *data, *out; /* folders; `out` is made where there is none */
    const char *images;     /* archive or folder of pictures; NULL: in `data` */
    f64 share;              /* of the pictures that become unseen, in (0,1) */
    u64 seed;
    int captions; /* those about the pictures, too */
} SplitSpec;

enum { SPLIT_TRAIN, SPLIT_UNSEEN, SPLIT_PARTS };
enum { SPLIT_WORD = 64 }; /* bytes of a word that is told, with its 0 */

/* What was made, measured on the finished set as training reads it. */
typedef struct SplitReport {
    u32 pictures[SPLIT_PARTS], questions[SPLIT_PARTS], yes_no[SPLIT_PARTS];
    u32 twins; /* pictures with the bytes of another one */
    u32 words, answers;
    Tally guess; /* of the unseen questions, from the training part */
    /* With captions: pictures that have some, the captions, those about
     * pictures that nothing is asked about, which are in neither part. */
    u32 captioned[SPLIT_PARTS], captions[SPLIT_PARTS], strange;
    /* Share of the unseen captions' words that are the most frequent one of the
     * training part. */
    f64 word_guess;
    char word[SPLIT_WORD]; /* that one */
} SplitReport;

/* The whole folder: train_data_vqa.json, val_data_vqa.json, train2014.zip,
 * val2014.zip, vocab.txt, answers.txt; with captions train_data_caps.json and
 * val_data_caps.json, whose words are in vocab.txt.  Equal input gives equal
 * bytes.  All of the input is checked before the first file is written.
 * SOHO_IO, SOHO_BAD, SOHO_USAGE, SOHO_MEMORY. */
int split_make(Err *e, const SplitSpec *spec, SplitReport *report);

#endif
