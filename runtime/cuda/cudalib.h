/* cudalib.h - library calls of a plan on a GPU: products by cuBLASLt,
 * convolutions by cuDNN. */
#ifndef SOHO_CUDALIB_H
#define SOHO_CUDALIB_H

#include "runtime/cuda/driver.h"

/* What serves the library steps of a plan: NVIDIA's libraries, or what an
 * emulated driver brings along. */
typedef struct CudaLib {
    void *own; /* handles, prepared calls */
    /* Prepares step i, whose arguments lie at `at`, or prepares it anew with
     * another candidate.  SOHO_DEVICE: there is none of that number. */
    int (*prepare)(Err *e, struct CudaLib *lib, u32 i, const DevicePtr *at,
                   u32 candidate);
    /* Runs a prepared step; 0, or what the library said. */
    int (*run)(struct CudaLib *lib, u32 i, const DevicePtr *at, void *stream);
    /* A product that is no step, `times` over; NULL: only steps. */
    int (*product)(Err *e, struct CudaLib *lib, const PlanGemm *row,
                   const DevicePtr *at, u32 times, void *stream);
    void (*close)(struct CudaLib *lib);
    /* Names and versions, for tuned.txt. */
    void (*identity)(const struct CudaLib *lib, char *text, size_t bytes);
    const Plan *plan;
} CudaLib;

/* arch: the device's compute capability, 90 for 9.0; calls run on `stream`. */
int cudalib_open(Err *e, const Plan *plan, const Driver *driver, u32 arch,
                 void *stream, CudaLib *lib);

#endif
