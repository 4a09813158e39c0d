/* planrows.c - every row of a plan by itself, and its indices into others.
 *
 * In: a Plan whose sections lie inside the file.  Out: SOHO_BAD with section,
 * row, field, expected and got; afterwards every index, range, offset and name
 * may be used without a check. */
#include "runtime/planread.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* No machine has more; sums of such numbers cannot wrap around. */
#define MAX_BYTES ((u64)1 << 46)

/* No GPU has more threads or shared memory for a block. */
enum { MAX_BLOCK = 1024, MAX_SHARED = 227 << 10 };

enum { NAME_word = 1, NAME_path = 2, NAME_phase = 4, NAME_free = 8 };

/* ------------------------------------------------------------------- text */

/* Is s made of the characters of its class, 1 to PLAN_NAME of them? */
static int
is_name(const char *s, int class)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    size_t n = 0;

    while (s[n] && n <= PLAN_NAME &&
           (strchr(letters, s[n]) || (class >= NAME_path && s[n] == '.') ||
            (class >= NAME_phase && s[n] == '@')))
        n++;
    return !s[n] && n >= 1 && n <= PLAN_NAME;
}

/* The string at `offset`, which has to be a name of the class. */
static int
check_text(const Reader *r, u32 section, u64 row, const char *field, u32 offset,
           int class)
{
    char shown[80];
    const char *s;

    if (offset >= r->text_bytes)
        return plan_refuse(r, section, row,
                           "%s is text %u of %" PRIu64 " bytes", field, offset,
                           r->text_bytes);
    s = plan_text(r->plan, offset);
    if (class == NAME_free || is_name(s, class))
        return 0;
    return plan_refuse(
        r, section, row,
        "%s is '%s', expected 1 to %d characters of A-Z a-z 0-9 _%s", field,
        err_clean(shown, sizeof shown, s, strlen(s)), PLAN_NAME,
        class == NAME_word ? "" : " and .");
}

#define TEXT(r, section, row, field, offset, class)                            \
    TRY(check_text(r, SEC_##section, row, field, offset, class))

typedef struct Named {
    const char *name;
    u32 row;
} Named;

static int
by_name(const void *a, const void *b)
{
    const Named *x = a, *y = b;
    int order = strcmp(x->name, y->name);

    return order ? order : (x->row > y->row) - (x->row < y->row);
}

/* The n names, whose text offsets stand `stride` bytes apart, differ. */
static int
check_unique(const Reader *r, u32 section, u64 first, u32 n, const void *offset,
             u64 stride)
{
    Named *list = malloc((n + 1) * sizeof *list);
    int code = 0;

    FAIL_IF(!list, r->e, SOHO_MEMORY, "%s: no memory for %u names", r->path, n);
    for (u32 i = 0; i < n; i++) {
        u32 at;

        memcpy(&at, (const u8 *)offset + i * stride, sizeof at);
        list[i] = (Named){plan_text(r->plan, at), i};
    }
    qsort(list, n, sizeof *list, by_name);
    for (u32 i = 1; i < n && !code; i++)
        if (!strcmp(list[i - 1].name, list[i].name))
            code = plan_refuse(r, section, first + list[i].row,
                               "name '%s' is that of row %" PRIu64 " too",
                               list[i].name, first + list[i - 1].row);
    free(list);
    return code;
}

static int
check_strings(const Reader *r)
{
    const char *text = r->plan->text;

    CHECK(r, STRINGS, 0, r->text_bytes > 0 && text[0] == 0,
          "the first string is not empty");
    CHECK(r, STRINGS, r->text_bytes - 1, text[r->text_bytes - 1] == 0,
          "the last string has no end");
    return 0;
}

static int
check_meta(const Reader *r)
{
    const Plan *p = r->plan;

    for (u32 i = 0; i < p->nmeta; i++) {
        TEXT(r, META, i, "key", p->meta[i].key, NAME_path);
        TEXT(r, META, i, "value", p->meta[i].value, NAME_free);
    }
    return check_unique(r, SEC_META, 0, p->nmeta, &p->meta->key,
                        sizeof *p->meta);
}

/* ----------------------------------------------------------------- buffers */

static int
check_arenas(const Reader *r)
{
    for (u32 i = 0; i < NARENA; i++)
        CHECK(r, ARENAS, i, r->plan->arena[i].bytes <= MAX_BYTES,
              "%" PRIu64 " bytes, expected at most %" PRIu64,
              r->plan->arena[i].bytes, MAX_BYTES);
    return 0;
}

/* Dimensions, and that their elements fit into the bytes. */
static int
check_dims(const Reader *r, u32 i, const PlanBuffer *b)
{
    u64 need = dtype_bytes(b->dtype);

    for (u32 k = 0; k < PLAN_RANK; k++) {
        i64 least = k < b->rank && b->role != RO_range; /* ranges: empty too */
        int good = k < b->rank ? b->dim[k] >= least : b->dim[k] == 0;

        CHECK(r, BUFFERS, i, good,
              "dimension %u is %" PRId64 ", expected %s with rank %u", k,
              b->dim[k], k < b->rank ? "at least 1" : "0", b->rank);
        if (k < b->rank)
            CHECK(r, BUFFERS, i,
                  !__builtin_mul_overflow(need, (u64)b->dim[k], &need) &&
                      need <= MAX_BYTES,
                  "dimensions of more than %" PRIu64 " bytes", MAX_BYTES);
    }
    CHECK(r, BUFFERS, i, need <= b->bytes,
          "dimensions need %" PRIu64 " bytes, got %" PRIu64, need, b->bytes);
    return 0;
}

static int
check_buffer(const Reader *r, u32 i)
{
    const Plan *p = r->plan;
    const PlanBuffer *b = &p->buffer[i];
    int local = b->arena == AR_act || b->arena == AR_io;
    u64 room;

    TEXT(r, BUFFERS, i, "name", b->name, NAME_phase);
    TEXT(r, BUFFERS, i, "place", b->place, NAME_free);
    CHECK(r, BUFFERS, i, b->arena < NARENA, "arena %u of %d", b->arena, NARENA);
    CHECK(r, BUFFERS, i, b->dtype < NDTYPE, "dtype %u of %d", b->dtype, NDTYPE);
    CHECK(r, BUFFERS, i, b->rank <= PLAN_RANK, "rank %u, expected at most %d",
          b->rank, PLAN_RANK);
    CHECK(r, BUFFERS, i, b->role < NROLE, "role %u of %d", b->role, NROLE);
    TRY(check_dims(r, i, b));
    room = p->arena[b->arena].bytes;
    CHECK(r, BUFFERS, i, b->offset % PLAN_ALIGN == 0,
          "offset %" PRIu64 " is no multiple of %d", b->offset, PLAN_ALIGN);
    CHECK(r, BUFFERS, i, b->offset <= room && b->bytes <= room - b->offset,
          "bytes %" PRIu64 " + %" PRIu64 " of an arena of %" PRIu64, b->offset,
          b->bytes, room);
    CHECK(r, BUFFERS, i, local ? b->phase < p->nphase : b->phase == PLAN_NONE,
          "phase %u, expected %s", b->phase,
          local ? "one of the plan's" : "none");
    CHECK(r, BUFFERS, i,
          b->role != RO_range || (!local && b->arena != AR_const),
          "a range over arena %u", b->arena);
    return 0;
}

/* Where the runtime writes seed and counters. */
static int
check_step_block(const Reader *r)
{
    const Plan *p = r->plan;
    u32 count = 0;

    for (u32 i = 0; i < p->nbuffer; i++) {
        const PlanBuffer *b = &p->buffer[i];

        if (b->role != RO_step)
            continue;
        count++;
        CHECK(r, BUFFERS, i,
              b->arena == AR_state && b->offset == 0 &&
                  b->bytes >= sizeof(SohoStep),
              "the step block is %" PRIu64 " bytes at %" PRIu64
              " of arena %u, expected %zu at the start of state",
              b->bytes, b->offset, b->arena, sizeof(SohoStep));
    }
    CHECK(r, BUFFERS, p->nbuffer, count == 1, "%u step blocks, expected 1",
          count);
    return 0;
}

static int
check_buffers(const Reader *r)
{
    const Plan *p = r->plan;

    CHECK(r, BUFFERS, p->nbuffer, p->nbuffer <= PLAN_MAX_BUFFERS,
          "%u rows, expected at most %d", p->nbuffer, PLAN_MAX_BUFFERS);
    for (u32 i = 0; i < p->nbuffer; i++)
        TRY(check_buffer(r, i));
    TRY(check_unique(r, SEC_BUFFERS, 0, p->nbuffer, &p->buffer->name,
                     sizeof *p->buffer));
    return check_step_block(r);
}

/* -------------------------------------------------------------------- code */

static int
check_code(const Reader *r)
{
    const Plan *p = r->plan;
    int cuda = p->head->target == TARGET_cuda;

    for (u32 i = 0; i < p->nblob; i++) {
        TEXT(r, BLOBS, i, "name", p->blob[i].name, NAME_path);
        CHECK(r, BLOBS, i, plan_text(p, p->blob[i].name)[0] != '.',
              "name begins with a dot");
        CHECK(r, BLOBS, i, (p->blob[i].arch == ARCH_host) != cuda,
              "architecture %u on target %u", p->blob[i].arch, p->head->target);
        CHECK(r, BLOBS, i, p->blob[i].bytes <= MAX_BYTES, "%" PRIu64 " bytes",
              p->blob[i].bytes);
    }
    for (u32 i = 0; i < p->nkernel; i++) {
        TEXT(r, KERNELS, i, "symbol", p->kernel[i].symbol, NAME_word);
        CHECK(r, KERNELS, i,
              p->head->target == TARGET_cpu ? p->kernel[i].blob < p->nblob
                                            : p->kernel[i].blob == PLAN_NONE,
              "blob %u of %u", p->kernel[i].blob, p->nblob);
        CHECK(r, KERNELS, i,
              cuda ? p->kernel[i].block >= 1 && p->kernel[i].block <= MAX_BLOCK
                   : !p->kernel[i].block,
              "%u threads a block", p->kernel[i].block);
        CHECK(r, KERNELS, i, p->kernel[i].shared <= (cuda ? MAX_SHARED : 0),
              "%u bytes of shared memory", p->kernel[i].shared);
    }
    for (u32 i = 0; i < p->ngemm; i++)
        TRY(plan_gemm_row(r, i));
    for (u32 i = 0; i < p->nconv; i++)
        TRY(plan_conv_row(r, i));
    for (u32 i = 0; i < p->nengine; i++) {
        const PlanEngine *g = &p->engine[i];

        CHECK(r, ENGINES, i, g->conv < p->nconv, "convolution %u of %u",
              g->conv, p->nconv);
        CHECK(r, ENGINES, i, cuda && g->spare == 0,
              "on target %u, spare is %u", p->head->target, g->spare);
        CHECK(r, ENGINES, i, g->workspace <= p->conv[g->conv].scratch,
              "works in %" PRIu64 " bytes, the convolution has %" PRIu64,
              g->workspace, p->conv[g->conv].scratch);
        TEXT(r, ENGINES, i, "text", g->text, NAME_free);
    }
    TRY(check_unique(r, SEC_BLOBS, 0, p->nblob, &p->blob->name,
                     sizeof *p->blob));
    return check_unique(r, SEC_KERNELS, 0, p->nkernel, &p->kernel->symbol,
                        sizeof *p->kernel);
}

/* ------------------------------------------------------------------- steps */

static int
check_arg(const Reader *r, u32 i)
{
    const Plan *p = r->plan;
    const PlanArg *a = &p->arg[i];
    u64 bytes;

    CHECK(r, ARGS, i, a->kind == ARG_buffer || a->kind == ARG_int,
          "kind %u, expected %d or %d", a->kind, ARG_buffer, ARG_int);
    CHECK(r, ARGS, i, a->spare == 0, "spare is %u", a->spare);
    if (a->kind == ARG_int) {
        CHECK(r, ARGS, i, a->mode == 0 && a->buffer == 0,
              "a number with mode %u, buffer %u", a->mode, a->buffer);
        return 0;
    }
    CHECK(r, ARGS, i, a->mode >= ACCESS_r && a->mode <= ACCESS_rw,
          "mode %u, expected 1 to 3", a->mode);
    CHECK(r, ARGS, i, a->buffer < p->nbuffer, "buffer %u of %u", a->buffer,
          p->nbuffer);
    bytes = p->buffer[a->buffer].bytes;
    CHECK(r, ARGS, i, a->value >= 0 && (u64)a->value < bytes + !bytes,
          "offset %" PRId64 " into a buffer of %" PRIu64 " bytes", a->value,
          bytes);
    CHECK(r, ARGS, i,
          (u64)a->value % dtype_bytes(p->buffer[a->buffer].dtype) == 0,
          "offset %" PRId64 " is inside an element", a->value);
    return 0;
}

/* Bytes from argument a's offset to the end of its buffer. */
static u64
room_of(const Plan *p, const PlanArg *a)
{
    return p->buffer[a->buffer].bytes - (u64)a->value;
}

/* A library call gets exactly the operands that its row asks for. */
static int
check_operands(const Reader *r, u32 i)
{
    const Plan *p = r->plan;
    const PlanStep *s = &p->step[i];
    Operand o[MAX_OPERANDS];
    u32 n = plan_operands(p, s, o);

    CHECK(r, STEPS, i, s->narg == n, "%u arguments, expected %u", s->narg, n);
    for (u32 k = 0; k < n; k++) {
        const PlanArg *a = &p->arg[s->arg + k];

        CHECK(r, STEPS, i, a->kind == ARG_buffer,
              "argument %u (%s) is a number", k, o[k].what);
        CHECK(r, STEPS, i, a->mode == o[k].mode,
              "argument %u (%s) has mode %u, expected %u", k, o[k].what,
              a->mode, o[k].mode);
        CHECK(r, STEPS, i, o[k].bytes <= room_of(p, a),
              "argument %u (%s) touches %" PRIu64 " bytes, its buffer has %" //
              PRIu64,
              k, o[k].what, o[k].bytes, room_of(p, a));
    }
    return 0;
}

static int
check_fill(const Reader *r, u32 i)
{
    const PlanStep *s = &r->plan->step[i];
    const PlanArg *a = &r->plan->arg[s->arg];

    CHECK(r, STEPS, i, s->narg == 3, "%u arguments, expected 3", s->narg);
    CHECK(r, STEPS, i,
          a[0].kind == ARG_buffer && a[0].mode == ACCESS_w &&
              a[1].kind == ARG_int && a[2].kind == ARG_int,
          "expected a written buffer, bytes and a word");
    CHECK(r, STEPS, i,
          a[1].value >= 0 && (u64)a[1].value <= room_of(r->plan, a) &&
              (a[2].value == 0 || (a[1].value % 4 == 0 && a[0].value % 4 == 0)),
          "fills %" PRId64 " bytes of %" PRIu64, a[1].value,
          room_of(r->plan, a));
    CHECK(r, STEPS, i, a[2].value >= 0 && a[2].value <= UINT32_MAX,
          "word %" PRId64, a[2].value);
    return 0;
}

static int
check_step(const Reader *r, u32 i)
{
    const Plan *p = r->plan;
    const PlanStep *s = &p->step[i];
    const u32 count[NSTEPKIND] = {p->nkernel, p->ngemm, p->nconv,
                                  p->ngemm,   p->nconv, 1};

    CHECK(r, STEPS, i, s->kind < NSTEPKIND, "kind %u of %d", s->kind,
          NSTEPKIND);
    CHECK(r, STEPS, i, s->what < count[s->kind], "names row %u of %u", s->what,
          count[s->kind]);
    CHECK(r, STEPS, i, s->narg <= PLAN_MAX_ARGS, "%u arguments, at most %d",
          s->narg, PLAN_MAX_ARGS);
    CHECK(r, STEPS, i, s->arg <= p->narg && s->narg <= p->narg - s->arg,
          "arguments %u + %u of %u", s->arg, s->narg, p->narg);
    TEXT(r, STEPS, i, "name", s->name, NAME_free);
    TEXT(r, STEPS, i, "place", s->place, NAME_free);
    CHECK(r, STEPS, i,
          s->spare == 0 && !s->grid == !(s->kind == ST_kernel &&
                                         p->head->target == TARGET_cuda),
          "%u blocks, spare %u", s->grid, s->spare);
    if (s->kind == ST_kernel)
        return 0;
    return s->kind == ST_fill ? check_fill(r, i) : check_operands(r, i);
}

/* ------------------------------------------------------------------ phases */

static int
check_doors(const Reader *r, u32 i)
{
    const Plan *p = r->plan;
    const PlanPhase *phase = &p->phase[i];

    for (u32 k = phase->door; k < phase->door + phase->ndoor; k++) {
        const PlanDoor *d = &p->door[k];

        TEXT(r, DOORS, k, "name", d->name, NAME_path);
        CHECK(r, DOORS, k, d->buffer < p->nbuffer, "buffer %u of %u", d->buffer,
              p->nbuffer);
        CHECK(r, DOORS, k,
              p->buffer[d->buffer].arena == AR_io &&
                  p->buffer[d->buffer].phase == i,
              "buffer %u is not in the io arena of phase %u", d->buffer, i);
        CHECK(r, DOORS, k, d->out <= 1 && d->spare == 0, "out %u, spare %u",
              d->out, d->spare);
    }
    return check_unique(r, SEC_DOORS, phase->door, phase->ndoor,
                        &p->door[phase->door].name, sizeof *p->door);
}

/* Buffer b is used by phase i: it lives there, and in memory it opens. */
static int
check_use(const Reader *r, u32 i, u32 b, const char *user, u32 row)
{
    const PlanPhase *phase = &r->plan->phase[i];
    const PlanBuffer *buffer = &r->plan->buffer[b];
    u64 end = buffer->offset + buffer->bytes;

    CHECK(r, PHASES, i, buffer->phase == PLAN_NONE || buffer->phase == i,
          "%s %u uses buffer %u of phase %u", user, row, b, buffer->phase);
    CHECK(r, PHASES, i, end <= phase->need[buffer->arena],
          "%s %u uses buffer %u up to %" PRIu64
          " of arena %u, the phase opens %" PRIu64,
          user, row, b, end, buffer->arena, phase->need[buffer->arena]);
    return 0;
}

static int
check_uses(const Reader *r, u32 i)
{
    const Plan *p = r->plan;
    const PlanPhase *phase = &p->phase[i];

    for (u32 s = phase->step; s < phase->step + phase->nstep; s++)
        for (u32 k = 0; k < p->step[s].narg; k++) {
            const PlanArg *a = &p->arg[p->step[s].arg + k];

            if (a->kind == ARG_buffer)
                TRY(check_use(r, i, a->buffer, "step", s));
        }
    for (u32 d = phase->door; d < phase->door + phase->ndoor; d++)
        TRY(check_use(r, i, p->door[d].buffer, "door", d));
    return 0;
}

static int
check_phase(const Reader *r, u32 i, u32 step, u32 door)
{
    const Plan *p = r->plan;
    const PlanPhase *h = &p->phase[i];
    const i32 size[6] = {h->batch,   h->sentences, h->tokens,
                         h->answers, h->height,    h->width};

    TEXT(r, PHASES, i, "name", h->name, NAME_phase);
    CHECK(r, PHASES, i, h->kind < NPHASEKIND, "kind %u of %d", h->kind,
          NPHASEKIND);
    CHECK(r, PHASES, i, h->step == step && h->nstep <= p->nstep - step,
          "steps %u + %u of %u, expected to begin at %u", h->step, h->nstep,
          p->nstep, step);
    CHECK(r, PHASES, i, h->door == door && h->ndoor <= p->ndoor - door,
          "doors %u + %u of %u, expected to begin at %u", h->door, h->ndoor,
          p->ndoor, door);
    CHECK(r, PHASES, i,
          h->pack == PLAN_NONE ||
              (h->pack < p->nphase && p->phase[h->pack].kind == PH_pack),
          "pack names phase %u, which is no pack phase", h->pack);
    CHECK(r, PHASES, i, h->kind != PH_pack || h->pack == PLAN_NONE,
          "a pack phase that needs pack phase %u", h->pack);
    CHECK(r, PHASES, i, h->spare == 0, "spare is %u", h->spare);
    for (u32 k = 0; k < 6; k++)
        CHECK(r, PHASES, i, size[k] >= 0, "size %u is %d", k, size[k]);
    for (u32 k = 0; k < NARENA; k++)
        CHECK(r, PHASES, i, h->need[k] <= p->arena[k].bytes,
              "needs %" PRIu64 " bytes of arena %u, which has %" PRIu64,
              h->need[k], k, p->arena[k].bytes);
    TRY(check_doors(r, i));
    return check_uses(r, i);
}

/* Phases own the steps and doors one after the other, without gaps. */
static int
check_phases(const Reader *r)
{
    const Plan *p = r->plan;
    u32 step = 0, door = 0;

    CHECK(r, PHASES, p->nphase, p->nphase <= PLAN_MAX_PHASES,
          "%u rows, expected at most %d", p->nphase, PLAN_MAX_PHASES);
    for (u32 i = 0; i < p->nphase; i++) {
        TRY(check_phase(r, i, step, door));
        step += p->phase[i].nstep;
        door += p->phase[i].ndoor;
    }
    CHECK(r, PHASES, p->nphase, step == p->nstep && door == p->ndoor,
          "phases have %u steps and %u doors, the plan %u and %u", step, door,
          p->nstep, p->ndoor);
    return check_unique(r, SEC_PHASES, 0, p->nphase, &p->phase->name,
                        sizeof *p->phase);
}

int
plan_rows(const Reader *r)
{
    const Plan *p = r->plan;

    TRY(check_strings(r));
    TRY(check_meta(r));
    TRY(check_arenas(r));
    TRY(check_buffers(r));
    TRY(check_code(r));
    for (u32 i = 0; i < p->narg; i++)
        TRY(check_arg(r, i));
    for (u32 i = 0; i < p->nstep; i++)
        TRY(check_step(r, i));
    TRY(check_phases(r));
    for (u32 i = 0; i < p->nanswer; i++)
        TEXT(r, ANSWERS, i, "name", p->answer[i], NAME_free);
    return 0;
}
