/* kernel.h - how the runtime calls a generated CPU kernel.
 *
 * kernels.so exports one function per kernel.  Its argument block is an array
 * of 8-byte words in the order of the step's arguments: buffers as pointers,
 * sizes and strides (in elements) as integers.  A kernel returns nothing: what
 * could fail was checked when the plan was made and when it was opened. */
#ifndef SOHO_KERNEL_H
#define SOHO_KERNEL_H

#ifndef SOHO_CUDA /* CUDA's prelude has its own */
#include <stdint.h>

typedef union SohoArg {
    void *p;
    int64_t i;
} SohoArg;

typedef void SohoKernel(const SohoArg *arg);
#endif

/* The step block: device-resident words at the start of the state arena.  The
 * runtime writes the upper part before a phase, the plan writes the rest.
 * Sixteen words each; unused ones are 0. */
typedef struct SohoStep {
    /* written by the runtime */
    uint32_t seed[2]; /* low, high word of the run's seed */
    uint32_t t;       /* micro-batches before this one, also skipped ones */
    uint32_t window;  /* position in the accumulation window, from 0 */
    uint32_t epoch;   /* whole epochs before this micro-batch */
    uint32_t total;   /* micro-batches the run is going to make, 0 = unknown */
    uint32_t rows;    /* valid rows of this batch (evaluation) */
    uint32_t epochs;  /* epochs the run is going to make, 0 = unknown */
    uint32_t epoch_t; /* micro-batches of an epoch, 0 = unknown */
    uint32_t spare[7];
    /* written by the plan */
    uint32_t count;     /* updates committed */
    uint32_t skipped;   /* updates refused because something was not finite */
    uint32_t finite;    /* 1: the last update was committed */
    float lr;           /* factor of the schedule: 1 = the group's own rate */
    float grad_norm;    /* global norm before clipping */
    float clip;         /* coefficient the gradients are multiplied by */
    float loss_scale;   /* factor of the next loss, 0: none has been set */
    float momentum;     /* factor of the schedule of momentum, if any */
    float lr_add;       /* rate added to every group's own, times the factor */
    uint32_t unskipped; /* updates committed since the loss scale changed */
    uint32_t done[6];
} SohoStep;

#endif
