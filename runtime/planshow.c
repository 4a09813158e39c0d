/* planshow.c - the disassembly of a plan: what stands in plan.bin as text.
 *
 * In: a checked plan.  Out: lines; the same plan gives the same text.  Buffers
 * are shown as arena+offset, what a step writes left of "<-", places at the
 * end of the line. */
#include "runtime/run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const arena_name[NARENA] = {
#define X(name, what) #name,
    SOHO_ARENAS(X)
#undef X
};
static const char *const arena_what[NARENA] = {
#define X(name, what) what,
    SOHO_ARENAS(X)
#undef X
};
static const char *const dtype_name[NDTYPE] = {
#define X(name, bytes) #name,
    SOHO_DTYPES(X)
#undef X
};
static const char *const role_name[NROLE] = {
#define X(name) #name,
    SOHO_ROLES(X)
#undef X
};
static const char *const kind_name[NPHASEKIND] = {
#define X(name) #name,
    SOHO_PHASES(X)
#undef X
};

/* Free text of the plan without control characters. */
static void
show_text(const Plan *p, u32 offset, FILE *out)
{
    char shown[1024];
    const char *s = plan_text(p, offset);

    fputs(err_clean(shown, sizeof shown, s, strlen(s)), out);
}

static void
show_place(const Plan *p, u32 offset, FILE *out)
{
    if (*plan_text(p, offset)) {
        fputs("  ; ", out);
        show_text(p, offset, out);
    }
    fputc('\n', out);
}

static u64
device_bytes(const Plan *p)
{
    u64 sum = p->arena[AR_io].bytes;

    for (u32 i = 0; i < NARENA; i++)
        sum += p->arena[i].bytes;
    return sum;
}

static void
show_head(const Plan *p, FILE *out)
{
    static const char *const target[] = {"null", "cpu", "cuda"};
    static const char *const cpu[] = {"", " avx2", " avx512"};

    fprintf(out, "plan version %u target %s%s threads %u\n", p->head->version,
            target[p->head->target], cpu[p->head->cpu], p->head->threads);
    for (u32 i = 0; i < p->nmeta; i++) {
        fprintf(out, "meta %s ", plan_text(p, p->meta[i].key));
        show_text(p, p->meta[i].value, out);
        fputc('\n', out);
    }
    for (u32 i = 0; i < NARENA; i++)
        fprintf(out, "arena %-5s %12" PRIu64 " bytes  ; %s\n", arena_name[i],
                p->arena[i].bytes, arena_what[i]);
    if (p->head->target == TARGET_cuda)
        fprintf(out,
                "device %10" PRIu64 " bytes  ; all arenas, and io once more, "
                "where doors arrive\n",
                device_bytes(p));
    for (u32 i = 0; i < p->nblob; i++)
        fprintf(out, "code %s %" PRIu64 " bytes\n",
                plan_text(p, p->blob[i].name), p->blob[i].bytes);
    fprintf(out, "answers %u\nvocabulary %" PRIu64 " bytes\n", p->nanswer,
            p->vocab_bytes);
}

/* "f32[4,768]" */
static void
show_type(const PlanBuffer *b, FILE *out)
{
    fprintf(out, "%s[", dtype_name[b->dtype]);
    for (u32 k = 0; k < b->rank; k++)
        fprintf(out, k ? ",%" PRId64 : "%" PRId64, b->dim[k]);
    fputc(']', out);
}

/* Of a parameter that trains: its optimiser group, as in meta update.groupN.
 * The range over a group's parameters is called range.param.N-1. */
static void
show_group(const Plan *p, const PlanBuffer *b, FILE *out)
{
    for (u32 i = 0; i < p->nbuffer && b->role == RO_param; i++) {
        const PlanBuffer *range = &p->buffer[i];
        const char *name = plan_text(p, range->name);

        if (range->role == RO_range && range->arena == AR_param &&
            !strncmp(name, "range.param.", 12) && range->offset <= b->offset &&
            b->offset < range->offset + range->bytes)
            fprintf(out, " group %d", atoi(name + 12) + 1);
    }
}

static void
show_buffer(const Plan *p, const PlanBuffer *b, FILE *out)
{
    fprintf(out, "buffer %s %s+0x%" PRIx64 " ", plan_text(p, b->name),
            arena_name[b->arena], b->offset);
    show_type(b, out);
    fprintf(out, " %" PRIu64 " bytes %s", b->bytes, role_name[b->role]);
    show_group(p, b, out);
    show_place(p, b->place, out);
}

/* ------------------------------------------------------------------- steps */

static void
show_post(u32 post, FILE *out)
{
    static const char *const word[] = {"accum", "bias",   "add",  "relu",
                                       "gelu",  "packed", "tf32", "varies"};

    for (u32 i = 0; i < countof(word); i++)
        if (post & 1u << i)
            fprintf(out, " %s", word[i]);
}

/* "gemm 24x160x160x64": batches, rows, columns, terms of a sum. */
static void
show_gemm(const PlanGemm *g, FILE *out)
{
    static const char name[] = "abc";
    const i64 *stride[] = {g->a_stride, g->b_stride, g->c_stride};

    fprintf(out, " %" PRId64 "x%" PRId64 "x%" PRId64 "x%" PRId64,
            g->nb[0] * g->nb[1], g->m, g->n, g->k);
    for (u32 k = 0; k < 3; k++)
        fprintf(out, " %c(%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ")",
                name[k], stride[k][0], stride[k][1], stride[k][2],
                stride[k][3]);
    show_post(g->post, out);
}

/* "conv forward 3x3 stride 2x2 pad 1,1,1,1 1x76x128x64 > 1x38x64x128" */
static void
show_conv(const PlanConv *c, FILE *out)
{
    static const char *const dir[] = {"forward", "backward-data",
                                      "backward-weights"};

    fprintf(out, " %s %" PRId64 "x%" PRId64, dir[c->dir], c->kh, c->kw);
    if (c->stride[0] != 1 || c->stride[1] != 1)
        fprintf(out, " stride %" PRId64 "x%" PRId64, c->stride[0],
                c->stride[1]);
    if (c->dilation[0] != 1 || c->dilation[1] != 1)
        fprintf(out, " dilation %" PRId64 "x%" PRId64, c->dilation[0],
                c->dilation[1]);
    if (c->groups != 1)
        fprintf(out, " groups %" PRId64, c->groups);
    fprintf(out, " pad %" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64, c->pad[0],
            c->pad[1], c->pad[2], c->pad[3]);
    fprintf(out,
            " %" PRId64 "x%" PRId64 "x%" PRId64 "x%" PRId64 " > %" PRId64
            "x%" PRId64 "x%" PRId64 "x%" PRId64,
            c->n, c->h, c->w, c->ci, c->n, c->oh, c->ow, c->co);
    show_post(c->post, out);
}

/* Arguments of which `mode` holds (or numbers, for mode 0), each after a
 * blank. */
static void
show_args(const Plan *p, const PlanStep *s, int writes, FILE *out)
{
    for (u32 k = 0; k < s->narg; k++) {
        const PlanArg *a = &p->arg[s->arg + k];
        const PlanBuffer *b = &p->buffer[a->buffer];

        if (a->kind == ARG_int && !writes)
            fprintf(out, " %" PRId64, a->value);
        if (a->kind == ARG_buffer && !(a->mode & ACCESS_w) == !writes)
            fprintf(out, " %s%s+0x%" PRIx64, a->mode == ACCESS_rw ? "&" : "",
                    arena_name[b->arena], b->offset + (u64)a->value);
    }
}

static void
show_step(const Plan *p, u32 i, FILE *out)
{
    static const char *const kind[NSTEPKIND] = {
#define X(name, table) #name,
        SOHO_STEPS(X)
#undef X
    };
    const PlanStep *s = &p->step[i];

    fprintf(out, "step %u %s", i, kind[s->kind]);
    if (s->kind == ST_kernel)
        fprintf(out, " %s", plan_text(p, p->kernel[s->what].symbol));
    if (s->grid)
        fprintf(out, " <%u x %u>", s->grid, p->kernel[s->what].block);
    if (s->kind == ST_gemm || s->kind == ST_pack_gemm)
        show_gemm(&p->gemm[s->what], out);
    if (s->kind == ST_conv || s->kind == ST_pack_conv)
        show_conv(&p->conv[s->what], out);
    fputs(" ", out);
    show_args(p, s, 1, out);
    fputs(" <-", out);
    show_args(p, s, 0, out);
    if (*plan_text(p, s->name)) {
        fputs("  @", out);
        show_text(p, s->name, out);
    }
    show_place(p, s->place, out);
}

/* ------------------------------------------------------------------ phases */

/* Floating-point operations of all steps, and bytes that they read and write.
 */
static void
show_work(const Plan *p, const PlanPhase *h, FILE *out)
{
    u64 flop = 0, bytes = 0;

    for (u32 s = h->step; s < h->step + h->nstep; s++) {
        flop += p->step[s].flop;
        bytes += p->step[s].bytes;
    }
    fprintf(out, "work flop %" PRIu64 " moved %" PRIu64 "\n", flop, bytes);
}

static void
show_phase(const Plan *p, u32 i, FILE *out)
{
    const PlanPhase *h = &p->phase[i];

    fprintf(out, "\nphase %s %s steps %u", plan_text(p, h->name),
            kind_name[h->kind], h->nstep);
    if (h->pack != PLAN_NONE)
        fprintf(out, " after %s", plan_text(p, p->phase[h->pack].name));
    if (h->batch)
        fprintf(
            out, " batch %d sentences %d tokens %d answers %d picture %dx%d",
            h->batch, h->sentences, h->tokens, h->answers, h->height, h->width);
    fputs("\nneeds", out);
    for (u32 k = 0; k < NARENA; k++)
        if (h->need[k])
            fprintf(out, " %s %" PRIu64, arena_name[k], h->need[k]);
    fputc('\n', out);
    show_work(p, h, out);
    for (u32 d = h->door; d < h->door + h->ndoor; d++) {
        const PlanDoor *door = &p->door[d];
        const PlanBuffer *b = &p->buffer[door->buffer];

        fprintf(out, "door %s %s %s+0x%" PRIx64 " ", door->out ? "out" : "in",
                plan_text(p, door->name), arena_name[b->arena], b->offset);
        show_type(b, out);
        fputc('\n', out);
    }
    for (u32 k = 0; k < p->nbuffer; k++)
        if (p->buffer[k].phase == i && p->buffer[k].arena == AR_act)
            show_buffer(p, &p->buffer[k], out);
    for (u32 s = h->step; s < h->step + h->nstep; s++)
        show_step(p, s, out);
}

void
plan_show(const Plan *plan, FILE *out)
{
    show_head(plan, out);
    fputc('\n', out);
    for (u32 i = 0; i < plan->nbuffer; i++)
        if (plan->buffer[i].phase == PLAN_NONE)
            show_buffer(plan, &plan->buffer[i], out);
    for (u32 i = 0; i < plan->nphase; i++)
        show_phase(plan, i, out);
}
