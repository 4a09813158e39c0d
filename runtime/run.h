/* run.h - inside the runtime: an open plan, its device, its phases. */
#ifndef SOHO_RUN_H
#define SOHO_RUN_H

#include <limits.h>
#include <stdio.h>

#include "soho/kernel.h"
#include "soho/plan.h"
#include "soho/rt.h"
#include "runtime/err.h"
#include "runtime/tensors.h"

/* ------------------------------------------------------------- planread.c */

/* plan.bin in memory, every row checked: afterwards indices, ranges, names
 * and counts are trusted. */
typedef struct Plan {
    u8 *file;      /* the whole file, owned */
    u64 bytes;
    char *path;    /* owned; folder of the code files */
    const PlanHead *head;
    const char *text; /* STRINGS */
    const PlanMeta *meta;       u32 nmeta;
    const PlanArena *arena;
    const PlanBuffer *buffer;   u32 nbuffer;
    const PlanBlob *blob;       u32 nblob;
    const PlanKernel *kernel;   u32 nkernel;
    const PlanGemm *gemm;       u32 ngemm;
    const PlanConv *conv;       u32 nconv;
    const PlanEngine *engine;   u32 nengine;
    const PlanArg *arg;         u32 narg;
    const PlanStep *step;       u32 nstep;
    const PlanDoor *door;       u32 ndoor;
    const PlanPhase *phase;     u32 nphase;
    const u32 *answer;          u32 nanswer;
    const char *vocab;          u64 vocab_bytes;
} Plan;

/* Reads and verifies the file; never loads code.  SOHO_IO, SOHO_BAD. */
int plan_open(Err *e, const char *path, Plan *plan);
/* The same over bytes that the caller owns (tests, fuzzing). */
int plan_check(Err *e, const char *path, const u8 *data, u64 bytes, Plan *plan);
void plan_close(Plan *plan);
/* Value of a META key, or NULL. */
const char *plan_meta(const Plan *plan, const char *key);
f64 plan_meta_number(const Plan *plan, const char *key, f64 missing);
/* Index of a phase or buffer by name, or PLAN_NONE. */
u32 plan_phase(const Plan *plan, const char *name);
u32 plan_buffer(const Plan *plan, const char *name);
/* The phase called name[0..n): "train@96x128", or "train" where there is one
 * such phase only.  SOHO_USAGE lists the phases. */
int plan_find_phase(Err *e, const Plan *plan, const char *name, size_t n,
                    u32 *phase);
static inline const char *
plan_text(const Plan *plan, u32 offset)
{
    return plan->text + offset;
}

/* planverify.c: lifetimes inside each phase: nothing is read before it is
 * written, no write touches a live neighbour. */
int plan_verify(Err *e, const Plan *plan);

/* planshow.c: the disassembly (`soho-rt plan`), the text of plan.txt. */
void plan_show(const Plan *plan, FILE *out);

/* --------------------------------------------------------------- device.c */

typedef struct Device Device; /* exec.h */

/* Batches that may be under way on a device of its own: one computes while the
 * next one is filled. */
enum { RUN_SIDES = 2 };

/* One open plan on a device. */
typedef struct Run {
    Plan plan;
    Err err;
    const Device *device;
    void *own;         /* the device's: code, prepared calls */
    u8 *arena[NARENA]; /* in host memory; NULL where no opened phase needs it */
    u8 *side[RUN_SIDES]; /* AR_io once for each batch on its way; arena[AR_io]
                          * is the one that is filled, side[now] */
    u32 now, nside;
    const u8 *told; /* the side whose output doors were settled last */
    u64 arena_bytes[NARENA];
    struct Exec *exec; /* which packed weights are old (exec.c) */
    u32 weights_version; /* grows when weights are read or set from outside */
    u32 opened; /* bit PH_*: kinds that may run */
    struct Words *words; /* opened on first use */
    int trace; /* take the time of every step, see run_times() */
} Run;

/* kinds: bits 1 << PH_*, 0 = all; pack phases come with those that need them.
 * SOHO_DEVICE where this machine is not the one that the plan was made for. */
int run_open(Err *e, const char *plan, u32 kinds, Run **run);
void run_close(Run *run);
/* Runs phase index p, its pack phase first if that is stale. */
int run_phase(Run *run, u32 p);
/* Starts the same, with the doors of side `now`; a phase with input doors then
 * makes the other side the one to fill.  At most run->nside batches may be
 * under way, none of them unsettled when its side is filled again. */
int run_submit(Run *run, u32 p, u64 *ticket);
/* Waits for that phase: its output doors can be read, and what the device
 * writes into the step block, until the next one is settled. */
int run_settle(Run *run, u64 ticket);
SohoStep *run_step(Run *run); /* the step block */
/* Host address, good until the next phase runs (input doors: as long as this
 * side is filled); what is written there, doors
 * and step block aside, is told by run_weights_changed().  NULL where no opened
 * phase needs that part of the arena. */
void *run_buffer(Run *run, u32 buffer);
void run_weights_changed(Run *run);
/* Best instruction set of this machine (CPU_*, 0: none); a test may put a
 * lesser one here. */
extern u32 (*run_cpu)(void);
/* Nanoseconds of the last run of each step of the plan, with run->trace. */
const u64 *run_times(const Run *run);

/* The most that the device moves and computes per second, measured: a copy,
 * bytes read and written; products of large matrices.  0 where nobody knows. */
typedef struct RunCeiling {
    f64 bytes, f32, tf32, half;
} RunCeiling;
int run_ceiling(Run *run, RunCeiling *ceiling);

/* Ways that libraries have for a step, at most. */
enum { CANDIDATES = 8, RUN_IDENTITY = 256 };
/* What was found for a library step: candidate `choice` of so many. */
typedef struct RunChoice {
    u32 step, choice, candidates;
    f64 ms, first_ms;
} RunChoice;
typedef void RunChose(void *context, const RunChoice *choice);
/* Times the candidates of each library step of the opened phases, and takes the
 * best; each phase has to have run. */
int run_tune(Run *run, RunChose *chose, void *context);
/* Device and libraries that candidates are about; 0: there is no choice. */
int run_identity(const Run *run, char text[RUN_IDENTITY]);

/* -------------------------------------------------------------- weights.c */

/* Weights of a plan by name, from a folder or a file; half, bfloat16 and double
 * become the plan's single precision.  Names of ResNet and BERT are known
 * (weight_names.c).  weights_load may succeed and leave a warning in e->text:
 * weights that were trained with another mask. */
int weights_load(Err *e, Run *run, const char *path, u32 *unexpected);
/* What training begins with: loads what fits of one file, marks it in
 * have[plan.nbuffer], and says in a line what it took and what not.  SOHO_BAD:
 * nothing fits.  A warning as above. */
typedef void WeightsSay(void *context, const char *line);
int weights_add(Err *e, Run *run, const char *path, u8 *have, WeightsSay *say,
                void *context);
/* Says which weights are not marked. */
void weights_left(const Run *run, const u8 *have, WeightsSay *say,
                  void *context);
/* PATH, or PATH/weights.safetensors where PATH is a folder. */
int weights_file(Err *e, const char *path, char file[PATH_MAX]);
int weights_save(Err *e, Run *run, const char *path);

#endif
