/* evaluate.h - every question of a split answered once. */
#ifndef SOHO_EVALUATE_H
#define SOHO_EVALUATE_H

#include <signal.h>

#include "runtime/dataset.h"
#include "runtime/score.h"

typedef struct Evaluation {
    Run *run;
    const Dataset *data;
    const PlanData *plan;
    Feeder *feeder;                    /* over the eval phases, not training */
    const volatile sig_atomic_t *stop; /* not 0: end early; may be NULL */
    i32 *answer;                       /* [nquestion] or NULL: labels given */
} Evaluation;

/* Runs them from the start of the split and adds to `tally`.  SOHO_STOPPED
 * when stop told so. */
int evaluate(Err *e, const Evaluation *task, Tally *tally);

#endif
