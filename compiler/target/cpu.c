/* cpu.c - the target that runs on the CPU: oneDNN for products and
 * convolutions, kernels.so for the rest.
 *
 * The plan states its instruction set and threads, and everything here obeys:
 * kernels get explicit flags, oneDNN is limited to the same set.  Sizes of
 * packed weights and scratch are asked from oneDNN by the very text that the
 * runtime uses (soho/onednn.h). */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "compiler/loops.h"
#include "soho/onednn.h"

/* ------------------------------------------------------------------ sizes */

/* oneDNN's engine, limited to the plan's machine. */
static dnnl_engine_t
engine_of(const Options *o)
{
    static dnnl_engine_t engine;
    dnnl_cpu_isa_t isa =
        o->cpu == CPU_avx512 ? dnnl_cpu_isa_avx512_core : dnnl_cpu_isa_avx2;

    if (engine)
        return engine;
    if (onednn_set_cpu(o->cpu, (u32)o->threads) != ONEDNN_OK ||
        dnnl_get_effective_cpu_isa() != isa)
        die(SOHO_DEVICE,
            "--cpu %s: this machine's oneDNN cannot plan for it; compile on "
            "such a machine, or give --cpu avx2",
            o->cpu == CPU_avx512 ? "avx512" : "avx2");
    if (dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success)
        die(SOHO_MEMORY, "oneDNN cannot make a CPU engine");
    return engine;
}

static bool
size_gemm(const Options *o, PlanGemm *g, const char *place)
{
    int code = onednn_sizes_gemm(engine_of(o), g);

    if (code)
        diag_err(place, "matmul [%lldx%lld of %lldx%lldx%lld]: %s",
                 (long long)g->nb[0], (long long)g->nb[1], (long long)g->m,
                 (long long)g->n, (long long)g->k, onednn_reason(code));
    return !code;
}

static bool
size_conv(const Options *o, PlanConv *c, const char *place)
{
    static const char *const dir[] = {"", ", gradient of x", ", gradient of w"};
    int code = onednn_sizes_conv(engine_of(o), c);

    if (code)
        diag_err(place, "conv2d [%lldx%lldx%lldx%lld by %lldx%lld%s]: %s",
                 (long long)c->n, (long long)c->h, (long long)c->w,
                 (long long)c->ci, (long long)c->kh, (long long)c->kw,
                 dir[c->dir % 3], onednn_reason(code));
    return !code;
}

/* ------------------------------------------------------------------ build */

/* No -march=native, no fast-math: the plan says the machine, and every float
 * operation means what it says.  No -g: its bytes depend on the folder. */
#define ISA_MOST 8
static const char *const isa_flags[][ISA_MOST] = {
    [CPU_avx2] = {"-mavx2", "-mfma"},
    [CPU_avx512] = {"-mavx2", "-mfma", "-mavx512f", "-mavx512bw", "-mavx512vl",
                    "-mavx512dq", "-mprefer-vector-width=512"},
};
static const char *const flags[] = {
    "-std=c11",
    "-D_GNU_SOURCE",
    "-O3",
    "-w",
    "-ffp-contract=off",
    "-fopenmp",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fPIC",
};

static const char *
object(u32 part)
{
    return format("gen/unity%u.o", part);
}

static void
compile(const Prog *p)
{
    enum { MOST = countof(flags) + ISA_MOST + 8 };
    const char *argv[UNITY_PARTS][MOST] = {{NULL}};
    const char *const *list[UNITY_PARTS];

    for (u32 part = 0; part < UNITY_PARTS; part++) {
        u32 n = 0;

        argv[part][n++] = "cc";
        for (u32 i = 0; i < countof(flags); i++)
            argv[part][n++] = flags[i];
        for (u32 i = 0; i < ISA_MOST && isa_flags[p->opt.cpu][i]; i++)
            argv[part][n++] = isa_flags[p->opt.cpu][i];
        argv[part][n++] = "-c";
        argv[part][n++] = "-o";
        argv[part][n++] = object(part);
        argv[part][n++] = format("gen/unity%u.c", part);
        list[part] = argv[part];
    }
    build_run(p->opt.out, list, UNITY_PARTS);
}

/* Into a new file that then takes the name: a runtime may have the old one
 * mapped. */
static void
link_objects(const Prog *p)
{
    const char *argv[UNITY_PARTS + 16] = {
        "cc", "-shared",       "-fopenmp", "-s", "-Wl,--build-id=none",
        "-o", "kernels.so.tmp"};
    const char *const *list[] = {argv};
    const char *tmp = format("%s/kernels.so.tmp", p->opt.out);
    const char *path = format("%s/kernels.so", p->opt.out);
    u32 n = 0;

    while (argv[n])
        n++;
    for (u32 part = 0; part < UNITY_PARTS; part++)
        argv[n++] = object(part);
    argv[n++] = "-lm";
    build_run(p->opt.out, list, 1);
    if (rename(tmp, path))
        die(SOHO_IO, "%s: cannot write: %s", path, strerror(errno));
    for (u32 part = 0; part < UNITY_PARTS; part++)
        unlink(format("%s/%s", p->opt.out, object(part)));
}

static bool
build(Prog *p)
{
    compile(p);
    link_objects(p);
    build_blob(p, "kernels.so", ARCH_host);
    return true;
}

const Target target_cpu = {
    .name = "cpu",
    .help = "kernels compiled by cc, products and convolutions by oneDNN",
    .id = TARGET_cpu,
    .dialect = &dialect_cpu,
    .folder = "cpu",
    .suffix = "c",
    .size_gemm = size_gemm,
    .size_conv = size_conv,
    .build = build,
};
