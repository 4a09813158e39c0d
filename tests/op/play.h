/* play.h - a plan beside its reference: the same numbers go into both. */
#ifndef PLAY_H
#define PLAY_H

#include "soho/rt.h"
#include "tests/op/ref.h"

enum { PLAY_SEED = 2021 };

/* Significant bits of the numbers: a float's 24, or what bf16 or f16 hold. */
extern int play_bits;

/* The case that a phase is: its output that is not the loss. */
const char *play_case(const RefPhase *p);
/* Fills all parameters and states of the reference, by name and place. */
void play_fill(Ref *r);
/* Fills the doors of the phase r->now. */
void play_fill_doors(Ref *r);
/* Opens a plan and runs its init phase; exits with its message if it fails. */
Soho *play_open(const char *plan);
/* Copies parameters and states of the reference into the plan. */
void play_put(const Ref *r, Soho *run);
/* Copies the doors of r->now and runs it, once per micro-batch of a window. */
void play_run(const Ref *r, Soho *run);
/* Door or tensor as numbers to read; NULL: there is none. */
const float *play_door(Soho *run, const char *phase, const char *name);
const float *play_tensor(Soho *run, const char *name, const char *prefix);

#endif
