/* gpu.h - what gpu.c and run_cuda.c share: an NVIDIA GPU under a plan. */
#ifndef SOHO_GPU_H
#define SOHO_GPU_H

#include "runtime/cuda/cudalib.h"
#include "runtime/exec.h"

/* One kernel of the plan. */
typedef struct Function {
    void *at;
    u32 block, shared;
} Function;

typedef struct Graph {
    u32 runs; /* of the phase so far */
    void *exec;
} Graph;

/* What went up before a phase and what came down behind it. */
typedef struct Note {
    SohoStep up, down;
    const u8 *side; /* host memory of its doors */
} Note;
enum { NOTES = 8 }; /* more than run_submit() has under way */

typedef struct Gpu {
    const Driver *driver;
    int device;
    u32 arch; /* compute capability, 90 for 9.0 */
    void *context, *stream, *module;
    void *uploads;         /* the other stream */
    void *arrived, *taken; /* events: doors are beside, in the arena */
    void *done[NOTES];     /* events */
    Note *note;            /* NOTES, pinned */
    u64 tickets;           /* given so far; the next one's note is filled */
    DevicePtr arena[NARENA], beside;
    Function *function; /* per kernel */
    u64 *word;          /* per argument: a device address or a number */
    Graph *graph;       /* per phase */
    CudaLib lib;
    u8 up[NARENA], down[NARENA]; /* the host's, the device's copy is newer */
    void **event;                /* one more than steps, for times */
    u64 *ns;
} Gpu;

/* What the driver says to a call, as an error of the run. */
int gpu_failed(Err *e, const Run *run, const Driver *d, int code,
               const char *doing);

#define DRIVER(call, doing)                                                    \
    do {                                                                       \
        int code_ = gpu->driver->call;                                         \
        if (code_)                                                             \
            return gpu_failed(e, run, gpu->driver, code_, doing);              \
    } while (0)

/* gpu.c: device_cuda's members. */
int gpu_check(Err *e, const Plan *plan);
int gpu_open(Err *e, Run *run);
void gpu_close(Run *run);

/* tune.c */
int gpu_tune(Run *run, RunChose *chose, void *context);
void gpu_identity(const Run *run, char text[RUN_IDENTITY]); /* gpu.c */

/* ceiling.c */
int gpu_ceiling(Run *run, RunCeiling *ceiling);

#endif
