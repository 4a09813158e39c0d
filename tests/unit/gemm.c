/* gemm.c - GEMM steps against a plain double loop: odd sizes, both orders of
 * each operand, batches, packed weights, every post-operation. */
#include <math.h>

#include "libcheck.h"

typedef struct Case {
    const char *name;
    PlanGemm g;
    u32 a, b, plain, c, bias, residual, phase; /* buffers, made by add() */
} Case;

static u64
span(const PlanGemm *g, i64 rows, i64 cols, const i64 s[4])
{
    return (u64)((g->nb[0] - 1) * s[0] + (g->nb[1] - 1) * s[1] +
                 (rows - 1) * s[2] + (cols - 1) * s[3] + 1);
}

/* The pack phase of a case with packed weights. */
static u32
add_pack(Make *m, Case *t, const char *name, u32 row)
{
    char text[64];
    u32 phase;

    snprintf(text, sizeof text, "%s.weight", name);
    t->plain =
        make_buffer(m, text, AR_param, RO_param, DT_f32,
                    (i64)span(&t->g, t->g.k, t->g.n, t->g.b_stride), (i64)0);
    snprintf(text, sizeof text, "%s.packed", name);
    t->b = make_buffer(m, text, AR_const, RO_const, DT_u8, (i64)t->g.packed,
                       (i64)0);
    snprintf(text, sizeof text, "pack.%s", name);
    phase = make_phase(m, text, PH_pack);
    make_step(m, ST_pack_gemm, row, text);
    make_arg(m, ACCESS_w, t->b, 0);
    make_arg(m, ACCESS_r, t->plain, 0);
    return phase;
}

/* A phase with one product; false where oneDNN has none. */
static int
add(Make *m, Case *t, u32 i)
{
    PlanGemm *g = &t->g;
    u32 pack = PLAN_NONE, accum = g->post & POST_accum, scratch = 0;
    i64 c = (i64)span(g, g->m, g->n, g->c_stride);
    char name[16];
    int code = onednn_sizes_gemm(engine, g);

    if (code) {
        check(0, t->name, onednn_reason(code));
        return 0;
    }
    snprintf(name, sizeof name, "g%u", i);
    m->gemm[m->ngemm] = *g;
    if (g->post & POST_packed)
        pack = add_pack(m, t, name, m->ngemm);
    t->phase = make_phase(m, name, PH_infer);
    m->phase[t->phase].pack = pack;
    t->c = lib_door(m, name, "c", !accum, c);
    t->a = lib_door(m, name, "a", 0, (i64)span(g, g->m, g->k, g->a_stride));
    if (pack == PLAN_NONE)
        t->b = t->plain =
            lib_door(m, name, "b", 0, (i64)span(g, g->k, g->n, g->b_stride));
    t->bias = g->post & POST_bias ? lib_door(m, name, "bias", 0, g->n) : 0;
    t->residual = g->post & POST_add ? lib_door(m, name, "residual", 0, c) : 0;
    if (g->scratch) {
        snprintf(name, sizeof name, "s%u", i);
        scratch = make_buffer(m, name, AR_act, RO_scratch, DT_u8,
                              (i64)g->scratch, (i64)0);
    }
    make_step(m, ST_gemm, m->ngemm++, t->name);
    make_arg(m, accum ? ACCESS_rw : ACCESS_w, t->c, 0);
    make_arg(m, ACCESS_r, t->a, 0);
    make_arg(m, ACCESS_r, t->b, 0);
    if (t->bias)
        make_arg(m, ACCESS_r, t->bias, 0);
    if (t->residual)
        make_arg(m, ACCESS_r, t->residual, 0);
    if (scratch)
        make_arg(m, ACCESS_w, scratch, 0);
    return 1;
}

static f64
finish(const PlanGemm *g, f64 x, i64 j, u64 at, const f32 *bias, const f32 *add)
{
    if (g->post & POST_bias)
        x += bias[j];
    if (g->post & POST_add)
        x += add[at];
    if (g->post & POST_relu)
        x = x > 0 ? x : 0;
    if (g->post & POST_gelu)
        x = 0.5 * x * (1 + erf(x / sqrt(2)));
    return x;
}

/* Largest difference, relative to the largest result. */
static f64
compare(const PlanGemm *g, const f32 *c, const f32 *old, const f32 *a,
        const f32 *b, const f32 *bias, const f32 *add)
{
    f64 worst = 0, largest = 0;

    for (i64 q = 0; q < g->nb[0] * g->nb[1] * g->m * g->n; q++) {
        i64 j = q % g->n, i = q / g->n % g->m, z = q / g->n / g->m;
        i64 z0 = z / g->nb[1], z1 = z % g->nb[1];
        u64 at = (u64)(z0 * g->c_stride[0] + z1 * g->c_stride[1] +
                       i * g->c_stride[2] + j * g->c_stride[3]);
        f64 x = g->post & POST_accum ? old[at] : 0;

        for (i64 k = 0; k < g->k; k++)
            x += (f64)a[z0 * g->a_stride[0] + z1 * g->a_stride[1] +
                        i * g->a_stride[2] + k * g->a_stride[3]] *
                 b[z0 * g->b_stride[0] + z1 * g->b_stride[1] +
                   k * g->b_stride[2] + j * g->b_stride[3]];
        x = finish(g, x, j, at, bias, add);
        worst = fmax(worst, fabs(x - c[at]));
        largest = fmax(largest, fabs(x));
    }
    return worst / largest;
}

static void
run_case(Run *run, const Case *t, u32 salt)
{
    const PlanGemm *g = &t->g;
    f32 *a = lib_fill(run, t->a, salt), *b = lib_fill(run, t->plain, salt + 1);
    f32 *c = lib_fill(run, t->c, salt + 2);
    f32 *bias = lib_fill(run, t->bias, salt + 3);
    f32 *residual = lib_fill(run, t->residual, salt + 4);
    u64 bytes = run->plan.buffer[t->c].bytes;
    f32 *old = malloc(bytes), *kept = malloc(bytes);
    char why[64];
    f64 error;

    memcpy(old, c, bytes);
    memcpy(kept, residual, t->residual ? bytes : 0);
    run_weights_changed(run);
    if (run_phase(run, t->phase)) {
        check(0, t->name, run->err.text);
    } else {
        error = compare(g, c, old, a, b, bias, residual);
        snprintf(why, sizeof why, "relative error %.2e", error);
        check(error < 2e-6 && (!t->residual || !memcmp(kept, residual, bytes)),
              t->name, why);
    }
    free(old);
    free(kept);
}

/* Row-major operands, optionally transposed in memory. */
static PlanGemm
plain(i64 m, i64 n, i64 k, int ta, int tb, u32 post)
{
    return (PlanGemm){.dtype = {DT_f32, DT_f32, DT_f32, DT_f32},
                      .nb = {1, 1},
                      .m = m,
                      .n = n,
                      .k = k,
                      .a_stride = {0, 0, ta ? 1 : k, ta ? m : 1},
                      .b_stride = {0, 0, tb ? 1 : n, tb ? k : 1},
                      .c_stride = {0, 0, n, 1},
                      .post = post};
}

/* Heads inside rows of c = heads*d numbers: q k^T and p v. */
static PlanGemm
heads(i64 batch, i64 head, i64 rows, i64 d, int scores, int transposed_p)
{
    i64 c = head * d, rr = rows * rows;
    PlanGemm g = {.dtype = {DT_f32, DT_f32, DT_f32, DT_f32},
                  .nb = {batch, head},
                  .m = rows,
                  .n = scores ? rows : d,
                  .k = scores ? d : rows};
    i64 x[4] = {rows * c, d, c, 1}, xt[4] = {rows * c, d, 1, c};
    i64 p[4] = {head * rr, rr, rows, 1}, pt[4] = {head * rr, rr, 1, rows};

    memcpy(g.a_stride, scores ? x : transposed_p ? pt : p, sizeof x);
    memcpy(g.b_stride, scores ? xt : x, sizeof x);
    memcpy(g.c_stride, scores ? p : x, sizeof x);
    return g;
}

static int
test(u32 cpu)
{
    enum {
        P = POST_packed,
        B = POST_bias,
        R = POST_relu,
        G = POST_gelu,
        A = POST_add,
        S = POST_accum
    };
    Case list[] = {
        {.name = "1x1x1", .g = plain(1, 1, 1, 0, 0, 0)},
        {.name = "1x13x7", .g = plain(1, 13, 7, 0, 0, 0)},
        {.name = "13x1x7", .g = plain(13, 1, 7, 0, 0, 0)},
        {.name = "13x7x1", .g = plain(13, 7, 1, 0, 0, 0)},
        {.name = "13x7x1 both transposed", .g = plain(13, 7, 1, 1, 1, 0)},
        {.name = "37x29x31", .g = plain(37, 29, 31, 0, 0, 0)},
        {.name = "37x29x31 a transposed", .g = plain(37, 29, 31, 1, 0, 0)},
        {.name = "37x29x31 b transposed", .g = plain(37, 29, 31, 0, 1, 0)},
        {.name = "37x29x31 both transposed", .g = plain(37, 29, 31, 1, 1, 0)},
        {.name = "37x29x31 packed", .g = plain(37, 29, 31, 0, 0, P)},
        {.name = "37x29x31 packed linear", .g = plain(37, 29, 31, 0, 1, P)},
        {.name = "1x3129x67 packed bias", .g = plain(1, 3129, 67, 0, 1, P | B)},
        {.name = "bias relu", .g = plain(33, 65, 17, 0, 1, B | R)},
        {.name = "packed bias relu", .g = plain(33, 65, 17, 0, 1, P | B | R)},
        {.name = "packed bias gelu", .g = plain(33, 65, 17, 0, 1, P | B | G)},
        {.name = "bias residual", .g = plain(33, 65, 17, 0, 1, B | A)},
        {.name = "packed bias residual relu",
         .g = plain(33, 65, 17, 0, 1, P | B | A | R)},
        {.name = "accum", .g = plain(33, 65, 17, 1, 0, S)},
        {.name = "accum bias residual gelu",
         .g = plain(33, 65, 17, 0, 0, S | B | A | G)},
        {.name = "packed accum", .g = plain(33, 65, 17, 0, 0, P | S)},
        {.name = "scores of heads", .g = heads(2, 3, 19, 8, 1, 0)},
        {.name = "scores of heads, batch 1", .g = heads(1, 3, 19, 8, 1, 0)},
        {.name = "scores of one head", .g = heads(3, 1, 19, 8, 1, 0)},
        {.name = "context of heads", .g = heads(2, 3, 19, 8, 0, 0)},
        {.name = "gradient of values", .g = heads(2, 3, 19, 8, 0, 1)},
        {.name = "folded batches", .g = plain(5, 6, 7, 0, 0, 0)},
        {.name = "broadcast b", .g = plain(5, 6, 7, 0, 0, B)},
        {.name = "wide rows", .g = plain(21, 18, 15, 0, 0, A | R)},
    };
    u32 n = countof(list);
    static Make m;
    Run *run;

    list[n - 3].g.nb[0] = 2, list[n - 3].g.nb[1] = 3;
    memcpy(list[n - 3].g.a_stride, (i64[]){105, 35, 7, 1}, 32);
    memcpy(list[n - 3].g.b_stride, (i64[]){126, 42, 6, 1}, 32);
    memcpy(list[n - 3].g.c_stride, (i64[]){90, 30, 6, 1}, 32);
    list[n - 2].g.nb[0] = 4;
    list[n - 2].g.a_stride[0] = 35;
    list[n - 2].g.c_stride[0] = 30;
    list[n - 1].g.a_stride[2] = 40;
    list[n - 1].g.b_stride[2] = 19;
    list[n - 1].g.c_stride[2] = 50;
    lib_start(&m, cpu);
    for (u32 i = 0; i < n; i++)
        if (!add(&m, &list[i], i))
            return 1;
    run = lib_open(&m);
    for (u32 i = 0; run && i < n; i++)
        run_case(run, &list[i], i * 8);
    run_close(run);
    return failed;
}

int
main(void)
{
    return lib_each_cpu(test);
}
