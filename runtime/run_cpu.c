/* run_cpu.c - the CPU under a plan: the check that this machine is the one the
 * plan was made for, generated code, and one prepared call per step.
 *
 * Everything is prepared when the plan is opened: nothing is decided or
 * allocated while a phase runs. */
#include "runtime/exec.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <dlfcn.h>
#include <omp.h>

/* One step: a kernel, a library call, or words to write. */
typedef struct Call {
    SohoKernel *kernel;
    LibCall *lib;
    const SohoArg *arg;
} Call;

/* The device's own part of a run. */
typedef struct Cpu {
    void *code;   /* dlopen handle of kernels.so */
    Dnnl *dnnl;   /* oneDNN engine, stream */
    Call *call;   /* one per step of the plan */
    SohoArg *arg; /* one per argument */
    u64 *ns;      /* last time of each step, where run->trace is set */
} Cpu;

/* ----------------------------------------------------------------- machine */

static u32
cpu_here(void)
{
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return 0;
    return __builtin_cpu_supports("avx512f") &&
                   __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx512dq") &&
                   __builtin_cpu_supports("avx512vl")
               ? CPU_avx512
               : CPU_avx2;
}

u32 (*run_cpu)(void) = cpu_here;

static int
check_machine(Err *e, const Plan *plan)
{
    static const char *const cpu[] = {"no AVX2", "avx2", "avx512"};
    u32 have = run_cpu();
    int processors = omp_get_num_procs();

    if (plan->head->cpu > have)
        return run_mismatch(e, plan, "made for %s, this CPU has %s",
                            cpu[plan->head->cpu], cpu[have]);
    if (plan->head->threads > (u32)processors)
        return run_mismatch(e, plan,
                            "made for %u threads, this process may use %d",
                            plan->head->threads, processors);
    return 0;
}

/* -------------------------------------------------------------------- code */

static int
load_code(Err *e, Run *run, Cpu *cpu)
{
    const Plan *p = &run->plan;
    char path[PATH_MAX];
    u8 *data;
    u64 bytes;

    if (!p->nkernel)
        return 0;
    FAIL_IF(p->nblob != 1, e, SOHO_BAD, "%s: %u code files, expected 1",
            p->path, p->nblob);
    TRY(run_read_blob(e, p, 0, path, &data, &bytes));
    free(data);
    cpu->code = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    FAIL_IF(!cpu->code, e, SOHO_BAD, "%s: cannot load: %s", path, dlerror());
    return 0;
}

/* --------------------------------------------------------------- preparing */

static int
prepare_kernel(Err *e, Run *run, Cpu *cpu, const PlanStep *s, Call *call)
{
    const char *symbol =
        plan_text(&run->plan, run->plan.kernel[s->what].symbol);
    void *at = dlsym(cpu->code, symbol);

    FAIL_IF(!at, e, SOHO_BAD, "%s: its code file exports no kernel %s",
            run->plan.path, symbol);
    memcpy(&call->kernel, &at, sizeof at); /* ISO C has no cast for this */
    return 0;
}

static int
prepare_library(Err *e, Run *run, Cpu *cpu, u32 i, Call *call)
{
    void *at[MAX_LIBRARY_ARGS];

    for (u32 k = 0; k < run->plan.step[i].narg; k++)
        at[k] = (void *)call->arg[k].p;
    return libdnnl_prepare(e, cpu->dnnl, &run->plan, i, at, &call->lib);
}

/* Addresses and numbers of step i, then its call. */
static int
prepare_step(Err *e, Run *run, Cpu *cpu, u32 i)
{
    const Plan *p = &run->plan;
    const PlanStep *s = &p->step[i];
    SohoArg *arg = cpu->arg + s->arg;
    Call *call = &cpu->call[i];

    for (u32 k = 0; k < s->narg; k++) {
        const PlanArg *a = &p->arg[s->arg + k];

        if (a->kind == ARG_int)
            arg[k].i = a->value;
        else
            arg[k].p = (u8 *)run_buffer(run, a->buffer) + a->value;
    }
    call->arg = arg;
    if (s->kind == ST_kernel)
        return prepare_kernel(e, run, cpu, s, call);
    return s->kind == ST_fill ? 0 : prepare_library(e, run, cpu, i, call);
}

static int
cpu_open(Err *e, Run *run)
{
    const Plan *p = &run->plan;
    Cpu *cpu = calloc(1, sizeof *cpu);

    run->own = cpu;
    FAIL_IF(!cpu, e, SOHO_MEMORY, "no memory for %u steps", p->nstep);
    TRY(load_code(e, run, cpu));
    TRY(libdnnl_open(e, p, &cpu->dnnl));
    cpu->call = calloc(p->nstep + 1, sizeof *cpu->call);
    cpu->arg = calloc(p->narg + 1, sizeof *cpu->arg);
    cpu->ns = calloc(p->nstep + 1, sizeof *cpu->ns);
    FAIL_IF(!cpu->call || !cpu->arg || !cpu->ns, e, SOHO_MEMORY,
            "no memory for %u steps", p->nstep);
    for (u32 i = 0; i < p->nphase; i++)
        for (u32 s = 0; run_opens(run, i) && s < p->phase[i].nstep; s++)
            TRY(prepare_step(e, run, cpu, p->phase[i].step + s));
    return 0;
}

static void
cpu_close(Run *run)
{
    Cpu *cpu = run->own;

    for (u32 i = 0; cpu->call && i < run->plan.nstep; i++)
        libdnnl_forget(cpu->call[i].lib);
    libdnnl_close(cpu->dnnl);
    if (cpu->code)
        dlclose(cpu->code);
    free(cpu->call);
    free(cpu->arg);
    free(cpu->ns);
    free(cpu);
}

/* ----------------------------------------------------------------- running */

static u64
now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (u64)t.tv_sec * 1000000000u + (u64)t.tv_nsec;
}

/* to, bytes, word */
static void
fill(const SohoArg *arg)
{
    u32 *to = arg[0].p, word = (u32)arg[2].i;

    if (word == 0)
        memset(to, 0, (u64)arg[1].i);
    else
        for (i64 i = 0; i < arg[1].i / 4; i++)
            to[i] = word;
}

static int
run_call(const Cpu *cpu, const Call *call)
{
    if (call->kernel)
        call->kernel(call->arg);
    else if (call->lib)
        return libdnnl_run(cpu->dnnl, call->lib);
    else
        fill(call->arg);
    return 0;
}

static int
cpu_run(Run *run, u32 p)
{
    const PlanPhase *h = &run->plan.phase[p];
    Cpu *cpu = run->own;

    if (omp_get_max_threads() != (int)run->plan.head->threads)
        omp_set_num_threads((int)run->plan.head->threads); /* another thread */
    for (u32 s = h->step; s < h->step + h->nstep; s++) {
        u64 begin = run->trace ? now_ns() : 0;
        int code = run_call(cpu, &cpu->call[s]);

        FAIL_IF(code, &run->err, code, "%s: step %u (%s) failed in oneDNN",
                run->plan.path, s,
                plan_text(&run->plan, run->plan.step[s].name));
        if (run->trace)
            cpu->ns[s] = now_ns() - begin;
    }
    return 0;
}

static const u64 *
cpu_times(const Run *run)
{
    return ((const Cpu *)run->own)->ns;
}

const Device device_cpu = {.check = check_machine,
                           .open = cpu_open,
                           .close = cpu_close,
                           .start = cpu_run,
                           .times = cpu_times};
