/* order.c - the running order of each phase's steps: smallest peak first.
 *
 * needs STEPS; gives ORDER.
 * Steps depend on each other through the buffers they touch (read after write,
 * write after read, write after write; a range touches all it covers).  A list
 * scheduler takes, among the steps that are ready, the one that adds least to
 * the live bytes of the act arena; the first in the old order wins a tie.  The
 * new order is kept only where its peak is smaller. */
#include "compiler/sohoc.h"

/* Who comes after whom, and which act buffers each step touches. */
typedef struct Edge {
    u32 to;
    struct Edge *next;
} Edge;

/* What has happened to a buffer so far. */
typedef struct Past {
    u32 writer;    /* last step that wrote it, or PLAN_NONE */
    Edge *readers; /* since then */
} Past;

typedef struct Sched {
    const Prog *p;
    Func *f;
    Edge **after; /* [nstep] */
    u32 *waits;   /* [nstep] steps before it that have not run */
    u32 **act;    /* [nstep] act buffers it touches, each once */
    u32 *nact;    /* [nstep] */
    u32 *uses;    /* [nbuf] steps that touch an act buffer */
} Sched;

/* ----------------------------------------------------------- dependencies */

static void
push_edge(Edge **list, u32 to)
{
    Edge *e = mem_alloc(sizeof *e);

    *e = (Edge){to, *list};
    *list = e;
}

static void
depend(Sched *s, u32 from, u32 to)
{
    if (from == PLAN_NONE || from == to)
        return;
    if (s->after[from] && s->after[from]->to == to)
        return; /* said before */
    push_edge(&s->after[from], to);
    s->waits[to]++;
}

static void
touch(Sched *s, Past *past, u32 step, u32 mode)
{
    depend(s, past->writer, step);
    if (!(mode & ACCESS_w)) {
        push_edge(&past->readers, step);
        return;
    }
    for (Edge *e = past->readers; e; e = e->next)
        depend(s, e->to, step);
    past->writer = step;
    past->readers = NULL;
}

static void
depend_all(Sched *s)
{
    const Prog *p = s->p;
    Past *past = mem_alloc(p->nbuf * sizeof *past);

    for (u32 b = 0; b < p->nbuf; b++)
        past[b].writer = PLAN_NONE;
    for (u32 i = 0; i < s->f->nstep; i++) {
        const Step *step = &s->f->step[i];

        for (u32 k = 0; k < step->narg; k++) {
            const PlanArg *a = &step->arg[k];

            if (a->kind != ARG_buffer)
                continue;
            if (p->buf[a->buffer].role != RO_range) {
                touch(s, &past[a->buffer], i, a->mode);
                continue;
            }
            for (u32 b = 0; b < p->nbuf; b++)
                if (buf_covers(&p->buf[a->buffer], &p->buf[b]))
                    touch(s, &past[b], i, a->mode);
        }
    }
}

/* ------------------------------------------------------------- live bytes */

static void
find_act(Sched *s)
{
    const Prog *p = s->p;

    for (u32 i = 0; i < s->f->nstep; i++) {
        const Step *step = &s->f->step[i];

        s->act[i] = mem_alloc(step->narg * sizeof(u32));
        for (u32 k = 0; k < step->narg; k++) {
            const PlanArg *a = &step->arg[k];
            bool seen =
                a->kind != ARG_buffer || p->buf[a->buffer].arena != AR_act;

            for (u32 j = 0; j < s->nact[i]; j++)
                seen |= s->act[i][j] == a->buffer;
            if (seen)
                continue;
            s->act[i][s->nact[i]++] = a->buffer;
            s->uses[a->buffer]++;
        }
    }
}

/* Live bytes while the steps run in this order: their maximum. */
static u64
peak_of(const Sched *s, const u32 *order)
{
    u32 *left = mem_alloc(s->p->nbuf * sizeof *left);
    u64 live = 0, peak = 0;

    memcpy(left, s->uses, s->p->nbuf * sizeof *left);
    for (u32 i = 0; i < s->f->nstep; i++) {
        u32 step = order[i];

        for (u32 k = 0; k < s->nact[step]; k++) {
            u32 b = s->act[step][k];

            if (left[b] == s->uses[b])
                live += align_up(s->p->buf[b].bytes, PLAN_ALIGN);
        }
        peak = live > peak ? live : peak;
        for (u32 k = 0; k < s->nact[step]; k++) {
            u32 b = s->act[step][k];

            if (!--left[b])
                live -= align_up(s->p->buf[b].bytes, PLAN_ALIGN);
        }
    }
    return peak;
}

/* Bytes that stay live after the step, less those that were before it. */
static i64
growth(const Sched *s, const u32 *left, u32 step)
{
    i64 bytes = 0;

    for (u32 k = 0; k < s->nact[step]; k++) {
        u32 b = s->act[step][k];
        i64 size = (i64)align_up(s->p->buf[b].bytes, PLAN_ALIGN);

        if (left[b] == s->uses[b])
            bytes += size;
        if (left[b] == 1)
            bytes -= size;
    }
    return bytes;
}

/* ------------------------------------------------------------- scheduling */

/* Fills order[]; every step is there once, after all it waits for. */
static void
schedule(const Sched *s, u32 *order)
{
    u32 n = s->f->nstep, *left = mem_alloc(s->p->nbuf * sizeof *left);
    u32 *waits = mem_alloc(n * sizeof *waits);
    bool *done = mem_alloc(n);

    memcpy(left, s->uses, s->p->nbuf * sizeof *left);
    memcpy(waits, s->waits, n * sizeof *waits);
    for (u32 at = 0; at < n; at++) {
        u32 best = PLAN_NONE;
        i64 least = 0;

        for (u32 i = 0; i < n; i++) {
            i64 grows;

            if (done[i] || waits[i])
                continue;
            grows = growth(s, left, i);
            if (best == PLAN_NONE || grows < least) {
                best = i;
                least = grows;
            }
        }
        if (best == PLAN_NONE)
            bug("%s: its steps wait for each other", s->f->name);
        done[best] = true;
        order[at] = best;
        for (u32 k = 0; k < s->nact[best]; k++)
            left[s->act[best][k]]--;
        for (Edge *e = s->after[best]; e; e = e->next)
            waits[e->to]--;
    }
}

static void
order_func(const Prog *p, Func *f)
{
    u32 n = f->nstep;
    Sched s = {.p = p,
               .f = f,
               .after = mem_alloc(n * sizeof(Edge *)),
               .waits = mem_alloc(n * sizeof(u32)),
               .act = mem_alloc(n * sizeof(u32 *)),
               .nact = mem_alloc(n * sizeof(u32)),
               .uses = mem_alloc(p->nbuf * sizeof(u32))};
    u32 *old = mem_alloc(n * sizeof *old), *new = mem_alloc(n * sizeof *new);
    Step *step;

    depend_all(&s);
    find_act(&s);
    for (u32 i = 0; i < n; i++)
        old[i] = i;
    schedule(&s, new);
    if (peak_of(&s, new) >= peak_of(&s, old))
        return;
    step = mem_alloc(n * sizeof *step);
    for (u32 i = 0; i < n; i++)
        step[i] = f->step[new[i]];
    f->step = step;
    f->step_cap = n;
}

void
pass_order(Prog *p)
{
    for (u32 i = 0; i < p->nfunc; i++)
        order_func(p, &p->func[i]);
}
