/* place.c - every buffer gets an offset in its arena.
 *
 * needs ORDER; gives PLACE: Buf.offset, extents of ranges, Prog.need.
 * Persistent arenas are laid out in the order that ranges rely on:
 *
 *   param  by optimiser group (no group last), then as declared
 *   grad   in the order of param; a group has the same gaps in both
 *   state  step block | live | good, as declared | moment1.*, moment2.* like
 *          param
 *   const  as declared; pack phases share it, since each runs again before
 *          a phase that reads its copies
 *
 * io and act are shared by the phases: each lays out its own from 0.  In act a
 * buffer has its bytes from the first to the last step that touches it; the
 * best of a few greedy placements is kept. */
#include "compiler/sohoc.h"

enum { GUARD = 64 }; /* bytes of -g after each buffer */

/* Marks a buffer that has no place yet. */
static const u64 nowhere = ~(u64)0;

/* Where the next buffer after one that ends at `end` may begin. */
static u64
next_after(const Prog *p, u64 end)
{
    return align_up(end + (p->opt.guard ? GUARD : 0), PLAN_ALIGN);
}

static void
put(Prog *p, u32 b, u64 offset)
{
    Buf *buf = &p->buf[b];
    u64 end = offset + buf->bytes + (p->opt.guard ? GUARD : 0);

    buf->offset = offset;
    if (end > p->need[buf->arena])
        p->need[buf->arena] = end;
}

/* Behind everything in its arena; PLAN_NONE is no buffer. */
static void
put_next(Prog *p, u32 b)
{
    if (b != PLAN_NONE)
        put(p, b, align_up(p->need[p->buf[b].arena], PLAN_ALIGN));
}

/* ------------------------------------------------------------- persistent */

/* Parameters in their order, *n of them. */
static u32 *
params(const Prog *p, u32 *n)
{
    u32 *list = mem_alloc(p->nbuf * sizeof *list), count = 0;

    for (i32 group = 0; group <= MAX_GROUPS; group++)
        for (u32 i = 0; i < p->nbuf; i++)
            if (p->buf[i].role == RO_param &&
                p->buf[i].group == (group < MAX_GROUPS ? group : -1))
                list[count++] = i;
    *n = count;
    return list;
}

static void
put_role(Prog *p, u32 role)
{
    for (u32 i = 0; i < p->nbuf; i++)
        if (p->buf[i].role == role)
            put_next(p, i);
}

/* The buffers "PREFIX" + name of each of the list, where they exist. */
static void
put_shadows(Prog *p, const char *prefix, const u32 *list, u32 n)
{
    for (u32 i = 0; i < n; i++)
        put_next(p, buf_find(p, format("%s%s", prefix, p->buf[list[i]].name)));
}

static void
place_persistent(Prog *p)
{
    u32 n, nstate = 0, *param = params(p, &n);
    u32 *state = mem_alloc(p->nbuf * sizeof *state);

    for (u32 i = 0; i < n; i++)
        put_next(p, param[i]);
    put_shadows(p, "grad.", param, n);
    put_role(p, RO_step);
    put_role(p, RO_state);
    for (u32 i = 0; i < p->nbuf; i++)
        if (p->buf[i].role == RO_state)
            state[nstate++] = i;
    put_shadows(p, "good.", state, nstate);
    put_shadows(p, "moment1.", param, n);
    put_shadows(p, "moment2.", param, n);
}

/* What pack phase `maker` writes, from the start of const. */
static void
place_copies_of(Prog *p, i32 maker)
{
    u64 at = 0;

    for (u32 i = 0; i < p->nbuf; i++)
        if (p->buf[i].arena == AR_const && p->buf[i].maker == maker) {
            put(p, i, at);
            at = next_after(p, at + p->buf[i].bytes);
        }
}

/* ------------------------------------------------------------ activations */

typedef struct Life {
    u32 buf, first, last; /* steps */
    u64 key;              /* the largest is placed first */
} Life;

/* Act buffers that the phase's steps touch, in the order of p->buf. */
static Life *
lives(const Prog *p, const Func *f, u32 *n)
{
    Life *of = mem_alloc(p->nbuf * sizeof *of); /* by buffer */
    u32 count = 0;

    for (u32 b = 0; b < p->nbuf; b++)
        of[b].buf = PLAN_NONE;
    for (u32 i = 0; i < f->nstep; i++)
        for (u32 k = 0; k < f->step[i].narg; k++) {
            const PlanArg *a = &f->step[i].arg[k];

            if (a->kind != ARG_buffer || p->buf[a->buffer].arena != AR_act)
                continue;
            if (of[a->buffer].buf == PLAN_NONE)
                of[a->buffer] = (Life){a->buffer, i, i, 0};
            of[a->buffer].last = i;
        }
    for (u32 b = 0; b < p->nbuf; b++)
        if (of[b].buf != PLAN_NONE)
            of[count++] = of[b];
    *n = count;
    return of;
}

/* Ways to say which of the lives is placed first: that with the largest key. */
enum { BY_BYTES, BY_BYTES_AND_STEPS, BY_STEPS, NWAY };

static void
set_keys(const Prog *p, Life *life, u32 n, u32 way)
{
    for (u32 i = 0; i < n; i++) {
        u64 bytes = p->buf[life[i].buf].bytes;
        u64 steps = life[i].last - life[i].first + 1;

        life[i].key = way == BY_BYTES             ? bytes
                      : way == BY_BYTES_AND_STEPS ? bytes * steps
                                                  : steps;
    }
}

static int
by_key(const void *a, const void *b)
{
    const Life *x = a, *y = b;

    if (x->key != y->key)
        return x->key > y->key ? -1 : 1;
    return x->buf < y->buf ? -1 : 1;
}

/* The offset where `life` fits best between the placed ones (sorted by offset)
 * that live at the same time: the smallest hole, else behind them all. */
static u64
best_fit(const Prog *p, const Life *life, const Life *placed, u32 n)
{
    u64 bytes = p->buf[life->buf].bytes, at = 0, best = nowhere, hole = nowhere;

    for (u32 i = 0; i < n; i++) {
        const Buf *b = &p->buf[placed[i].buf];
        u64 end = next_after(p, b->offset + b->bytes);

        if (!p->opt.no_reuse &&
            (placed[i].last < life->first || life->last < placed[i].first))
            continue;
        if (b->offset > at && next_after(p, at + bytes) <= b->offset &&
            b->offset - at < hole) {
            best = at;
            hole = b->offset - at;
        }
        at = end > at ? end : at;
    }
    return best != nowhere ? best : at;
}

/* Places the lives one way; returns where the last ends. */
static u64
fit_all(Prog *p, Life *life, u32 n, u32 way)
{
    Life *placed = mem_alloc(n * sizeof *placed); /* by offset */
    u64 end = 0;

    set_keys(p, life, n, way);
    qsort(life, n, sizeof *life, by_key);
    for (u32 i = 0; i < n; i++) {
        u64 at = best_fit(p, &life[i], placed, i);
        u32 k = i;

        p->buf[life[i].buf].offset = at;
        for (; k > 0 && p->buf[placed[k - 1].buf].offset > at; k--)
            placed[k] = placed[k - 1];
        placed[k] = life[i];
        at += p->buf[life[i].buf].bytes;
        end = at > end ? at : end;
    }
    return end;
}

static void
place_act(Prog *p, const Func *f)
{
    u32 n, best = 0;
    u64 least = nowhere;
    Life *life = lives(p, f, &n);

    for (u32 way = 0; way < NWAY; way++) {
        u64 end = fit_all(p, life, n, way);

        if (end < least) {
            least = end;
            best = way;
        }
    }
    fit_all(p, life, n, best);
    for (u32 i = 0; i < n; i++)
        put(p, life[i].buf, p->buf[life[i].buf].offset);
}

static void
place_doors(Prog *p, i32 func)
{
    u64 at = 0;

    for (u32 i = 0; i < p->nbuf; i++)
        if (p->buf[i].arena == AR_io && p->buf[i].func == func) {
            put(p, i, at);
            at = next_after(p, at + p->buf[i].bytes);
        }
}

/* ----------------------------------------------------------------- ranges */

/* From the first to the last byte of all that the range covers. */
static void
measure(Prog *p, Buf *range)
{
    u64 first = nowhere, end = 0;

    for (u32 i = 0; i < p->nbuf; i++) {
        const Buf *b = &p->buf[i];

        if (!buf_covers(range, b))
            continue;
        first = b->offset < first ? b->offset : first;
        end = b->offset + b->bytes > end ? b->offset + b->bytes : end;
    }
    range->offset = end ? first : 0;
    range->bytes = end ? end - first : 0;
    range->type.rank = 1;
    range->type.dtype = DT_f32;
    range->type.dim[0] = (i32)(range->bytes / sizeof(f32));
}

/* Arguments that stand for the length of a range get their number: bytes for
 * fill, elements for kernels.  What the step moves of ranges is known now. */
static void
fill_lengths(Prog *p, Func *f)
{
    for (u32 i = 0; i < f->nstep; i++) {
        Step *s = &f->step[i];
        u64 unit = s->kind == ST_fill ? 1 : sizeof(f32);

        for (u32 k = 0; k < s->narg; k++) {
            PlanArg *a = &s->arg[k];
            const Buf *b = &p->buf[a->buffer];

            if (a->kind == ARG_int && a->spare)
                a->value = (i64)(b->bytes / unit);
            else if (a->kind == ARG_buffer && b->role == RO_range)
                s->bytes +=
                    b->bytes * (a->mode == ACCESS_rw && !s->one_way ? 2 : 1);
        }
    }
}

void
pass_place(Prog *p)
{
    for (u32 i = 0; i < p->nbuf; i++)
        p->buf[i].offset = nowhere;
    for (u32 i = 0; i < NARENA; i++)
        p->need[i] = 0;
    place_persistent(p);
    for (u32 i = 0; i < p->nfunc; i++) {
        place_act(p, &p->func[i]);
        place_doors(p, (i32)i);
        place_copies_of(p, (i32)i);
    }
    for (u32 i = 0; i < p->nbuf; i++)
        if (p->buf[i].role == RO_range)
            measure(p, &p->buf[i]);
    for (u32 i = 0; i < p->nbuf; i++)
        if (p->buf[i].offset == nowhere)
            bug("buffer %s has no place: nothing lays out its role",
                p->buf[i].name);
    for (u32 i = 0; i < p->nfunc; i++)
        fill_lengths(p, &p->func[i]);
}
