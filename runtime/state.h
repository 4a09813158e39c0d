/* state.h - what a run needs beside its weights to go on bit for bit: moments,
 * committed state, step block, as a safetensors file. */
#ifndef SOHO_STATE_H
#define SOHO_STATE_H

#include "runtime/run.h"

/* Bytes of a checkpoint of this run: weights, state and moments. */
u64 state_bytes(const Run *run);

int state_save(Err *e, Run *run, const char *path);

/* Every tensor of the plan must be there with its shape, and no others. */
int state_load(Err *e, Run *run, const char *path);

#endif
