/* evaluate.h - every question of a split answered once, or for a plan of
 * pre-training the means of what its eval phases tell. */
#ifndef SOHO_EVALUATE_H
#define SOHO_EVALUATE_H

#include <signal.h>

#include "runtime/dataset.h"
#include "runtime/meter.h"
#include "runtime/score.h"

typedef struct Evaluation {
    Run *run;
    const Dataset *data;
    const PlanData *plan;
    Feeder *feeder;                    /* over the eval phases, not training */
    const volatile sig_atomic_t *stop; /* not 0: end early; may be NULL */
    i32 *answer;                       /* [nquestion] or NULL: labels given */
    Tally *tally;                      /* scores of answers are added, or */
    Meters *meters;                    /* batches are; the other is NULL */
} Evaluation;

/* Runs the split from its start.  SOHO_STOPPED when stop told so. */
int evaluate(Err *e, const Evaluation *task);

#endif
