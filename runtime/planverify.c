/* planverify.c - memory use inside each phase, apart from the compiler's own
 * placement: nothing is read before it is written, and no write touches a
 * value that somebody still reads.
 *
 * In: a plan whose rows were checked.  Out: SOHO_BAD naming phase, step and
 * buffers.  A phase is walked once in the order of its steps with the set of
 * live values sorted by offset: O(n log n) but for the moves inside the set.
 *
 * Temporaries (act) and copies of weights (const) are followed from their
 * first write to their last read; const values live on after the pack phase
 * that wrote them.  Doors and persistent tensors never share memory. */
#include "runtime/planread.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NEVER   (-1)
#define FOREVER INT64_MAX

/* The life of a buffer in the phase being walked. */
typedef struct Life {
    i64 first, last; /* step of its first write and of its last read */
    u32 phase;       /* life holds for this phase + 1; 0: none yet */
} Life;

typedef struct Walk {
    Err *e;
    const Plan *plan;
    u32 phase;
    Life *life;  /* one per buffer */
    u32 *packed; /* const buffers: last pack phase walked that writes it, + 1 */
    u32 *live[2]; /* buffers that are live now, by offset: act and const */
    u32 nlive[2];
} Walk;

static int
fail(const Walk *w, u32 step, const char *what, u32 buffer, u32 other)
{
    const Plan *p = w->plan;
    char path[128];

    return err_set(w->e, SOHO_BAD, "%s: PHASES row %u (%s): step %u %s %s%s%s",
                   err_clean(path, sizeof path, p->path, strlen(p->path)),
                   w->phase, plan_text(p, p->phase[w->phase].name), step, what,
                   plan_text(p, p->buffer[buffer].name),
                   other == PLAN_NONE ? "" : " over ",
                   other == PLAN_NONE ? ""
                                      : plan_text(p, p->buffer[other].name));
}

static u64
end_of(const PlanBuffer *b)
{
    return b->offset + b->bytes;
}

static int
overlap(const PlanBuffer *a, const PlanBuffer *b)
{
    return a->arena == b->arena && a->offset < end_of(b) &&
           b->offset < end_of(a);
}

static Life *
life_of(Walk *w, u32 buffer)
{
    Life *l = &w->life[buffer];

    if (l->phase != w->phase + 1)
        *l = (Life){NEVER, NEVER, w->phase + 1};
    return l;
}

/* ------------------------------------------------------------------- lives */

/* May the phase read a const value: does its pack phase write it? */
static int
is_packed(const Walk *w, u32 buffer)
{
    u32 pack = w->plan->phase[w->phase].pack;

    return pack != PLAN_NONE && w->packed[buffer] == pack + 1;
}

static int
note_read(Walk *w, u32 step, u32 buffer)
{
    const PlanBuffer *b = &w->plan->buffer[buffer];
    Life *l = life_of(w, buffer);

    if (b->arena != AR_act && b->arena != AR_io && b->arena != AR_const)
        return 0;
    if (l->first == NEVER && !(b->arena == AR_const && is_packed(w, buffer)))
        return fail(w, step, "reads what nobody wrote:", buffer, PLAN_NONE);
    if (l->last != FOREVER)
        l->last = step;
    return 0;
}

static int
note_write(Walk *w, u32 step, u32 buffer)
{
    const PlanBuffer *b = &w->plan->buffer[buffer];
    u32 kind = w->plan->phase[w->phase].kind;
    Life *l = life_of(w, buffer);

    if (l->first == NEVER)
        l->first = step;
    if (b->arena != AR_const)
        return 0;
    if (kind != PH_pack)
        return fail(w, step, "is in no pack phase but writes", buffer,
                    PLAN_NONE);
    l->last = FOREVER;
    w->packed[buffer] = w->phase + 1;
    return 0;
}

/* First and last use of every buffer; reads before writes are refused. */
static int
find_lives(Walk *w)
{
    const Plan *p = w->plan;
    const PlanPhase *h = &p->phase[w->phase];

    for (u32 d = h->door; d < h->door + h->ndoor; d++)
        if (!p->door[d].out)
            life_of(w, p->door[d].buffer)->first = h->step;
    for (u32 s = h->step; s < h->step + h->nstep; s++) {
        const PlanArg *a = &p->arg[p->step[s].arg];
        u32 n = p->step[s].narg;

        for (u32 k = 0; k < n; k++)
            if (a[k].kind == ARG_buffer && a[k].mode & ACCESS_r)
                TRY(note_read(w, s, a[k].buffer));
        for (u32 k = 0; k < n; k++)
            if (a[k].kind == ARG_buffer && a[k].mode & ACCESS_w)
                TRY(note_write(w, s, a[k].buffer));
    }
    for (u32 d = h->door; d < h->door + h->ndoor; d++)
        if (p->door[d].out && life_of(w, p->door[d].buffer)->first == NEVER)
            return fail(w, h->step + h->nstep, "is the end, and nobody wrote",
                        p->door[d].buffer, PLAN_NONE);
    return 0;
}

/* ---------------------------------------------------------------- live set */

/* Number of live buffers of the set that begin before `offset`. */
static u32
before(const Walk *w, int set, u64 offset)
{
    u32 low = 0, high = w->nlive[set];

    while (low < high) {
        u32 mid = (low + high) / 2;

        if (w->plan->buffer[w->live[set][mid]].offset < offset)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void
enter(Walk *w, int set, u32 buffer)
{
    u32 at = before(w, set, w->plan->buffer[buffer].offset);
    u32 *live = w->live[set];

    memmove(live + at + 1, live + at, (w->nlive[set] - at) * sizeof *live);
    live[at] = buffer;
    w->nlive[set]++;
}

static void
leave(Walk *w, int set, u32 buffer)
{
    u32 at = before(w, set, w->plan->buffer[buffer].offset);
    u32 *live = w->live[set];

    if (at >= w->nlive[set] || live[at] != buffer)
        return;
    memmove(live + at, live + at + 1, (w->nlive[set] - at - 1) * sizeof *live);
    w->nlive[set]--;
}

/* A live buffer that `buffer` touches, itself excepted. */
static u32
touched(const Walk *w, int set, u32 buffer)
{
    const PlanBuffer *b = &w->plan->buffer[buffer];
    u32 at = before(w, set, b->offset);

    if (at > 0 && overlap(&w->plan->buffer[w->live[set][at - 1]], b))
        return w->live[set][at - 1];
    if (at < w->nlive[set] && w->live[set][at] == buffer)
        at++;
    if (at < w->nlive[set] && overlap(&w->plan->buffer[w->live[set][at]], b))
        return w->live[set][at];
    return PLAN_NONE;
}

/* ------------------------------------------------------------------- steps */

/* Does an argument take part in the sharing of memory?  -1, or its set. */
static int
set_of(const Walk *w, const PlanArg *a)
{
    u32 arena;

    if (a->kind != ARG_buffer)
        return -1;
    arena = w->plan->buffer[a->buffer].arena;
    return arena == AR_act ? 0 : arena == AR_const ? 1 : -1;
}

/* What step s writes may share memory with its other arguments in one case
 * only: a kernel that works in place, on exactly the same bytes. */
static int
check_neighbours(const Walk *w, u32 s, const PlanArg *a, u32 k)
{
    const Plan *p = w->plan;
    const PlanStep *step = &p->step[s];
    const PlanBuffer *b = &p->buffer[a[k].buffer];

    for (u32 j = 0; j < step->narg; j++) {
        const PlanBuffer *c;

        if (a[j].kind != ARG_buffer || a[j].buffer == a[k].buffer)
            continue;
        c = &p->buffer[a[j].buffer];
        if (!overlap(b, c) || b->role == RO_range || c->role == RO_range)
            continue;
        if (step->kind != ST_kernel || a[j].mode != ACCESS_r ||
            b->offset + (u64)a[k].value != c->offset + (u64)a[j].value)
            return fail(w, s, "writes", a[k].buffer, a[j].buffer);
    }
    return 0;
}

/* One step of the walk: values read here for the last time make room, then
 * its writes are checked, then new values enter. */
static int
walk_step(Walk *w, u32 s)
{
    const PlanStep *step = &w->plan->step[s];
    const PlanArg *a = &w->plan->arg[step->arg];

    for (u32 k = 0; k < step->narg; k++)
        if (set_of(w, a + k) >= 0 && life_of(w, a[k].buffer)->last == s)
            leave(w, set_of(w, a + k), a[k].buffer);
    for (u32 k = 0; k < step->narg; k++) {
        int set = set_of(w, a + k);
        u32 other;

        if (a[k].kind != ARG_buffer || !(a[k].mode & ACCESS_w))
            continue;
        TRY(check_neighbours(w, s, a, k));
        other = set < 0 ? PLAN_NONE : touched(w, set, a[k].buffer);
        if (other != PLAN_NONE)
            return fail(w, s, "writes", a[k].buffer, other);
    }
    for (u32 k = 0; k < step->narg; k++) {
        int set = set_of(w, a + k);
        const Life *l = set < 0 ? NULL : life_of(w, a[k].buffer);

        if (l && l->first == s && l->last > s) {
            leave(w, set, a[k].buffer); /* the same buffer twice in a step */
            enter(w, set, a[k].buffer);
        }
    }
    return 0;
}

static int
walk_phase(Walk *w)
{
    const PlanPhase *h = &w->plan->phase[w->phase];

    w->nlive[0] = w->nlive[1] = 0;
    TRY(find_lives(w));
    for (u32 s = h->step; s < h->step + h->nstep; s++)
        TRY(walk_step(w, s));
    return 0;
}

/* ----------------------------------------------------- memory of its own */

typedef struct Owned {
    u32 arena, phase;
    u64 offset, end;
    u32 buffer;
} Owned;

static int
by_offset(const void *a, const void *b)
{
    const Owned *x = a, *y = b;

    if (x->arena != y->arena)
        return x->arena < y->arena ? -1 : 1;
    if (x->phase != y->phase)
        return x->phase < y->phase ? -1 : 1;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return x->buffer < y->buffer ? -1 : x->buffer > y->buffer;
}

/* Parameters, gradients, state, and the doors of one phase lie apart. */
static int
check_owned(Err *e, const Plan *p, Owned *list)
{
    char path[128];
    u32 n = 0;

    for (u32 i = 0; i < p->nbuffer; i++) {
        const PlanBuffer *b = &p->buffer[i];

        if (b->role != RO_range && b->arena != AR_act && b->arena != AR_const)
            list[n++] = (Owned){b->arena, b->phase, b->offset, end_of(b), i};
    }
    qsort(list, n, sizeof *list, by_offset);
    for (u32 i = 1; i < n; i++) {
        const Owned *a = &list[i - 1], *b = &list[i];

        FAIL_IF(a->arena == b->arena && a->phase == b->phase &&
                    b->offset < a->end,
                e, SOHO_BAD,
                "%s: BUFFERS row %u (%s) at %" PRIu64
                " overlaps row %u (%s), which ends at %" PRIu64,
                err_clean(path, sizeof path, p->path, strlen(p->path)),
                b->buffer, plan_text(p, p->buffer[b->buffer].name), b->offset,
                a->buffer, plan_text(p, p->buffer[a->buffer].name), a->end);
    }
    return 0;
}

/* Each pack phase, then the phases that read what it wrote; NONE at last. */
static int
walk_phases(Walk *w)
{
    const Plan *p = w->plan;

    for (u32 pack = 0; pack <= p->nphase; pack++) {
        u32 user = pack < p->nphase ? pack : PLAN_NONE;

        w->phase = pack;
        if (pack < p->nphase && p->phase[pack].kind == PH_pack)
            TRY(walk_phase(w));
        for (w->phase = 0; w->phase < p->nphase; w->phase++)
            if (p->phase[w->phase].pack == user &&
                p->phase[w->phase].kind != PH_pack)
                TRY(walk_phase(w));
    }
    return 0;
}

int
plan_verify(Err *e, const Plan *plan)
{
    u64 n = (u64)plan->nbuffer + 1;
    Walk w = {.e = e, .plan = plan};
    Owned *list = malloc(n * sizeof *list);

    w.life = calloc(n, sizeof *w.life);
    w.packed = calloc(n, sizeof *w.packed);
    w.live[0] = malloc(n * sizeof *w.live[0]);
    w.live[1] = malloc(n * sizeof *w.live[1]);
    if (!list || !w.life || !w.packed || !w.live[0] || !w.live[1])
        err_set(e, SOHO_MEMORY, "no memory to verify %u buffers",
                plan->nbuffer);
    else if (!check_owned(e, plan, list))
        walk_phases(&w);
    free(list);
    free(w.life);
    free(w.packed);
    free(w.live[0]);
    free(w.live[1]);
    return e->code;
}
