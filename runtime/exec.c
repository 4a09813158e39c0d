/* exec.c - runs phases on the plan's device.
 *
 * In: an open plan.  Out: the phase's effect on the arenas.  Pack phases run by
 * themselves when what they read has changed. */
#include "runtime/exec.h"

#include <stdlib.h>
#include <string.h>

struct Exec {
    u8 *stale;   /* [phase][pack phase]: running the first makes the copies
                  * of the second old */
    u32 *packed; /* per pack phase: run->weights_version of its copies, 0 when
                  * they are old */
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

int
exec_open(Err *e, Run *run)
{
    const Plan *p = &run->plan;
    struct Exec *x = calloc(1, sizeof *x);

    run->exec = x;
    FAIL_IF(!x, e, SOHO_MEMORY, "no memory for %u phases", p->nphase);
    x->stale = calloc((u64)p->nphase * p->nphase + 1, 1);
    x->packed = calloc(p->nphase + 1, sizeof *x->packed);
    FAIL_IF(!x->stale || !x->packed, e, SOHO_MEMORY, "no memory for %u phases",
            p->nphase);
    return find_stale(e, p, x->stale);
}

void
exec_close(struct Exec *x)
{
    if (!x)
        return;
    free(x->stale);
    free(x->packed);
    free(x);
}

/* ----------------------------------------------------------------- running */

/* Starts a phase and marks the copies that it makes old. */
static int
start_marking(Run *run, u32 p)
{
    struct Exec *x = run->exec;
    u32 n = run->plan.nphase;

    TRY(run->device->start(run, p));
    for (u32 i = 0; i < n; i++)
        if (x->stale[(u64)p * n + i])
            x->packed[i] = 0;
    return 0;
}

/* Starts the pack phase unless its copies are still right. */
static int
pack(Run *run, u32 p)
{
    if (run->exec->packed[p] == run->weights_version)
        return 0;
    TRY(start_marking(run, p));
    run->exec->packed[p] = run->weights_version;
    return 0;
}

static int
start(Run *run, u32 p)
{
    const Plan *plan = &run->plan;

    FAIL_IF(p >= plan->nphase, &run->err, SOHO_USAGE,
            "%s: there is no phase %u", plan->path, p);
    FAIL_IF(!run_opens(run, p), &run->err, SOHO_USAGE,
            "%s: phase %s was not opened", plan->path,
            plan_text(plan, plan->phase[p].name));
    if (plan->phase[p].kind == PH_pack)
        return pack(run, p);
    if (plan->phase[p].pack != PLAN_NONE)
        TRY(pack(run, plan->phase[p].pack));
    return start_marking(run, p);
}

int
run_phase(Run *run, u32 p)
{
    u64 ticket;

    TRY(start(run, p));
    if (!run->device->mark)
        return 0;
    TRY(run->device->mark(run, &ticket));
    return run_settle(run, ticket);
}

static int
has_input(const Plan *plan, const PlanPhase *h)
{
    for (u32 i = h->door; i < h->door + h->ndoor; i++)
        if (!plan->door[i].out)
            return 1;
    return 0;
}

int
run_submit(Run *run, u32 p, u64 *ticket)
{
    *ticket = 0;
    TRY(start(run, p));
    if (!run->device->mark)
        return 0;
    TRY(run->device->mark(run, ticket));
    if (has_input(&run->plan, &run->plan.phase[p])) {
        run->now = (run->now + 1) % run->nside;
        run->arena[AR_io] = run->side[run->now];
    }
    return 0;
}

int
run_settle(Run *run, u64 ticket)
{
    return run->device->wait ? run->device->wait(run, ticket) : 0;
}

const u64 *
run_times(const Run *run)
{
    return run->device->times(run);
}

int
run_ceiling(Run *run, RunCeiling *ceiling)
{
    memset(ceiling, 0, sizeof *ceiling);
    return run->device->ceiling ? run->device->ceiling(run, ceiling) : 0;
}

int
run_tune(Run *run, RunChose *chose, void *context)
{
    return run->device->tune ? run->device->tune(run, chose, context) : 0;
}

int
run_identity(const Run *run, char text[RUN_IDENTITY])
{
    if (!run->device->identity)
        return 0;
    run->device->identity(run, text);
    return 1;
}
