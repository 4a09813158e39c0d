/* weight_names.h - names of weights that other programs gave them, and the
 * official ones. */
#ifndef SOHO_WEIGHT_NAMES_H
#define SOHO_WEIGHT_NAMES_H

#include "soho/plan.h"

enum WeightName {
    WEIGHT_SAME,       /* no rule knows the name */
    WEIGHT_RENAMED,    /* `to` is the official one */
    WEIGHT_DROPPED,    /* of another network's head */
    WEIGHT_PRETRAINED, /* official, but of pre-training alone */
    WEIGHT_COUNTER     /* PyTorch's num_batches_tracked, under `to` */
};

/* What becomes of a tensor that a plan has not under its own name.  `to` is the
 * official name, the same where no rule knows another; "" where it is longer
 * than a plan's names can be. */
int weight_name(const char *name, char to[PLAN_NAME + 1]);

/* The name of the word embeddings, and the second one under which a
 * pre-training module of the official code knows the same tensor. */
#define WEIGHT_WORDS "language.bert.embeddings.word_embeddings.weight"
#define WEIGHT_TIED  "mask_l_fc.weight"
#define WEIGHT_CODES "neck.vq.embed" /* only pre-training has it */
#define WEIGHT_STEPS ".num_batches_tracked"

#endif
