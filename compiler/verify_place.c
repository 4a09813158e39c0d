/* verify_place.c - the verifier's checks of memory: that reordering changed
 * nobody's input, and that no two live buffers share a byte.  Plain loops over
 * all pairs; shares no code with order.c and place.c. */
#include <inttypes.h>

#include "compiler/sohoc.h"

static const char *after; /* word of the pass that ran last */

/* Whether argument buffer `a` reaches buffer b: it is b, or a range over it. */
static bool
reaches(const Prog *p, u32 a, u32 b)
{
    const Buf *range = &p->buf[a], *one = &p->buf[b];

    if (a == b || range->role != RO_range)
        return a == b;
    return one->role == range->span_role && one->arena == range->arena &&
           (range->span_group == -1 || range->span_group == one->group) &&
           strstr(one->name, range->span_prefix) == one->name;
}

/* ---------------------------------------------------------------- versions */

/* Which version (number of earlier writes) of each buffer a step touches, as
 * one number; the step is known by its arguments. */
typedef struct Sight {
    const PlanArg *arg;
    u64 versions;
} Sight;

static Sight **seen; /* [func][step] as lower left them */

static u64
mix(u64 h, u64 x)
{
    return (h ^ x) * 0x9e3779b97f4a7c15u + (h >> 29);
}

/* Versions that one step touches; then its writes count. */
static u64
sight_of(const Prog *p, const Step *s, u32 *writes)
{
    u64 h = 1;

    for (u32 pass = 0; pass < 2; pass++)
        for (u32 k = 0; k < s->narg; k++) {
            const PlanArg *a = &s->arg[k];
            bool range =
                a->kind == ARG_buffer && p->buf[a->buffer].role == RO_range;
            u32 b = range ? 0 : a->buffer;
            u32 end = range ? p->nbuf : b + 1;

            for (; a->kind == ARG_buffer && b < end; b++) {
                if (!reaches(p, a->buffer, b))
                    continue;
                if (pass == 0)
                    h = mix(h, mix(b, writes[b]));
                else if (a->mode & ACCESS_w)
                    writes[b]++;
            }
        }
    return h;
}

static int
by_arg(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t)((const Sight *)a)->arg;
    uintptr_t y = (uintptr_t)((const Sight *)b)->arg;

    return x < y ? -1 : x > y;
}

/* All steps of f, sorted by their arguments. */
static Sight *
sights(const Prog *p, const Func *f)
{
    Sight *list = mem_alloc(f->nstep * sizeof *list);
    u32 *writes = mem_alloc(p->nbuf * sizeof *writes);

    for (u32 i = 0; i < f->nstep; i++)
        list[i] = (Sight){f->step[i].arg, sight_of(p, &f->step[i], writes)};
    qsort(list, f->nstep, sizeof *list, by_arg);
    return list;
}

/* After lower: remembers.  After order: every step still meets the versions it
 * met then. */
void
verify_versions(const Prog *p, const char *word)
{
    after = word;
    if (!(p->state & HAS_ORDER)) {
        seen = mem_alloc(p->nfunc * sizeof *seen);
        for (u32 i = 0; i < p->nfunc; i++)
            seen[i] = sights(p, &p->func[i]);
        return;
    }
    for (u32 i = 0; seen && i < p->nfunc; i++) {
        const Func *f = &p->func[i];
        Sight *now = sights(p, f);

        for (u32 k = 0; k < f->nstep; k++)
            if (now[k].arg != seen[i][k].arg ||
                now[k].versions != seen[i][k].versions)
                bug("after %s: %s: a step no longer meets the values it met "
                    "after lower",
                    after, f->name);
    }
}

/* ------------------------------------------------------------------ places */

typedef struct Span {
    u32 first, last; /* steps; first > last: unused */
} Span;

static void
check_bounds(const Prog *p)
{
    for (u32 i = 0; i < p->nbuf; i++) {
        const Buf *b = &p->buf[i];

        if (b->offset % PLAN_ALIGN)
            bug("after %s: %s begins at %" PRIu64 ", no multiple of %d", after,
                b->name, b->offset, PLAN_ALIGN);
        if (b->offset > p->need[b->arena] ||
            b->bytes > p->need[b->arena] - b->offset)
            bug("after %s: %s ends at %" PRIu64 " of an arena of %" PRIu64,
                after, b->name, b->offset + b->bytes, p->need[b->arena]);
    }
}

/* Steps of f that touch each act buffer. */
static Span *
spans(const Prog *p, const Func *f)
{
    Span *span = mem_alloc(p->nbuf * sizeof *span);

    for (u32 b = 0; b < p->nbuf; b++)
        span[b].first = PLAN_NONE;
    for (u32 i = 0; i < f->nstep; i++)
        for (u32 k = 0; k < f->step[i].narg; k++) {
            const PlanArg *a = &f->step[i].arg[k];
            Span *s = &span[a->buffer];

            if (a->kind != ARG_buffer)
                continue;
            s->last = i;
            s->first = s->first == PLAN_NONE ? i : s->first;
        }
    return span;
}

/* May a and b share bytes?  Both live in one phase, or in none.  Temporaries
 * may that are never live at the same step. */
static bool
may_share(const Buf *a, const Buf *b, const Span *x, const Span *y)
{
    if (a->arena != b->arena || a->role == RO_range || b->role == RO_range)
        return true;
    if (a->arena == AR_const && a->maker != b->maker)
        return true; /* a pack phase runs again after another one did */
    if (a->arena != AR_act)
        return false;
    return x->last < y->first || y->last < x->first;
}

/* All pairs of buffers of phase `func`, or of none (-1). */
static void
check_pairs(const Prog *p, i32 func)
{
    static const Func none = {.name = "all phases"};
    const Func *f = func < 0 ? &none : &p->func[func];
    Span *span = spans(p, f);
    u32 *own = mem_alloc(p->nbuf * sizeof *own), n = 0;

    for (u32 i = 0; i < p->nbuf; i++)
        if (p->buf[i].func == func)
            own[n++] = i;
    for (u32 i = 0; i < n; i++)
        for (u32 k = 0; k < i; k++) {
            const Buf *a = &p->buf[own[i]], *b = &p->buf[own[k]];

            if (a->offset < b->offset + b->bytes &&
                b->offset < a->offset + a->bytes &&
                !may_share(a, b, &span[own[i]], &span[own[k]]))
                bug("after %s: %s: %s and %s share bytes", after, f->name,
                    a->name, b->name);
        }
}

/* A range begins with its first buffer, ends with its last, and has nothing of
 * others inside. */
static void
check_range(const Prog *p, u32 r)
{
    const Buf *range = &p->buf[r];
    u64 first = UINT64_MAX, end = 0;

    for (u32 i = 0; i < p->nbuf; i++) {
        const Buf *b = &p->buf[i];

        if (i == r || !reaches(p, r, i))
            continue;
        first = b->offset < first ? b->offset : first;
        end = b->offset + b->bytes > end ? b->offset + b->bytes : end;
    }
    if (!end ? range->bytes != 0
             : range->offset != first || range->bytes != end - first)
        bug("after %s: range %s is %" PRIu64 " bytes at %" PRIu64
            ", its buffers %" PRIu64 " at %" PRIu64,
            after, range->name, range->bytes, range->offset,
            end ? end - first : 0, end ? first : 0);
    for (u32 i = 0; i < p->nbuf; i++) {
        const Buf *b = &p->buf[i];

        if (b->arena == range->arena && b->role != RO_range &&
            !reaches(p, r, i) && b->offset < end &&
            first < b->offset + b->bytes)
            bug("after %s: range %s runs over %s", after, range->name, b->name);
    }
}

/* The tensor that a buffer belongs to: X of grad.X, moment1.X, good.X. */
static const char *
tensor_of(const Buf *b)
{
    bool shadow =
        b->role == RO_grad || b->role == RO_moment || b->role == RO_good;
    const char *dot = shadow ? strchr(b->name, '.') : NULL;

    return dot ? dot + 1 : b->name;
}

/* Whether range r has the tensor of x at the same distance from its start. */
static bool
has_at(const Prog *p, u32 r, const Buf *x, u64 distance)
{
    for (u32 i = 0; i < p->nbuf; i++) {
        const Buf *b = &p->buf[i];

        if (i != r && reaches(p, r, i) && b->bytes == x->bytes &&
            b->offset - p->buf[r].offset == distance)
            return !strcmp(tensor_of(b), tensor_of(x));
    }
    return false;
}

/* Ranges over one group, or over live and good state, are walked side by side:
 * the same tensors lie at the same distance from the start in all of them. */
static void
check_side_by_side(const Prog *p, u32 r, u32 q)
{
    const Buf *a = &p->buf[r], *b = &p->buf[q];
    bool paired = (a->span_group >= 0 && a->span_group == b->span_group) ||
                  (a->span_role == RO_state && b->span_role == RO_good);

    if (a->role != RO_range || b->role != RO_range || !paired)
        return;
    if (a->bytes != b->bytes)
        bug("after %s: ranges %s and %s differ in length", after, a->name,
            b->name);
    for (u32 i = 0; i < p->nbuf; i++)
        if (i != r && reaches(p, r, i) &&
            !has_at(p, q, &p->buf[i], p->buf[i].offset - a->offset))
            bug("after %s: %s stands elsewhere in %s than in %s", after,
                p->buf[i].name, a->name, b->name);
}

static void
check_ranges(const Prog *p)
{
    for (u32 r = 0; r < p->nbuf; r++) {
        if (p->buf[r].role != RO_range)
            continue;
        check_range(p, r);
        for (u32 q = 0; q < p->nbuf; q++)
            check_side_by_side(p, r, q);
    }
}

static void
check_lengths(const Prog *p, const Func *f)
{
    for (u32 i = 0; i < f->nstep; i++)
        for (u32 k = 0; k < f->step[i].narg; k++) {
            const PlanArg *a = &f->step[i].arg[k];
            i64 unit = f->step[i].kind == ST_fill ? 1 : 4;

            if (a->kind == ARG_int && a->spare &&
                (u64)(a->value * unit) != p->buf[a->buffer].bytes)
                bug("after %s: %s: step %u: length %" PRId64
                    " of range %s of %" PRIu64 " bytes",
                    after, f->name, i, a->value, p->buf[a->buffer].name,
                    p->buf[a->buffer].bytes);
        }
}

void
verify_place(const Prog *p, const char *word)
{
    after = word;
    check_bounds(p);
    check_ranges(p);
    check_pairs(p, -1);
    for (u32 i = 0; i < p->nfunc; i++) {
        check_pairs(p, (i32)i);
        check_lengths(p, &p->func[i]);
    }
}
