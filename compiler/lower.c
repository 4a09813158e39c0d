/* lower - groups become steps.  needs GROUPS; gives STEPS.
 *
 * Each group turns into a library call or into an instance of a template; each
 * value that is read beyond its group gets a buffer.  This file holds the
 * buffers and the bookkeeping; kernel.c, library.c, special.c and effect.c know
 * the kinds of groups. */
#include "compiler/lower.h"

/* ---------------------------------------------------------------- buffers */

static u32
arena_of(u32 role)
{
    switch (role) {
    case RO_param:
        return AR_param;
    case RO_grad:
        return AR_grad;
    case RO_const:
        return AR_const;
    default:
        return AR_state;
    }
}

static void
tensor_buffers(Prog *p)
{
    i32 words = sizeof(SohoStep) / 4;
    Type step = type_make(DT_i32, 1, &words);
    buf_add(p, "step", &step, AR_state, RO_step, -1, "");
    for (u32 i = 0; i < p->ntensor; i++) {
        const Tensor *t = &p->tensor[i];
        Type type = t->type;
        if (t->half)
            type.dtype = half_type(p);
        u32 b = buf_add(p, t->name, &type, arena_of(t->role), t->role, -1,
                        t->place);
        p->buf[b].group = t->group;
    }
}

u32
tensor_buf(const Lower *l, const char *tensor)
{
    u32 b = buf_find(l->p, tensor);
    if (b == PLAN_NONE)
        bug("tensor %s has no buffer", tensor);
    return b;
}

/* A door of the phase under one of its names; further names share it. */
static u32
door_buf(Lower *l, const char *door, const Type *t, u32 role, const char *at)
{
    const char *name = format("%s.%s", l->f->name, door);
    u32 b = buf_find(l->p, name);
    return b != PLAN_NONE ? b
                          : buf_add(l->p, name, t, AR_io, role, l->func, at);
}

u32
value_buf(Lower *l, Val base)
{
    u32 *slot = &l->buf[base];
    if (*slot != PLAN_NONE)
        return *slot;
    const Node *n = node_of(l->f, base);
    Type t = type_of(l->f, base);
    if (n->op == OP_load || n->op == OP_store)
        return *slot = tensor_buf(l, attr_s(n, "tensor"));
    if (n->op == OP_input)
        return *slot = door_buf(l, attr_s(n, "door"), &t, RO_input, n->place);
    for (u32 i = 0; i < l->f->nout; i++)
        if (where(l->f, l->f->out[i].val).base == base) {
            Type seen = type_of(l->f, l->f->out[i].val);
            return *slot = door_buf(l, l->f->out[i].name, &seen, RO_output,
                                    n->place);
        }
    if (is_half(l->f, base))
        t.dtype = half_type(l->p);
    const char *name = format("%s.v%u%s", l->f->name, VAL_NODE(base),
                              VAL_OUT(base) ? ".1" : "");
    return *slot = buf_add(l->p, name, &t, AR_act, RO_act, l->func, n->place);
}

u32
scratch_buf(Lower *l, u64 bytes, const char *place)
{
    i32 dim = (i32)((bytes + 3) / 4);
    Type t = type_make(DT_f32, 1, &dim);
    const char *name = format("%s.scratch%u", l->f->name, l->p->nbuf);
    return buf_add(l->p, name, &t, AR_act, RO_scratch, l->func, place);
}

/* Templates of single ops and the CPU's libraries read f32: where buffer b is
 * stored as halves, a copy of its whole is made right before the step. */
u32
whole_buf(Lower *l, u32 b, u32 dtype)
{
    const char *place = l->p->buf[b].place;
    Type t = l->p->buf[b].type;
    if (t.dtype == dtype)
        return b;
    for (u32 i = 0; i < CONVERTED; i++) {
        const Converted *old = &l->converted[i];
        if (old->from == b && l->f->nstep <= old->until &&
            l->p->buf[old->to].type.dtype == dtype)
            return old->to;
    }
    t.dtype = (u8)dtype;
    const char *name = format("%s.as%u", l->f->name, l->p->nbuf);
    u32 to = buf_add(l->p, name, &t, AR_act, RO_act, l->func, place);
    lower_convert(l, b, to);
    Converted *c = &l->converted[l->nconverted++ % CONVERTED];
    *c = (Converted){b, to, l->f->nstep + CONVERTED};
    return to;
}

/* ------------------------------------------------------------------ drafts */

static PlanArg *
next_arg(Draft *d)
{
    if (d->narg == MAX_ARGS)
        bug("a step with more than %d arguments", MAX_ARGS);
    return &d->arg[d->narg++];
}

void
draft_buf(Draft *d, u32 buf, u32 mode, i64 byte_offset)
{
    *next_arg(d) = (PlanArg){.kind = ARG_buffer,
                             .mode = (u8)mode,
                             .buffer = buf,
                             .value = byte_offset};
}

void
draft_as(Lower *l, Draft *d, Val v, u32 dtype)
{
    Where w = where(l->f, v);
    draft_buf(d, whole_buf(l, value_buf(l, w.base), dtype), ACCESS_r,
              w.offset * (i64)dtype_bytes(dtype));
}

void
draft_value(Lower *l, Draft *d, Val v)
{
    draft_as(l, d, v, type_of(l->f, v).dtype);
}

void
draft_int(Draft *d, i64 value)
{
    *next_arg(d) = (PlanArg){.kind = ARG_int, .value = value};
}

void
draft_range(Draft *d, u32 range_buf)
{
    *next_arg(d) = (PlanArg){.kind = ARG_int, .spare = 1, .buffer = range_buf};
}

/* Least traffic: every operand once.  Place adds ranges, when it lays them. */
static u64
bytes_of(const Prog *p, const Draft *d)
{
    u64 sum = 0;
    for (u32 i = 0; i < d->narg; i++)
        if (d->arg[i].kind == ARG_buffer &&
            p->buf[d->arg[i].buffer].role != RO_scratch &&
            p->buf[d->arg[i].buffer].role != RO_range)
            sum += p->buf[d->arg[i].buffer].bytes *
                   (d->arg[i].mode == ACCESS_rw ? 2 : 1);
    return sum;
}

void
step_add(Lower *l, u32 kind, u32 what, const Draft *d, const char *name,
         const char *place, u64 flop)
{
    Func *f = l->f;
    PlanArg *arg = mem_alloc((d->narg + 1) * sizeof *arg);
    memcpy(arg, d->arg, d->narg * sizeof *arg);
    *PUSH(f->step, f->nstep, f->step_cap) = (Step){.kind = kind,
                                                   .what = what,
                                                   .arg = arg,
                                                   .narg = d->narg,
                                                   .one_way = d->one_way,
                                                   .name = name,
                                                   .place = place,
                                                   .flop = flop,
                                                   .bytes = bytes_of(l->p, d)};
}

/* ----------------------------------------------------------------- kernels */

static bool
same_kernel(const Kernel *a, const Kernel *b)
{
    if (a->tmpl != b->tmpl || a->ndef != b->ndef || a->nsplice != b->nsplice)
        return false;
    for (u32 i = 0; i < a->ndef; i++) /* strings are interned */
        if (a->def[i].name != b->def[i].name ||
            a->def[i].value != b->def[i].value)
            return false;
    for (u32 i = 0; i < a->nsplice; i++)
        if (a->splice[i].slot != b->splice[i].slot ||
            a->splice[i].text != b->splice[i].text)
            return false;
    return true;
}

u32
kernel_add(Prog *p, const Kernel *k)
{
    u32 taken = 0;
    for (u32 i = 0; i < p->nkernel; i++) {
        if (same_kernel(&p->kernel[i], k))
            return i;
        u64 n = strlen(k->name);
        const char *name = p->kernel[i].name;
        taken += !strncmp(name, k->name, n) &&
                 (!name[n] || (name[n] == '_' && name[n + 1] == 'n'));
    }
    Kernel *to = PUSH(p->kernel, p->nkernel, p->kernel_cap);
    *to = *k;
    if (taken)
        to->name = format("%s_n%u", k->name, taken + 1);
    return p->nkernel - 1;
}

/* Room for two more #defines has to be there. */
void
kernel_launch(Kernel *k, u32 block, u32 narg)
{
    k->block = block;
    k->def[k->ndef++] = (Define){intern("BLOCK"), format("%u", block)};
    k->def[k->ndef++] = (Define){intern("ARGS"), format("%u", narg)};
}

void
step_blocks(Lower *l, i64 blocks)
{
    if (blocks > INT32_MAX)
        bug("a kernel of %lld blocks", (long long)blocks);
    l->f->step[l->f->nstep - 1].grid =
        (u32)max_i64(1, min_i64(blocks, MOST_BLOCKS));
}

/* ------------------------------------------------------------------- lower */

static void
find_outside(Lower *l)
{
    const Func *f = l->f;
    for (u32 i = 0; i < f->nnode; i++) {
        const Node *n = &f->node[i];
        if (optab[n->op].kind == KIND_view)
            continue;
        for (u32 k = 0; k < n->nin; k++) {
            Val base = where(f, n->in[k]).base;
            l->outside[base] |= node_of(f, base)->group != n->group;
        }
    }
    for (u32 i = 0; i < f->nout; i++)
        l->outside[where(f, f->out[i].val).base] = true;
}

static void
lower_group(Lower *l, const Group *g)
{
    switch (g->kind) {
    case GROUP_library:
        lower_library(l, g);
        break;
    case GROUP_special:
        lower_special(l, g);
        break;
    case GROUP_move:
        lower_move(l, g);
        break;
    default:
        lower_loops(l, g);
    }
}

/* Doors that no step touches exist all the same. */
static void
make_doors(Lower *l)
{
    for (u32 i = 0; i < l->f->nnode; i++)
        if (l->f->node[i].op == OP_input)
            value_buf(l, VAL(i, 0));
    for (u32 i = 0; i < l->f->nout; i++)
        value_buf(l, where(l->f, l->f->out[i].val).base);
}

static void
lower_func(Prog *p, u32 index)
{
    Func *f = &p->func[index];
    Lower l = {.p = p, .f = f, .func = (i32)index, .uses = graph_uses(f)};
    u64 nval = (u64)(f->nnode + 1) * 4;
    l.buf = mem_alloc(nval * sizeof *l.buf);
    memset(l.buf, 0xff, nval * sizeof *l.buf);
    l.outside = mem_alloc(nval);
    find_outside(&l);
    make_doors(&l);
    for (u32 i = 0; i < f->ngroup; i++)
        lower_group(&l, &f->group[i]);
}

/* ---------------------------------------------------------------- constants */

/* Bit 1: buffer b is read by a phase that is no pack phase. */
static u8 *
find_makers(Prog *p)
{
    u8 *read = mem_alloc(p->nbuf + 1);
    for (u32 i = 0; i < p->nfunc; i++)
        for (u32 k = 0; k < p->func[i].nstep; k++) {
            const Step *s = &p->func[i].step[k];
            for (u32 j = 0; j < s->narg; j++) {
                const PlanArg *a = &s->arg[j];
                if (a->kind != ARG_buffer ||
                    p->buf[a->buffer].arena != AR_const)
                    continue;
                if (p->func[i].kind != PH_pack)
                    read[a->buffer] = 1;
                else if (a->mode & ACCESS_w)
                    p->buf[a->buffer].maker = (i32)i;
            }
        }
    return read;
}

/* Constants that only steps of their own pack phase read (folded weights on
 * their way to a packed copy) need no place of their own. */
static void
settle_constants(Prog *p)
{
    const u8 *read = find_makers(p);
    for (u32 i = 0; i < p->nbuf; i++) {
        Buf *b = &p->buf[i];
        if (b->arena != AR_const || read[i])
            continue;
        if (b->maker < 0)
            bug("nothing makes constant %s", b->name);
        b->arena = AR_act;
        b->role = RO_act;
        b->func = b->maker;
        b->maker = -1;
    }
}

void
pass_lower(Prog *p)
{
    tensor_buffers(p);
    for (u32 i = 0; i < p->nfunc; i++) /* library.c adds to pack phases */
        if (p->func[i].kind == PH_pack)
            lower_func(p, i);
    for (u32 i = 0; i < p->nfunc; i++)
        if (p->func[i].kind != PH_pack)
            lower_func(p, i);
    settle_constants(p);
    if (diag_count())
        die(SOHO_BAD, "%s: %u errors", p->opt.model, diag_count());
}
