/* steps.c - makes the rows of buffers; the text of steps and buffers that dumps
 * show after lower. */
#include <inttypes.h>

#include "compiler/sohoc.h"

static const char *const arena_name[] = {
#define X(name, what) #name,
    SOHO_ARENAS(X)
#undef X
};
static const char *const role_name[] = {
#define X(name) #name,
    SOHO_ROLES(X)
#undef X
};
static const char *const phase_name[] = {
#define X(name) #name,
    SOHO_PHASES(X)
#undef X
};

/* ---------------------------------------------------------------- buffers */

u32
buf_add(Prog *p, const char *name, const Type *t, u32 arena, u32 role, i32 func,
        const char *place)
{
    const char *own = intern(name);
    Buf *b;

    if (buf_find(p, own) != PLAN_NONE)
        bug("two buffers are named %s", own);
    b = PUSH(p->buf, p->nbuf, p->buf_cap);
    *b = (Buf){.name = own,
               .place = place ? place : "",
               .type = *t,
               .arena = (u8)arena,
               .role = (u8)role,
               .func = func,
               .maker = -1,
               .group = -1,
               .span_group = -1,
               .span_prefix = "",
               .bytes = type_bytes(t)};
    return p->nbuf - 1;
}

u32
buf_find(const Prog *p, const char *name)
{
    const char *own = intern(name);

    for (u32 i = 0; i < p->nbuf; i++)
        if (p->buf[i].name == own)
            return i;
    return PLAN_NONE;
}

bool
buf_covers(const Buf *range, const Buf *b)
{
    if (range->role != RO_range || b->arena != range->arena ||
        b->role != range->span_role)
        return false;
    if (range->span_group >= 0 && b->group != range->span_group)
        return false;
    return !strncmp(b->name, range->span_prefix, strlen(range->span_prefix));
}

/* ------------------------------------------------------------------- text */

/* A buffer of the phase itself goes by its short name. */
static void
print_name(const Prog *p, const Func *f, u32 buffer, FILE *out)
{
    const char *name = p->buf[buffer].name;
    u64 n = strlen(f->name);

    fputs(!strncmp(name, f->name, n) && name[n] == '.' ? name + n + 1 : name,
          out);
}

/* "v14+64", "128"; `written`: only what the step writes, or only the rest. */
static void
print_arg(const Prog *p, const Func *f, const PlanArg *a, bool written,
          FILE *out)
{
    bool is_buffer = a->kind == ARG_buffer && a->buffer < p->nbuf;

    if (written ? !is_buffer || !(a->mode & ACCESS_w)
                : is_buffer && !(a->mode & ACCESS_r))
        return;
    fputc(' ', out);
    if (is_buffer) {
        print_name(p, f, a->buffer, out);
        if (a->value)
            fprintf(out, "+%" PRId64, a->value);
    } else if (a->kind == ARG_int && a->spare && !(p->state & HAS_PLACE)) {
        fputs("len:", out);
        print_name(p, f, a->buffer, out);
    } else {
        fprintf(out, "%" PRId64, a->value);
    }
}

static void
print_post(u32 post, FILE *out)
{
    static const char *const word[] = {"accum", "bias",   "add",  "relu",
                                       "gelu",  "packed", "tf32", "varies"};

    for (u32 i = 0; i < countof(word); i++)
        if (post & 1u << i)
            fprintf(out, " %s", word[i]);
}

static void
print_gemm(const PlanGemm *g, FILE *out)
{
    fprintf(out, " [");
    if (g->nb[0] * g->nb[1] != 1)
        fprintf(out, "%" PRId64 "x%" PRId64 " of ", g->nb[0], g->nb[1]);
    fprintf(out, "%" PRId64 "x%" PRId64 "x%" PRId64, g->m, g->n, g->k);
    print_post(g->post, out);
    fputc(']', out);
}

static void
print_conv(const PlanConv *c, FILE *out)
{
    static const char *const dir[] = {"", "dx ", "dw "};

    fprintf(out,
            " [%s%" PRId64 "x%" PRId64 "x%" PRId64 "x%" PRId64 " -> %" PRId64
            "x%" PRId64 "x%" PRId64 " window %" PRId64 "x%" PRId64,
            dir[c->dir % 3], c->n, c->h, c->w, c->ci, c->oh, c->ow, c->co,
            c->kh, c->kw);
    print_post(c->post, out);
    fputc(']', out);
}

static void
print_step(const Prog *p, const Func *f, u32 i, FILE *out)
{
    static const char *const kind[] = {
#define X(name, table) #name,
        SOHO_STEPS(X)
#undef X
    };
    const Step *s = &f->step[i];

    fprintf(out, "  %u %s", i, kind[s->kind]);
    if (s->kind == ST_kernel)
        fprintf(out, " %s", p->kernel[s->what].name);
    else if (s->kind == ST_gemm || s->kind == ST_pack_gemm)
        print_gemm(&p->gemm[s->what], out);
    else if (s->kind == ST_conv || s->kind == ST_pack_conv)
        print_conv(&p->conv[s->what], out);
    fputc(' ', out);
    for (u32 k = 0; k < s->narg; k++)
        print_arg(p, f, &s->arg[k], true, out);
    fputs(" <-", out);
    for (u32 k = 0; k < s->narg; k++)
        print_arg(p, f, &s->arg[k], false, out);
    if (s->place && *s->place)
        fprintf(out, "  ; %s", s->place);
    fputc('\n', out);
}

static void
print_buf(const Prog *p, const Buf *b, FILE *out)
{
    fprintf(out, "  %s", arena_name[b->arena]);
    if (p->state & HAS_PLACE)
        fprintf(out, "+0x%06" PRIx64, b->offset);
    fprintf(out, " %s %s %s", role_name[b->role], b->name, type_text(&b->type));
    if (b->role == RO_range)
        fprintf(out, " over %s%s%s", b->span_prefix,
                *b->span_prefix ? "* " : "", role_name[b->span_role]);
    if (b->group >= 0 || b->span_group >= 0)
        fprintf(out, " group %d", b->group >= 0 ? b->group : b->span_group);
    fputc('\n', out);
}

static void
print_kernel(const Kernel *k, FILE *out)
{
    fprintf(out, "  %s from %s", k->name, k->tmpl);
    for (u32 i = 0; i < k->ndef; i++)
        fprintf(out, " %s=%s", k->def[i].name, k->def[i].value);
    fputc('\n', out);
    for (u32 i = 0; i < k->nsplice; i++)
        fprintf(out, "    %s: %s\n", k->splice[i].slot, k->splice[i].text);
}

void
print_steps(const Prog *p, FILE *out)
{
    for (u32 i = 0; i < p->nfunc; i++) {
        const Func *f = &p->func[i];

        fprintf(out, "phase %s %s", f->name, phase_name[f->kind]);
        if (f->pack >= 0)
            fprintf(out, " after %s", p->func[f->pack].name);
        fputc('\n', out);
        for (u32 k = 0; k < f->nstep; k++)
            print_step(p, f, k, out);
    }
    fprintf(out, "kernels\n");
    for (u32 i = 0; i < p->nkernel; i++)
        print_kernel(&p->kernel[i], out);
    fprintf(out, "buffers\n");
    for (u32 i = 0; i < p->nbuf; i++)
        print_buf(p, &p->buf[i], out);
}
