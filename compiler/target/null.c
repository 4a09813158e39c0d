/* null.c - the target that plans and emits nothing: for dumps and for tests of
 * everything before the code, on any machine. */
#include "compiler/loops.h"

/* Packed weights are as large as plain ones, all in one form; no call needs
 * scratch. */
static bool
size_gemm(const Options *o, PlanGemm *g, const char *place)
{
    (void)o;
    (void)place;
    g->packed = g->post & POST_packed
                    ? (u64)(g->nb[0] * g->nb[1] * g->k * g->n) * sizeof(f32)
                    : 0;
    g->scratch = 0;
    g->form = g->post & POST_packed ? 1 : 0;
    return true;
}

static bool
size_conv(const Options *o, PlanConv *c, const char *place)
{
    (void)o;
    (void)place;
    c->packed =
        c->post & POST_packed
            ? (u64)(c->co * (c->ci / c->groups) * c->kh * c->kw) * sizeof(f32)
            : 0;
    c->scratch = 0;
    c->form = c->post & POST_packed ? 1 : 0;
    return true;
}

static bool
build(Prog *p)
{
    (void)p;
    return true;
}

const Target target_null = {
    .name = "null",
    .help = "plan only: no code, for reading and for tests",
    .id = TARGET_null,
    .dialect = &dialect_cpu,
    .folder = "cpu",
    .suffix = "c",
    .size_gemm = size_gemm,
    .size_conv = size_conv,
    .build = build,
};
