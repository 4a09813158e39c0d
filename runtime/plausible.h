/* plausible.h - input for phases that are only timed. */
#ifndef SOHO_PLAUSIBLE_H
#define SOHO_PLAUSIBLE_H

#include "runtime/run.h"

/* Fills the input doors of a phase, on all sides: pictures without a pattern,
 * full sizes, tokens that exist, one answer of four. */
void plausible_doors(Run *run, u32 phase);

#endif
