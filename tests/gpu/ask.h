/* ask.h - what the files of `ask` share: a stream to run on, a room to work in,
 * and times of what runs there. */
#ifndef ASK_H
#define ASK_H

#include "runtime/cuda/driver.h"

/* More of cuDNN's constants: a convolution with sums of its result. */
enum {
    CUDNN_OP_STATS = 14,
    CUDNN_T_STATS = 16,
    CUDNN_A_STATS_MODE = 770,
    CUDNN_A_STATS_TYPE = 771,
    CUDNN_A_STATS_X = 772,
    CUDNN_A_STATS_SUM = 773,
    CUDNN_A_STATS_SQUARES = 774,
    CUDNN_STATS_BOTH = 0,
    CUDNN_A_ENGINE_GRAPH = 1300,
    CUDNN_A_ENGINE_DEVICE = 1307
};

typedef struct Ask {
    const Driver *driver;
    void *stream, *event[2];
    DevicePtr room; /* for operands and scratch */
    u64 bytes;
} Ask;

/* Milliseconds of one call, the median of some rounds; below 0: it failed. */
f64 ask_time(const Ask *a, int (*run)(void *own), void *own);

void ask_convolutions(const Ask *a, const char *h200);
void ask_products(const Ask *a);

#endif
