/* convs.h - convolutions of a plan by NVIDIA's cuDNN. */
#ifndef SOHO_CONVS_H
#define SOHO_CONVS_H

#include "runtime/cuda/driver.h"

typedef struct Convs Convs;       /* the library on one device */
typedef struct ConvCall ConvCall; /* a prepared convolution */

/* Opens cuDNN for the plan's device of compute capability `arch` (90: 9.0) and
 * the stream that calls run on.  SOHO_DEVICE: there is none. */
int convs_open(Err *e, const Plan *plan, u32 arch, void *stream, Convs **convs);
void convs_close(Convs *convs);
size_t convs_version(const Convs *convs); /* 0: not open */
/* Candidate 0: makes the plan's engine for row `conv`, or asks for another one
 * that needs no more scratch; from 1 on: the engines that cuDNN proposes here.
 * The step's arguments lie at `at`.  SOHO_DEVICE: there is none. */
int convs_prepare(Err *e, Convs *convs, u32 conv, const DevicePtr *at,
                  u32 candidate, ConvCall **call);
void convs_forget(Convs *convs, ConvCall *call);
int convs_run(Convs *convs, const ConvCall *call);

/* The text of a plan made for one device, for another of the same architecture:
 * numbers that cuDNN compares are those of `device`.  malloc'ed; NULL: no
 * memory, or the texts lack one of them. */
char *convs_adapt(const char *plan, const char *device);

#endif
