/* exec.c - runs phases: one prepared call per step, nothing decided or
 * allocated in the loop.
 *
 * In: an open plan with its arenas and code.  Out: the phase's effect on the
 * arenas.  Pack phases run by themselves when what they read has changed. */
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

struct Exec {
    Call *call;   /* one per step of the plan */
    SohoArg *arg; /* one per argument */
    u64 *ns;      /* last time of each step, where run->trace is set */
    u8 *stale;    /* [phase][pack phase]: running the first makes the copies
                   * of the second old */
    u32 *packed;  /* per pack phase: run->weights_version of its copies, 0 when
                   * they are old */
    u32 nstep;
};

/* --------------------------------------------------- what makes copies old */

/* Part of an arena. */
typedef struct Span {
    u64 begin, end; /* byte + arena << 48 */
} Span;

static Span
span_of(const PlanBuffer *b)
{
    u64 begin = (u64)b->arena << 48 | b->offset;

    return (Span){begin, begin + b->bytes};
}

static int
by_begin(const void *a, const void *b)
{
    const Span *x = a, *y = b;

    return x->begin < y->begin ? -1 : x->begin > y->begin;
}

/* What the phase writes for others (`pack` 0), or what the copies of a pack
 * phase depend on: what it reads of weights, and the copies themselves. */
static u32
spans(const Plan *p, u32 phase, int pack, Span *to)
{
    const PlanPhase *h = &p->phase[phase];
    u32 n = 0;

    for (u32 s = h->step; s < h->step + h->nstep; s++)
        for (u32 k = 0; k < p->step[s].narg; k++) {
            const PlanArg *a = &p->arg[p->step[s].arg + k];
            const PlanBuffer *b = &p->buffer[a->buffer];

            u32 mode = pack && b->arena != AR_const ? ACCESS_r : ACCESS_w;

            if (a->kind == ARG_buffer && a->mode & mode &&
                (b->arena == AR_param || b->arena == AR_state ||
                 b->arena == AR_const))
                to[n++] = span_of(b);
        }
    return n;
}

/* Sorts spans and joins those that touch. */
static u32
join(Span *s, u32 n)
{
    u32 m = 0;

    qsort(s, n, sizeof *s, by_begin);
    for (u32 i = 0; i < n; i++) {
        if (m && s[i].begin <= s[m - 1].end) {
            if (s[i].end > s[m - 1].end)
                s[m - 1].end = s[i].end;
        } else {
            s[m++] = s[i];
        }
    }
    return m;
}

/* Do two sorted lists of joined spans share a byte? */
static u8
meet(const Span *a, u32 n, const Span *b, u32 m)
{
    u32 i = 0, j = 0;

    while (i < n && j < m) {
        if (a[i].begin < b[j].end && b[j].begin < a[i].end)
            return 1;
        if (a[i].end <= b[j].end)
            i++;
        else
            j++;
    }
    return 0;
}

static int
find_stale(Err *e, const Plan *p, u8 *stale)
{
    Span *read = malloc((p->narg + 1) * sizeof *read);
    Span *written = malloc((p->narg + 1) * sizeof *written);

    if (!read || !written)
        err_set(e, SOHO_MEMORY, "no memory to compare %u phases", p->nphase);
    for (u32 pack = 0; !e->code && pack < p->nphase; pack++) {
        u32 n;

        if (p->phase[pack].kind != PH_pack)
            continue;
        n = join(read, spans(p, pack, 1, read));
        for (u32 i = 0; i < p->nphase; i++) {
            u32 m = join(written, spans(p, i, 0, written));

            stale[(u64)i * p->nphase + pack] =
                i != pack && meet(read, n, written, m);
        }
    }
    free(read);
    free(written);
    return e->code;
}

/* --------------------------------------------------------------- preparing */

static int
prepare_kernel(Err *e, Run *run, const PlanStep *s, Call *call)
{
    const char *symbol =
        plan_text(&run->plan, run->plan.kernel[s->what].symbol);
    void *at = dlsym(run->code, symbol);

    FAIL_IF(!at, e, SOHO_BAD, "%s: its code file exports no kernel %s",
            run->plan.path, symbol);
    memcpy(&call->kernel, &at, sizeof at); /* ISO C has no cast for this */
    return 0;
}

static int
prepare_library(Err *e, Run *run, u32 i, Call *call)
{
    void *at[MAX_LIBRARY_ARGS];

    for (u32 k = 0; k < run->plan.step[i].narg; k++)
        at[k] = (void *)call->arg[k].p;
    return libdnnl_prepare(e, run->dnnl, &run->plan, i, at, &call->lib);
}

/* Addresses and numbers of step i, then its call. */
static int
prepare_step(Err *e, Run *run, u32 i)
{
    const Plan *p = &run->plan;
    const PlanStep *s = &p->step[i];
    SohoArg *arg = run->exec->arg + s->arg;
    Call *call = &run->exec->call[i];

    for (u32 k = 0; k < s->narg; k++) {
        const PlanArg *a = &p->arg[s->arg + k];

        if (a->kind == ARG_int)
            arg[k].i = a->value;
        else
            arg[k].p = (u8 *)run_buffer(run, a->buffer) + a->value;
    }
    call->arg = arg;
    if (s->kind == ST_kernel)
        return prepare_kernel(e, run, s, call);
    return s->kind == ST_fill ? 0 : prepare_library(e, run, i, call);
}

int
exec_open(Err *e, Run *run)
{
    const Plan *p = &run->plan;
    struct Exec *x = calloc(1, sizeof *x);

    run->exec = x;
    FAIL_IF(!x, e, SOHO_MEMORY, "no memory for %u steps", p->nstep);
    x->nstep = p->nstep;
    x->call = calloc(p->nstep + 1, sizeof *x->call);
    x->arg = calloc(p->narg + 1, sizeof *x->arg);
    x->ns = calloc(p->nstep + 1, sizeof *x->ns);
    x->stale = calloc((u64)p->nphase * p->nphase + 1, 1);
    x->packed = calloc(p->nphase + 1, sizeof *x->packed);
    FAIL_IF(!x->call || !x->arg || !x->ns || !x->stale || !x->packed, e,
            SOHO_MEMORY, "no memory for %u steps", p->nstep);
    TRY(find_stale(e, p, x->stale));
    for (u32 i = 0; i < p->nphase; i++)
        for (u32 s = 0; run_opens(run, i) && s < p->phase[i].nstep; s++)
            TRY(prepare_step(e, run, p->phase[i].step + s));
    return 0;
}

void
exec_close(struct Exec *x)
{
    if (!x)
        return;
    for (u32 i = 0; x->call && i < x->nstep; i++)
        libdnnl_forget(x->call[i].lib);
    free(x->call);
    free(x->arg);
    free(x->ns);
    free(x->stale);
    free(x->packed);
    free(x);
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
run_call(Run *run, const Call *call)
{
    if (call->kernel)
        call->kernel(call->arg);
    else if (call->lib)
        return libdnnl_run(run->dnnl, call->lib);
    else
        fill(call->arg);
    return 0;
}

static int
run_steps(Run *run, u32 p)
{
    const PlanPhase *h = &run->plan.phase[p];
    struct Exec *x = run->exec;

    for (u32 s = h->step; s < h->step + h->nstep; s++) {
        u64 begin = run->trace ? now_ns() : 0;
        int code = run_call(run, &x->call[s]);

        FAIL_IF(code, &run->err, code, "%s: step %u (%s) failed in oneDNN",
                run->plan.path, s,
                plan_text(&run->plan, run->plan.step[s].name));
        if (run->trace)
            x->ns[s] = now_ns() - begin;
    }
    return 0;
}

/* Runs a phase and marks the copies that it made old. */
static int
run_marking(Run *run, u32 p)
{
    struct Exec *x = run->exec;
    u32 n = run->plan.nphase;

    TRY(run_steps(run, p));
    for (u32 i = 0; i < n; i++)
        if (x->stale[(u64)p * n + i])
            x->packed[i] = 0;
    return 0;
}

/* Runs the pack phase unless its copies are still right. */
static int
pack(Run *run, u32 p)
{
    if (run->exec->packed[p] == run->weights_version)
        return 0;
    TRY(run_marking(run, p));
    run->exec->packed[p] = run->weights_version;
    return 0;
}

int
run_phase(Run *run, u32 p)
{
    const Plan *plan = &run->plan;

    FAIL_IF(p >= plan->nphase, &run->err, SOHO_USAGE,
            "%s: there is no phase %u", plan->path, p);
    FAIL_IF(!run_opens(run, p), &run->err, SOHO_USAGE,
            "%s: phase %s was not opened", plan->path,
            plan_text(plan, plan->phase[p].name));
    if (omp_get_max_threads() != (int)plan->head->threads)
        omp_set_num_threads((int)plan->head->threads); /* another thread */
    if (plan->phase[p].kind == PH_pack)
        return pack(run, p);
    if (plan->phase[p].pack != PLAN_NONE)
        TRY(pack(run, plan->phase[p].pack));
    return run_marking(run, p);
}

const u64 *
run_times(const Run *run)
{
    return run->exec->ns;
}
