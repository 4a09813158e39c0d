/* planwrite.c - writes plan.bin, whose grammar is the head of soho/plan.h.
 *
 * needs PLACE, BLOB; in: the whole Prog; out: DIR/plan.bin.  The mirror of the
 * runtime's planread.c.  The same Prog gives the same bytes: strings stand in
 * the order of their first use, rows in the order of their tables. */
#include <errno.h>

#include <openssl/evp.h>

#include "compiler/sohoc.h"

/* The rows of one section while they are collected. */
typedef struct Section {
    u8 *data;
    u64 bytes, cap;
    u32 count;
} Section;

typedef struct Writer {
    const Prog *p;
    Section section[NSECTION];
    struct Text {
        const char *s; /* interned */
        u32 offset;
    } * text; /* hash table by pointer */
    u32 ntext, text_cap;
} Writer;

/* ---------------------------------------------------------------- sections */

static void
append(Section *s, const void *data, u64 bytes)
{
    if (s->bytes + bytes > s->cap) {
        u64 cap = 2 * (s->bytes + bytes);
        u8 *grown = mem_alloc(cap);

        if (s->bytes)
            memcpy(grown, s->data, s->bytes);
        s->data = grown;
        s->cap = cap;
    }
    if (bytes)
        memcpy(s->data + s->bytes, data, bytes);
    s->bytes += bytes;
}

/* ROW(w, STEPS, &row) */
#define ROW(w, kind, row)                                                      \
    (append(&(w)->section[SEC_##kind], row, sizeof *(row)),                    \
     (w)->section[SEC_##kind].count++)

/* ----------------------------------------------------------------- strings */

static struct Text *
text_at(const Writer *w, const char *s)
{
    u64 i = (u64)(uintptr_t)s * 0x9e3779b97f4a7c15u >> 32;

    for (;; i++) {
        struct Text *t = &w->text[i & (w->text_cap - 1)];

        if (!t->s || t->s == s)
            return t;
    }
}

static void
grow_text(Writer *w)
{
    struct Text *old = w->text;
    u32 n = w->text_cap;

    w->text_cap = n ? 2 * n : 1024;
    w->text = mem_alloc(w->text_cap * sizeof *w->text);
    for (u32 i = 0; i < n; i++)
        if (old[i].s)
            *text_at(w, old[i].s) = old[i];
}

/* Offset of the string in STRINGS. */
static u32
text(Writer *w, const char *s)
{
    Section *strings = &w->section[SEC_STRINGS];
    struct Text *t;

    if (!s || !*s)
        return 0;
    if (2 * w->ntext >= w->text_cap)
        grow_text(w);
    s = intern(s);
    t = text_at(w, s);
    if (!t->s) {
        *t = (struct Text){s, (u32)strings->bytes};
        w->ntext++;
        append(strings, s, strlen(s) + 1);
    }
    return t->offset;
}

/* -------------------------------------------------------------------- rows */

static int
by_key(const void *a, const void *b)
{
    return strcmp(((const Meta *)a)->key, ((const Meta *)b)->key);
}

/* The model's pairs and the compiler's choices, sorted by key. */
static void
write_meta(Writer *w)
{
    const Prog *p = w->p;
    const Options *o = &p->opt;
    const Meta own[] = {
        {"soho.cpu", o->cpu == CPU_avx512 ? "avx512"
                     : o->cpu == CPU_avx2 ? "avx2"
                                          : "none"},
        {"soho.target", o->target->name},
        {"soho.threads", format("%d", o->threads)},
        {"soho.version", SOHO_VERSION},
    };
    u32 n = p->nmeta + (u32)countof(own);
    Meta *list = mem_alloc(n * sizeof *list);

    if (p->nmeta)
        memcpy(list, p->meta, p->nmeta * sizeof *list);
    memcpy(list + p->nmeta, own, sizeof own);
    qsort(list, n, sizeof *list, by_key);
    for (u32 i = 0; i < n; i++) {
        PlanMeta row = {text(w, list[i].key), text(w, list[i].value)};

        if (i && !strcmp(list[i].key, list[i - 1].key))
            bug("two meta values of key %s", list[i].key);
        ROW(w, META, &row);
    }
}

static void
write_buffers(Writer *w)
{
    const Prog *p = w->p;

    for (u32 i = 0; i < NARENA; i++) {
        PlanArena row = {p->need[i]};

        ROW(w, ARENAS, &row);
    }
    for (u32 i = 0; i < p->nbuf; i++) {
        const Buf *b = &p->buf[i];
        PlanBuffer row = {.name = text(w, b->name),
                          .place = text(w, b->place),
                          .arena = b->arena,
                          .dtype = b->type.dtype,
                          .rank = b->type.rank,
                          .role = b->role,
                          .phase = b->func < 0 ? PLAN_NONE : (u32)b->func,
                          .offset = b->offset,
                          .bytes = b->bytes};

        for (u32 k = 0; k < b->type.rank; k++)
            row.dim[k] = b->type.dim[k];
        ROW(w, BUFFERS, &row);
    }
}

/* Without code (target null) kernels have names and no blob. */
static void
write_code(Writer *w)
{
    const Prog *p = w->p;

    for (u32 i = 0; i < p->nblob; i++) {
        PlanBlob row = p->blob[i];

        row.name = text(w, p->blob_name[i]);
        ROW(w, BLOBS, &row);
    }
    for (u32 i = 0; i < p->nkernel; i++) {
        const Kernel *k = &p->kernel[i];
        bool host = p->nblob == 1 && p->blob[0].arch == ARCH_host;
        PlanKernel row = {text(w, k->name), host ? 0 : PLAN_NONE, k->block,
                          k->shared};

        ROW(w, KERNELS, &row);
    }
    for (u32 i = 0; i < p->ngemm; i++)
        ROW(w, GEMMS, &p->gemm[i]);
    for (u32 i = 0; i < p->nconv; i++)
        ROW(w, CONVS, &p->conv[i]);
    for (u32 i = 0; i < p->nengine; i++) {
        PlanEngine row = {.conv = p->engine[i].conv,
                          .arch = p->engine[i].arch,
                          .text = text(w, p->engine[i].text),
                          .workspace = p->engine[i].workspace};

        ROW(w, ENGINES, &row);
    }
}

static void
write_steps(Writer *w, const Func *f)
{
    for (u32 i = 0; i < f->nstep; i++) {
        const Step *s = &f->step[i];
        PlanStep row = {.kind = s->kind,
                        .what = s->what,
                        .arg = w->section[SEC_ARGS].count,
                        .narg = s->narg,
                        .name = text(w, s->name),
                        .place = text(w, s->place),
                        .grid = s->grid,
                        .flop = s->flop,
                        .bytes = s->bytes};

        for (u32 k = 0; k < s->narg; k++) {
            PlanArg arg = s->arg[k];

            if (arg.kind == ARG_int) /* a length was place's mark */
                arg = (PlanArg){.kind = ARG_int, .value = arg.value};
            ROW(w, ARGS, &arg);
        }
        ROW(w, STEPS, &row);
    }
}

/* Doors of phase i; their buffers are named "<phase>.<door>". */
static void
write_doors(Writer *w, u32 i)
{
    const Prog *p = w->p;
    const char *prefix = format("%s.", p->func[i].name);

    for (u32 b = 0; b < p->nbuf; b++) {
        const Buf *buf = &p->buf[b];
        PlanDoor row = {.buffer = b, .out = buf->role == RO_output};

        if (buf->arena != AR_io || buf->func != (i32)i)
            continue;
        if (strncmp(buf->name, prefix, strlen(prefix)))
            bug("door %s is not named %s...", buf->name, prefix);
        row.name = text(w, buf->name + strlen(prefix));
        ROW(w, DOORS, &row);
    }
}

/* Bytes of each arena that the phase touches: by steps, by the caller through
 * doors, and the step block, which the runtime writes. */
static void
find_need(const Prog *p, u32 i, u64 need[NARENA])
{
    const Func *f = &p->func[i];
    bool *used = mem_alloc(p->nbuf);

    for (u32 k = 0; k < f->nstep; k++)
        for (u32 a = 0; a < f->step[k].narg; a++)
            if (f->step[k].arg[a].kind == ARG_buffer)
                used[f->step[k].arg[a].buffer] = true;
    for (u32 b = 0; b < p->nbuf; b++) {
        const Buf *buf = &p->buf[b];
        u64 end = buf->offset + buf->bytes;
        bool door = buf->arena == AR_io && buf->func == (i32)i;

        if ((used[b] || door || buf->role == RO_step) && end > need[buf->arena])
            need[buf->arena] = end;
    }
}

static void
write_phases(Writer *w)
{
    const Prog *p = w->p;

    for (u32 i = 0; i < p->nfunc; i++) {
        const Func *f = &p->func[i];
        PlanPhase row = {.name = text(w, f->name),
                         .kind = f->kind,
                         .step = w->section[SEC_STEPS].count,
                         .nstep = f->nstep,
                         .door = w->section[SEC_DOORS].count,
                         .pack = f->pack < 0 ? PLAN_NONE : (u32)f->pack,
                         .batch = f->batch,
                         .sentences = f->sentences,
                         .tokens = f->tokens,
                         .answers = f->answers,
                         .height = f->height,
                         .width = f->width};

        write_steps(w, f);
        write_doors(w, i);
        row.ndoor = w->section[SEC_DOORS].count - row.door;
        find_need(p, i, row.need);
        ROW(w, PHASES, &row);
    }
}

static void
write_names(Writer *w)
{
    const Prog *p = w->p;
    Section *vocab = &w->section[SEC_VOCAB];

    for (u32 i = 0; i < p->nanswer; i++) {
        u32 row = text(w, p->answer[i]);

        ROW(w, ANSWERS, &row);
    }
    append(vocab, p->vocab, p->vocab_bytes);
    vocab->count = (u32)vocab->bytes;
}

/* -------------------------------------------------------------------- file */

static void
sign(u8 *file, u64 bytes)
{
    PlanHead *head = (PlanHead *)file;

    if (!EVP_Digest(file, bytes, head->hash, NULL, EVP_sha256(), NULL))
        die(SOHO_BUG, "libcrypto has no SHA-256");
}

/* Head, section rows, then the sections, each at a multiple of 64. */
static u8 *
join(const Writer *w, u64 *bytes)
{
    const Options *o = &w->p->opt;
    PlanHead head = {.magic = PLAN_MAGIC,
                     .version = PLAN_VERSION,
                     .probe = PLAN_PROBE,
                     .target = o->target->id,
                     .cpu = o->cpu,
                     .threads = (u32)o->threads,
                     .nsection = NSECTION};
    PlanSection row[NSECTION];
    u64 end = sizeof head + sizeof row;
    u8 *file;

    for (u32 i = 0; i < NSECTION; i++) {
        const Section *s = &w->section[i];

        row[i] =
            (PlanSection){i, s->count, align_up(end, PLAN_ALIGN), s->bytes};
        end = row[i].offset + row[i].bytes;
    }
    head.file_bytes = *bytes = end;
    file = mem_alloc(end);
    memcpy(file, &head, sizeof head);
    memcpy(file + sizeof head, row, sizeof row);
    for (u32 i = 0; i < NSECTION; i++)
        if (row[i].bytes)
            memcpy(file + row[i].offset, w->section[i].data, row[i].bytes);
    sign(file, end);
    return file;
}

void
pass_planwrite(Prog *p)
{
    Writer w = {.p = p};
    const char *path = format("%s/plan.bin", p->opt.out);
    u64 bytes;
    u8 *file;

    append(&w.section[SEC_STRINGS], "", 1);
    write_meta(&w);
    write_buffers(&w);
    write_code(&w);
    write_phases(&w);
    write_names(&w);
    w.section[SEC_STRINGS].count = (u32)w.section[SEC_STRINGS].bytes;
    file = join(&w, &bytes);
    if (!file_write(path, file, bytes))
        die(SOHO_IO, "%s: cannot write: %s", path, strerror(errno));
}
