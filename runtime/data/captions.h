/* captions.h - `soho-rt data captions`: captions of COCO and regions of Visual
 * Genome, and questions about their pictures, become pre-training data. */
#ifndef SOHO_CAPTIONS_H
#define SOHO_CAPTIONS_H

#include "runtime/cmd.h"

/* soho-rt data captions --captions F.json --out DIR --split NAME ...; argv[0]
 * is "captions". */
int cmd_captions(int argc, char **argv);

typedef struct CaptionSpec {
    TextList captions;               /* all of one kind */
    TextList questions, annotations; /* of the same kind */
    const char *out, *split;
    TextList sizes;     /* files with names, heights and widths */
    const char *images; /* archive or folder of the pictures, or NULL */
} CaptionSpec;

typedef struct CaptionReport {
    const char *kind; /* "coco" or "vg" */
    u32 pictures, captions;
    u32 empty;                   /* captions without a word, passed over */
    u32 questions;               /* with answers */
    u32 unanswered, uncaptioned; /* questions that were passed over */
    int sized;                   /* heights and widths are there */
} CaptionReport;

/* Writes OUT/coco_cap_SPLIT_pre.json or OUT/vg_cap_SPLIT_pre.json.  SOHO_IO,
 * SOHO_BAD, SOHO_USAGE, SOHO_MEMORY. */
int captions_make(Err *e, const CaptionSpec *spec, CaptionReport *report);

#endif
