/* toyplan.h - a plan whose kernels are a few loops, with all phases of a model
 * that trains: every number depends on every input bit, so a batch that comes
 * twice, late or with another counter shows in the weights.
 *
 * toy_make(folder, salt) writes FOLDER/plan.bin and FOLDER/kernels.so for the
 * words and answers of FOLDER/../data; another salt is another plan.  Seed 666
 * makes every update refuse. */
#ifndef TOYPLAN_H
#define TOYPLAN_H

#include <sys/stat.h>

#include "planmake.h"

enum { TOY_B = 2, TOY_S = 2, TOY_T = 12, TOY_A = 16, TOY_R = TOY_B * TOY_S };
enum { TOY_N = 64, TOY_ACCUMULATE = 3 };

/* Arguments of every kernel: step, param, grad, moment, live, good, then the
 * doors with their sizes. */
static const char toy_kernels[] =
    "#include \"soho/kernel.h\"\n"
    "typedef uint32_t u32;\n"
    "enum { N = 64, L = 8 };\n"
    "static u32 mix(u32 h, const void *p, int64_t n)\n"
    "{ const unsigned char *s = p;\n"
    "  for (int64_t i = 0; i < n; i++) h = (h ^ s[i]) * 16777619u;\n"
    "  return h; }\n"
    "static float unit(u32 h, u32 i)\n"
    "{ h ^= i * 2654435761u; h ^= h >> 16; h *= 0x85ebca6bu; h ^= h >> 13;\n"
    "  h *= 0xc2b2ae35u; h ^= h >> 16; return (h >> 8) * 0x1p-24f; }\n"
    "#define HEAD SohoStep *step = arg[0].p; float *param = arg[1].p;\\\n"
    "  float *grad = arg[2].p, *moment = arg[3].p, *live = arg[4].p;\\\n"
    "  float *good = arg[5].p; (void)step; (void)param; (void)grad;\\\n"
    "  (void)moment; (void)live; (void)good;\n"
    "void toy_init(const SohoArg *arg)\n"
    "{ HEAD\n"
    "  for (int i = 0; i < N; i++) { param[i] = unit(step->seed[0], i);\n"
    "    moment[i] = 0; }\n"
    "  for (int i = 0; i < L; i++) live[i] = good[i] = 0;\n"
    "  step->count = step->skipped = 0; step->finite = 1; }\n"
    "void toy_train(const SohoArg *arg)\n"
    "{ HEAD\n"
    "  u32 h = mix(2166136261u, step, 28);\n"
    "  float *loss = arg[16].p, *score = arg[17].p;\n"
    "  for (int i = 0; i < 5; i++)\n"
    "    h = mix(h, arg[6 + 2 * i].p, arg[7 + 2 * i].i);\n"
    "  for (int i = 0; i < N; i++) {\n"
    "    float g = unit(h, i) - 0.5f + 0.01f * param[i];\n"
    "    grad[i] = step->window ? grad[i] + g : g; }\n"
    "  for (int i = 0; i < L; i++)\n"
    "    live[i] = 0.9f * live[i] + 0.1f * unit(h, 100 + i);\n"
    "  *loss = unit(h, 200); *score = unit(h, 201); }\n"
    "void toy_update(const SohoArg *arg)\n"
    "{ HEAD\n"
    "  step->finite = step->seed[0] != 666;\n"
    "  if (!step->finite) { step->skipped++;\n"
    "    for (int i = 0; i < L; i++) live[i] = good[i];\n"
    "    return; }\n"
    "  step->lr = 1 - step->t / (step->total + 1.0f);\n"
    "  step->count++;\n"
    "  for (int i = 0; i < N; i++) {\n"
    "    moment[i] = 0.9f * moment[i] + grad[i];\n"
    "    param[i] -= 0.01f * step->lr * moment[i]; }\n"
    "  for (int i = 0; i < L; i++) good[i] = live[i]; }\n"
    /* inputs as in train, then row_score, row_loss, answer, prob */
    "void toy_eval(const SohoArg *arg)\n"
    "{ HEAD\n"
    "  const int *tokens = arg[10].p; const float *answers = arg[14].p;\n"
    "  float *score = arg[16].p, *loss = arg[17].p;\n"
    "  int *answer = arg[18].p; float *prob = arg[19].p;\n"
    "  int64_t rows = arg[20].i, T = arg[21].i, A = arg[22].i;\n"
    "  u32 image = mix(1, arg[6].p, arg[7].i);\n"
    "  for (int64_t r = 0; r < rows; r++) {\n"
    "    u32 h = mix(image, tokens + r * T, T * 4), best = 0;\n"
    "    for (int64_t a = 0; a < A; a++) {\n"
    "      prob[r * A + a] = unit(h, a) + 0.001f * param[a];\n"
    "      if (prob[r * A + a] > prob[r * A + best]) best = a; }\n"
    "    answer[r] = best; score[r] = answers[r * A + best];\n"
    "    loss[r] = unit(h, 300); } }\n";

/* The buffers that all phases share. */
typedef struct ToyState {
    u32 param, grad, moment, live, good;
} ToyState;

static inline void
toy_head(Make *m, const ToyState *s, u32 mode)
{
    make_arg(m, ACCESS_rw, 0, 0);
    make_arg(m, mode, s->param, 0);
    make_arg(m, mode, s->grad, 0);
    make_arg(m, mode, s->moment, 0);
    make_arg(m, mode, s->live, 0);
    make_arg(m, mode, s->good, 0);
}

/* A door of the phase made last, as an argument of its only step. */
static inline void
toy_door(Make *m, const char *phase, const char *name, u32 dtype, u32 out,
         i64 a, i64 b, i64 c, i64 d)
{
    char full[64];
    u32 buffer;

    snprintf(full, sizeof full, "%s.%s", phase, name);
    buffer = make_buffer(m, full, AR_io, out ? RO_output : RO_input, dtype, a,
                         b, c, d, (i64)0);
    make_door(m, name, buffer, out);
    make_arg(m, out ? ACCESS_w : ACCESS_r, buffer, 0);
    if (!out) {
        u64 bytes = dtype_bytes(dtype) * (u64)a;

        for (const i64 *p = (i64[]){b, c, d, 0}; *p; p++)
            bytes *= (u64)*p;
        make_int(m, (i64)bytes);
    }
}

/* The five inputs of B pictures of h x w with S questions. */
static inline void
toy_inputs(Make *m, const char *phase, i64 b, i64 s, i32 h, i32 w)
{
    PlanPhase *p = &m->phase[m->nphase - 1];

    p->batch = (i32)b;
    p->sentences = (i32)s;
    p->tokens = TOY_T;
    p->answers = TOY_A;
    p->height = h;
    p->width = w;
    toy_door(m, phase, "image", DT_u8, 0, b, h, w, 3);
    toy_door(m, phase, "image_size", DT_i32, 0, b, 2, 0, 0);
    toy_door(m, phase, "tokens", DT_i32, 0, b, s, TOY_T, 0);
    toy_door(m, phase, "token_mask", DT_i32, 0, b, s, TOY_T, 0);
    toy_door(m, phase, "answers", DT_f32, 0, b, s, TOY_A, 0);
}

static inline void
toy_train(Make *m, const ToyState *s, const char *name, i32 h, i32 w)
{
    make_phase(m, name, PH_train);
    make_step(m, ST_kernel, 1, "toy.train");
    toy_head(m, s, ACCESS_rw);
    toy_inputs(m, name, TOY_B, TOY_S, h, w);
    toy_door(m, name, "loss", DT_f32, 1, 1, 0, 0, 0);
    toy_door(m, name, "score", DT_f32, 1, 1, 0, 0, 0);
}

static inline void
toy_eval(Make *m, const ToyState *s, u32 kind, const char *name, i64 b,
         i64 sentences, i32 h, i32 w)
{
    i64 rows = b * sentences;

    make_phase(m, name, kind);
    make_step(m, ST_kernel, 3, "toy.eval");
    toy_head(m, s, ACCESS_r);
    toy_inputs(m, name, b, sentences, h, w);
    toy_door(m, name, "row_score", DT_f32, 1, rows, 0, 0, 0);
    toy_door(m, name, "row_loss", DT_f32, 1, rows, 0, 0, 0);
    toy_door(m, name, "answer", DT_i32, 1, rows, 0, 0, 0);
    toy_door(m, name, "prob", DT_f32, 1, rows, TOY_A, 0, 0);
    make_int(m, rows);
    make_int(m, TOY_T);
    make_int(m, TOY_A);
}

/* Reads FOLDER/../data/NAME; the caller frees it. */
static inline char *
toy_read(const char *folder, const char *name, u32 *n)
{
    char path[512];
    struct stat st;
    FILE *in;
    char *text;

    snprintf(path, sizeof path, "%s/../data/%s", folder, name);
    in = fopen(path, "rb");
    if (!in || fstat(fileno(in), &st))
        abort();
    text = calloc(1, (size_t)st.st_size + 1);
    if (!text || fread(text, 1, (size_t)st.st_size, in) != (size_t)st.st_size)
        abort();
    fclose(in);
    *n = (u32)st.st_size;
    return text;
}

static inline void
toy_words(Make *m, const char *folder)
{
    u32 n;
    char *text = toy_read(folder, "vocab.txt", &n);

    assert(n <= sizeof m->vocab);
    memcpy(m->vocab, text, n);
    m->nvocab = n;
    free(text);
    text = toy_read(folder, "answers.txt", &n);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        m->answer[m->nanswer++] = make_text(m, line);
    assert(m->nanswer == TOY_A);
    free(text);
}

/* Compiles the kernels and names them in the plan. */
static inline void
toy_code(Make *m, const char *folder)
{
    static const char *const symbol[] = {"toy_init", "toy_train", "toy_update",
                                         "toy_eval"};
    char path[512], command[2048];
    FILE *out;
    u8 *code;
    struct stat st;

    snprintf(path, sizeof path, "%s/kernels.c", folder);
    out = fopen(path, "w");
    if (!out || fputs(toy_kernels, out) < 0 || fclose(out))
        abort();
    snprintf(command, sizeof command,
             "${CC:-cc} -std=c11 -O1 -ffp-contract=off -fPIC -shared -Iinclude "
             "-o %s/kernels.so %s",
             folder, path);
    if (system(command))
        abort();
    snprintf(path, sizeof path, "%s/kernels.so", folder);
    out = fopen(path, "rb");
    if (!out || fstat(fileno(out), &st) || !(code = malloc((size_t)st.st_size)))
        abort();
    if (fread(code, 1, (size_t)st.st_size, out) != (size_t)st.st_size)
        abort();
    fclose(out);
    m->blob[m->nblob] = (PlanBlob){.name = make_text(m, "kernels.so"),
                                   .bytes = (u64)st.st_size};
    EVP_Digest(code, (size_t)st.st_size, m->blob[m->nblob++].sha256, NULL,
               EVP_sha256(), NULL);
    free(code);
    for (u32 i = 0; i < countof(symbol); i++)
        m->kernel[m->nkernel++] =
            (PlanKernel){.symbol = make_text(m, symbol[i])};
}

static inline void
toy_meta(Make *m, const char *key, const char *value)
{
    m->meta[m->nmeta++] = (PlanMeta){make_text(m, key), make_text(m, value)};
}

static inline void
toy_make(const char *folder, const char *salt)
{
    static Make m;
    char path[512];
    ToyState s;

    make_start(&m, CPU_avx2, 1);
    toy_meta(&m, "config.accumulate", "3");
    toy_meta(&m, "config.salt", salt);
    toy_code(&m, folder);
    toy_words(&m, folder);
    s.param = make_buffer(&m, "head.weight", AR_param, RO_param, DT_f32,
                          (i64)TOY_N, (i64)0);
    s.grad = make_buffer(&m, "grad.head.weight", AR_grad, RO_grad, DT_f32,
                         (i64)TOY_N, (i64)0);
    s.moment = make_buffer(&m, "moment1.head.weight", AR_state, RO_moment,
                           DT_f32, (i64)TOY_N, (i64)0);
    s.live = make_buffer(&m, "head.mean", AR_state, RO_state, DT_f32, (i64)8,
                         (i64)0);
    s.good = make_buffer(&m, "good.head.mean", AR_state, RO_good, DT_f32,
                         (i64)8, (i64)0);
    make_phase(&m, "init", PH_init);
    make_step(&m, ST_kernel, 0, "toy.init");
    toy_head(&m, &s, ACCESS_rw);
    toy_train(&m, &s, "train@48x64", 48, 64);
    toy_train(&m, &s, "train@64x48", 64, 48);
    make_phase(&m, "update", PH_update);
    make_step(&m, ST_kernel, 2, "toy.update");
    toy_head(&m, &s, ACCESS_rw);
    toy_eval(&m, &s, PH_eval, "eval@48x64", 2, 3, 48, 64);
    toy_eval(&m, &s, PH_eval, "eval@64x48", 2, 3, 64, 48);
    toy_eval(&m, &s, PH_infer, "infer@48x64", 1, 1, 48, 64);
    toy_eval(&m, &s, PH_infer, "infer@64x48", 1, 1, 64, 48);
    snprintf(path, sizeof path, "%s/plan.bin", folder);
    make_file(&m, path);
}

#endif
