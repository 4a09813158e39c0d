/* device.c - opens a plan on its device: the CPU (run_cpu.c) or a GPU
 * (cuda/run_cuda.c).
 *
 * In: plan.bin and the code files beside it.  Out: an open Run, with arenas in
 * host memory: the device's own, or copies of them.  Code is loaded only after
 * its SHA-256 was compared with the plan's. */
#include "runtime/exec.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <sys/mman.h>

#include "runtime/data/data.h"
#include "runtime/vfs.h"

int
run_mismatch(Err *e, const Plan *plan, const char *fmt, ...)
{
    char why[ERR_TEXT / 2];
    const char *model = plan_meta(plan, "model");
    va_list args;

    va_start(args, fmt);
    vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    return err_set(e, SOHO_DEVICE,
                   "%s: %s: compile it for this machine: sohoc %s -o DIR",
                   plan->path, why, model ? model : "MODEL.lua");
}

int
run_opens(const Run *run, u32 p)
{
    const Plan *plan = &run->plan;

    if (run->opened >> plan->phase[p].kind & 1)
        return 1;
    for (u32 i = 0; plan->phase[p].kind == PH_pack && i < plan->nphase; i++)
        if (plan->phase[i].pack == p && run->opened >> plan->phase[i].kind & 1)
            return 1;
    return 0;
}

/* ------------------------------------------------------------------ arenas */

/* Zeroed memory at a multiple of 2 MiB, in large pages where the system has
 * them (a tenth of the time of a step is page faults and TLB misses without).
 * NULL: none. */
static void *
map_memory(u64 bytes)
{
    const u64 huge = 2 << 20;
    u64 begin, end, whole = bytes + huge;
    u8 *at = mmap(NULL, whole, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (at == MAP_FAILED)
        return NULL;
    begin = align_up((u64)(uintptr_t)at, huge) - (u64)(uintptr_t)at;
    end = begin + align_up(bytes, 4096);
    if (begin)
        munmap(at, begin);
    if (end < whole)
        munmap(at + end, whole - end);
    madvise(at + begin, bytes, MADV_HUGEPAGE); /* a wish: may fail */
    return at + begin;
}

/* A device that computes by itself has room for the next batch, too. */
static int
map_sides(Err *e, Run *run)
{
    u64 bytes = run->arena_bytes[AR_io];

    run->side[0] = run->arena[AR_io];
    run->nside = 1;
    if (!run->device->mark || !bytes)
        return 0;
    for (; run->nside < RUN_SIDES; run->nside++) {
        run->side[run->nside] = map_memory(bytes);
        FAIL_IF(!run->side[run->nside], e, SOHO_MEMORY,
                "%s: no memory for another %" PRIu64 " bytes of its io arena",
                run->plan.path, bytes);
    }
    return 0;
}

/* One mapping per arena; only what is touched costs. */
static int
map_arenas(Err *e, Run *run)
{
    static const char *const name[NARENA] = {
#define X(word, what) #word,
        SOHO_ARENAS(X)
#undef X
    };
    const Plan *p = &run->plan;

    run->arena_bytes[AR_state] = sizeof(SohoStep);
    for (u32 i = 0; i < p->nphase; i++)
        for (u32 k = 0; run_opens(run, i) && k < NARENA; k++)
            if (p->phase[i].need[k] > run->arena_bytes[k])
                run->arena_bytes[k] = p->phase[i].need[k];
    for (u32 k = 0; k < NARENA; k++) {
        void *at;

        if (!run->arena_bytes[k])
            continue;
        at = map_memory(run->arena_bytes[k]);
        FAIL_IF(!at, e, SOHO_MEMORY,
                "%s: no memory for the %" PRIu64 " bytes of its %s arena",
                p->path, run->arena_bytes[k], name[k]);
        run->arena[k] = at;
    }
    return map_sides(e, run);
}

/* -------------------------------------------------------------------- code */

/* Path of a file beside the plan; with a slash, so that dlopen searches
 * nowhere else. */
int
run_beside(Err *e, const Plan *plan, const char *file, char path[PATH_MAX])
{
    const char *slash = strrchr(plan->path, '/');
    int n = slash ? (int)(slash - plan->path) : 1;

    FAIL_IF(snprintf(path, PATH_MAX, "%.*s/%s", n, slash ? plan->path : ".",
                     file) >= PATH_MAX,
            e, SOHO_IO, "%.64s...: path of more than %d bytes", plan->path,
            PATH_MAX);
    return 0;
}

static int
check_blob(Err *e, const char *path, const PlanBlob *blob, const u8 *data,
           u64 bytes)
{
    u8 hash[32];

    FAIL_IF(bytes != blob->bytes, e, SOHO_BAD,
            "%s: %" PRIu64 " bytes, the plan was made with %" PRIu64
            ": compile the model again",
            path, bytes, blob->bytes);
    FAIL_IF(!EVP_Digest(data, bytes, hash, NULL, EVP_sha256(), NULL), e,
            SOHO_BUG, "libcrypto has no SHA-256");
    FAIL_IF(memcmp(hash, blob->sha256, sizeof hash), e, SOHO_BAD,
            "%s: its SHA-256 begins %02x%02x%02x%02x, the plan was made with "
            "%02x%02x%02x%02x: compile the model again",
            path, hash[0], hash[1], hash[2], hash[3], blob->sha256[0],
            blob->sha256[1], blob->sha256[2], blob->sha256[3]);
    return 0;
}

int
run_read_blob(Err *e, const Plan *p, u32 i, char path[PATH_MAX], u8 **data,
              u64 *bytes)
{
    const PlanBlob *blob = &p->blob[i];

    TRY(run_beside(e, p, plan_text(p, blob->name), path));
    TRY(vfs_read_file(e, path, blob->bytes + 1, data, bytes));
    if (check_blob(e, path, blob, *data, *bytes))
        free(*data);
    return e->code;
}

/* ------------------------------------------------------------------- doors */

static int
open_parts(Err *e, Run *run, const char *plan)
{
    static const Device *const devices[] = {
        [TARGET_cpu] = &device_cpu, [TARGET_cuda] = &device_cuda};

    TRY(plan_open(e, plan, &run->plan));
    run->device = devices[run->plan.head->target];
    FAIL_IF(!run->device, e, SOHO_DEVICE,
            "%s: made for target null, which has no code: compile it with "
            "sohoc -t cpu",
            run->plan.path);
    TRY(run->device->check(e, &run->plan));
    TRY(map_arenas(e, run));
    TRY(exec_open(e, run));
    return run->device->open(e, run);
}

int
run_open(Err *e, const char *plan, u32 kinds, Run **run)
{
    Run *r = calloc(1, sizeof *r);

    *run = NULL;
    FAIL_IF(!r, e, SOHO_MEMORY, "%s: no memory", plan);
    r->opened = kinds ? kinds : (1u << NPHASEKIND) - 1;
    r->weights_version = 1;
    if (open_parts(e, r, plan)) {
        run_close(r);
        return e->code;
    }
    *run = r;
    return 0;
}

void
run_close(Run *run)
{
    if (!run)
        return;
    if (run->own)
        run->device->close(run);
    exec_close(run->exec);
    if (run->side[0])
        run->arena[AR_io] = run->side[0];
    for (u32 k = 0; k < NARENA; k++)
        if (run->arena[k])
            munmap(run->arena[k], run->arena_bytes[k]);
    for (u32 i = 1; i < RUN_SIDES; i++)
        if (run->side[i])
            munmap(run->side[i], run->arena_bytes[AR_io]);
    if (run->words)
        words_close(run->words);
    plan_close(&run->plan);
    free(run);
}

SohoStep *
run_step(Run *run)
{
    return (SohoStep *)(void *)run->arena[AR_state];
}

void *
run_buffer(Run *run, u32 buffer)
{
    const PlanBuffer *b = &run->plan.buffer[buffer];

    if (b->offset + b->bytes > run->arena_bytes[b->arena])
        return NULL;
    if (run->device->fetch)
        run->device->fetch(run, b->arena);
    if (b->role == RO_output && run->told)
        return (u8 *)run->told + b->offset;
    return run->arena[b->arena] + b->offset;
}

void
run_weights_changed(Run *run)
{
    run->weights_version++;
    if (run->device->changed)
        run->device->changed(run);
}
