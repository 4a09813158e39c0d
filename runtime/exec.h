/* exec.h - what device.c, exec.c and libdnnl.c share: prepared calls. */
#ifndef SOHO_EXEC_H
#define SOHO_EXEC_H

#include "runtime/run.h"

/* ------------------------------------------------------------- libdnnl.c */

typedef struct Dnnl Dnnl;
enum { MAX_LIBRARY_ARGS = 6 };  /* planread.h's MAX_OPERANDS */
typedef struct LibCall LibCall; /* primitives and their memory objects */

/* Engine and stream for the plan's instruction set and threads. */
int libdnnl_open(Err *e, const Plan *plan, Dnnl **dnnl);
void libdnnl_close(Dnnl *dnnl);

/* Prepares step i, whose arguments lie at `at`.  SOHO_DEVICE where this
 * machine's library needs other sizes than the plan has. */
int libdnnl_prepare(Err *e, Dnnl *dnnl, const Plan *plan, u32 i,
                    void *const *at, LibCall **call);
void libdnnl_forget(LibCall *call);
/* Runs a prepared call; 0, or SOHO_MEMORY, SOHO_BUG. */
int libdnnl_run(Dnnl *dnnl, const LibCall *call);

/* ----------------------------------------------------------------- exec.c */

/* Finds out what makes packed weights old. */
int exec_open(Err *e, Run *run);
void exec_close(struct Exec *exec);

/* --------------------------------------------------------------- device.c */

/* What plans run on.  A device with memory of its own has `fetch` and
 * `changed`; the arenas of the Run are then copies that a caller may read and
 * write. */
struct Device {
    /* Is there such a device here?  SOHO_DEVICE. */
    int (*check)(Err *e, const Plan *plan);
    /* Loads code, prepares every step; run->own is set even on an error. */
    int (*open)(Err *e, Run *run);
    void (*close)(Run *run);
    /* Runs phase p, or starts it where the device has `mark` and `wait`; what
     * failed is in run->err. */
    int (*start)(Run *run, u32 p);
    /* A ticket for all that was started, output doors and step block. */
    int (*mark)(Run *run, u64 *ticket);
    int (*wait)(Run *run, u64 ticket);
    /* Nanoseconds of the last run of each step. */
    const u64 *(*times)(const Run *run);
    /* What this device can do, measured; NULL: nobody knows. */
    int (*ceiling)(Run *run, RunCeiling *ceiling);
    /* Chooses among candidates; says what they are about. */
    int (*tune)(Run *run, RunChose *chose, void *context);
    void (*identity)(const Run *run, char text[RUN_IDENTITY]);
    /* Brings the copy of an arena up to date. */
    void (*fetch)(Run *run, u32 arena);
    /* The caller has written weights or state. */
    void (*changed)(Run *run);
};
extern const Device device_cpu, device_cuda;

/* Code file i of the plan, whole, once its size and SHA-256 are the plan's;
 * *data is the caller's. */
int run_read_blob(Err *e, const Plan *plan, u32 i, char path[PATH_MAX],
                  u8 **data, u64 *bytes);

/* Path of a file beside the plan, with a slash. */
int run_beside(Err *e, const Plan *plan, const char *file, char path[PATH_MAX]);

/* Is phase p one of the opened kinds, or packs for one of them? */
int run_opens(const Run *run, u32 p);

/* SOHO_DEVICE: "PLAN: reason: compile it for this machine: sohoc ..." */
int run_mismatch(Err *e, const Plan *plan, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
