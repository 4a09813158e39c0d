/* planmake.h - builds small plans in memory, for the tests of the runtime.
 *
 * In: rows.  Out: the bytes of plan.bin.  Offsets are dealt out one after the
 * other, so no buffer shares memory unless a test sets it so. */
#ifndef PLANMAKE_H
#define PLANMAKE_H

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "soho/kernel.h"
#include "soho/plan.h"

enum { MAKE_ROWS = 512, MAKE_TEXT = 1 << 14 };

typedef struct Make {
    PlanHead head;
    char text[MAKE_TEXT];
    u32 ntext;
    PlanMeta meta[8];
    u32 nmeta;
    PlanArena arena[NARENA];
    PlanBuffer buffer[MAKE_ROWS];
    u32 nbuffer;
    PlanBlob blob[2];
    u32 nblob;
    PlanEngine engine[4];
    u32 nengine;
    PlanKernel kernel[16];
    u32 nkernel;
    PlanGemm gemm[64];
    u32 ngemm;
    PlanConv conv[128];
    u32 nconv;
    PlanArg arg[MAKE_ROWS * 2];
    u32 narg;
    PlanStep step[MAKE_ROWS];
    u32 nstep;
    PlanDoor door[MAKE_ROWS];
    u32 ndoor;
    PlanPhase phase[128];
    u32 nphase;
    u32 answer[64];
    u32 nanswer;
    char vocab[4096];
    u32 nvocab;
} Make;

static inline u32
make_text(Make *m, const char *s)
{
    u32 at = m->ntext, n = (u32)strlen(s) + 1;

    if (n == 1)
        return 0;
    assert(at + n <= MAKE_TEXT);
    memcpy(m->text + at, s, n);
    m->ntext += n;
    return at;
}

/* A buffer at the end of its arena; dims end with 0. */
static inline u32
make_buffer(Make *m, const char *name, u32 arena, u32 role, u32 dtype, ...)
{
    PlanBuffer *b = &m->buffer[m->nbuffer];
    int local = arena == AR_act || arena == AR_io;
    va_list dims;
    i64 dim;

    assert(m->nbuffer < MAKE_ROWS);
    *b = (PlanBuffer){.name = make_text(m, name),
                      .place = make_text(m, "test.lua:1"),
                      .arena = (u8)arena,
                      .dtype = (u8)dtype,
                      .role = (u8)role,
                      .phase = local ? m->nphase - 1 : PLAN_NONE,
                      .offset = m->arena[arena].bytes,
                      .bytes = dtype_bytes(dtype)};
    va_start(dims, dtype);
    while ((dim = va_arg(dims, i64)) != 0) {
        b->dim[b->rank++] = dim;
        b->bytes *= (u64)dim;
    }
    va_end(dims);
    b->bytes = align_up(b->bytes, PLAN_ALIGN);
    m->arena[arena].bytes += b->bytes;
    return m->nbuffer++;
}

static inline void
make_start(Make *m, u32 cpu, u32 threads)
{
    memset(m, 0, sizeof *m);
    memcpy(m->head.magic, PLAN_MAGIC, 8);
    m->head.version = PLAN_VERSION;
    m->head.probe = PLAN_PROBE;
    m->head.target = TARGET_cpu;
    m->head.cpu = cpu;
    m->head.threads = threads;
    m->head.nsection = NSECTION;
    m->ntext = 1;
    make_buffer(m, "step", AR_state, RO_step, DT_u8, (i64)sizeof(SohoStep),
                (i64)0);
}

/* Begins a phase; what follows belongs to it. */
static inline u32
make_phase(Make *m, const char *name, u32 kind)
{
    m->phase[m->nphase] = (PlanPhase){.name = make_text(m, name),
                                      .kind = kind,
                                      .step = m->nstep,
                                      .door = m->ndoor,
                                      .pack = PLAN_NONE};
    return m->nphase++;
}

static inline u32
make_door(Make *m, const char *name, u32 buffer, u32 out)
{
    m->door[m->ndoor++] = (PlanDoor){make_text(m, name), buffer, out, 0};
    m->phase[m->nphase - 1].ndoor++;
    return buffer;
}

/* A step without arguments; make_arg and make_int add them. */
static inline u32
make_step(Make *m, u32 kind, u32 what, const char *name)
{
    m->step[m->nstep] = (PlanStep){.kind = kind,
                                   .what = what,
                                   .arg = m->narg,
                                   .name = make_text(m, name),
                                   .place = make_text(m, "test.lua:2")};
    m->phase[m->nphase - 1].nstep++;
    return m->nstep++;
}

static inline void
make_arg(Make *m, u32 mode, u32 buffer, i64 offset)
{
    m->arg[m->narg++] = (PlanArg){ARG_buffer, (u8)mode, 0, buffer, offset};
    m->step[m->nstep - 1].narg++;
}

static inline void
make_int(Make *m, i64 value)
{
    m->arg[m->narg++] = (PlanArg){.kind = ARG_int, .value = value};
    m->step[m->nstep - 1].narg++;
}

/* Writes the hash that the bytes ought to have. */
static inline void
make_hash(u8 *data, u64 bytes)
{
    PlanHead *head = (PlanHead *)(void *)data;

    memset(head->hash, 0, sizeof head->hash);
    EVP_Digest(data, bytes, head->hash, NULL, EVP_sha256(), NULL);
}

static inline void
make_section(u8 *data, u64 *at, u32 kind, const void *rows, u32 count, u64 size)
{
    PlanSection *s = (PlanSection *)(void *)(data + sizeof(PlanHead)) + kind;

    *at = align_up(*at, PLAN_ALIGN);
    *s = (PlanSection){kind, count, *at, count * size};
    memcpy(data + *at, rows, count * size);
    *at += count * size;
}

/* The whole file, malloc'ed; every phase opens all of every arena. */
static inline u8 *
make_bytes(Make *m, u64 *bytes)
{
    u8 *data = calloc(1, sizeof *m + 64 * NSECTION + 4096);
    u64 at = sizeof(PlanHead) + NSECTION * sizeof(PlanSection);

    for (u32 i = 0; i < m->nphase; i++)
        for (u32 k = 0; k < NARENA; k++)
            if (!m->phase[i].need[k])
                m->phase[i].need[k] = m->arena[k].bytes;
#define PUT(kind, rows, n)                                                     \
    make_section(data, &at, SEC_##kind, rows, n, sizeof *(rows))
    PUT(STRINGS, m->text, m->ntext);
    PUT(META, m->meta, m->nmeta);
    PUT(ARENAS, m->arena, NARENA);
    PUT(BUFFERS, m->buffer, m->nbuffer);
    PUT(BLOBS, m->blob, m->nblob);
    PUT(KERNELS, m->kernel, m->nkernel);
    PUT(GEMMS, m->gemm, m->ngemm);
    PUT(CONVS, m->conv, m->nconv);
    PUT(ENGINES, m->engine, m->nengine);
    PUT(ARGS, m->arg, m->narg);
    PUT(STEPS, m->step, m->nstep);
    PUT(DOORS, m->door, m->ndoor);
    PUT(PHASES, m->phase, m->nphase);
    PUT(ANSWERS, m->answer, m->nanswer);
    PUT(VOCAB, m->vocab, m->nvocab);
#undef PUT
    m->head.file_bytes = *bytes = at;
    memcpy(data, &m->head, sizeof m->head);
    make_hash(data, at);
    return data;
}

/* Writes the plan to a file. */
static inline void
make_file(Make *m, const char *path)
{
    u64 bytes;
    u8 *data = make_bytes(m, &bytes);
    FILE *out = fopen(path, "wb");

    if (!out || fwrite(data, 1, bytes, out) != bytes || fclose(out))
        abort();
    free(data);
}

#endif
