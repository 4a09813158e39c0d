/* state.h - what a run needs beside its weights to go on bit for bit: moments,
 * committed state, step block, as a safetensors file. */
#ifndef SOHO_STATE_H
#define SOHO_STATE_H

#include "runtime/run.h"

/* Bytes of a checkpoint of this run: weights, state and moments. */
u64 state_bytes(const Run *run);

int state_save(Err *e, Run *run, const char *path);

/* The first setting in which this plan is not the one behind a checkpoint
 * folder: "; config.lr is 0.2 now, it was 0.1 then"; "" where the folder does
 * not tell.  Never fails. */
void state_differs(const Run *run, const char *folder, char *text, size_t n);

/* Every tensor of the plan must be there with its shape, and no others. */
int state_load(Err *e, Run *run, const char *path);

#endif
