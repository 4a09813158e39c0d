/* cuda.c - the target that runs on NVIDIA GPUs: kernels compiled by NVRTC for
 * every architecture that --arch names, products and convolutions by NVIDIA's
 * libraries.
 *
 * Nothing here needs a GPU or a driver.  Architecture `emu` is that of the
 * tests' emulated device: the same text, compiled by g++ for this machine. */
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compiler/loops.h"
#include "compiler/nvrtc.h"

/* ------------------------------------------------------------------ sizes */

/* What cuBLASLt may work in: as much as NVIDIA advises on its newer devices.
 * The emulated one needs nothing. */
enum { GEMM_WORKSPACE = 32 << 20 };

static bool
size_gemm(const Options *o, PlanGemm *g, const char *place)
{
    (void)place;
    g->packed = g->scratch = g->form = 0;
    for (u32 i = 0; i < o->narch; i++)
        if (cuda_arch_id(o->arch[i]) != ARCH_emu)
            g->scratch = GEMM_WORKSPACE;
    return true;
}

static bool
size_conv(const Options *o, PlanConv *c, const char *place)
{
    (void)place;
    c->packed = c->scratch = c->form = 0;
    engines_size(o, c);
    return true;
}

/* ---------------------------------------------------------- architectures */

u32
cuda_arch_id(const char *name)
{
    if (!strcmp(name, "emu"))
        return ARCH_emu;
    return glob("ptx_*", name) ? ARCH_PTX | (u32)atoi(name + 4)
                               : (u32)atoi(name + 3);
}

bool
cuda_only_emulated(const Options *o)
{
    for (u32 i = 0; i < o->narch; i++)
        if (cuda_arch_id(o->arch[i]) != ARCH_emu)
            return false;
    return true;
}

static const char *
blob_of(const char *arch)
{
    if (!strcmp(arch, "emu"))
        return "kernels.emu.so";
    return glob("ptx_*", arch) ? format("kernels.%s.ptx", arch + 4)
                               : format("kernels.%s.cubin", arch);
}

void
cuda_arch(Options *o, const char *name)
{
    static const char *const known[] = {"sm_80",  "sm_89",  "sm_90a", "sm_100",
                                        "sm_120", "ptx_80", "ptx_90", "emu"};
    const char *best = nearest(name, known, countof(known));

    if (!best || strcmp(best, name))
        die(SOHO_USAGE,
            "--arch %s: sm_80, sm_89, sm_90a, sm_100, sm_120, ptx_80 or ptx_90 "
            "is expected",
            name);
    for (u32 i = 0; i < o->narch; i++)
        if (!strcmp(o->arch[i], name))
            die(SOHO_USAGE, "--arch %s: named twice", name);
    if (o->narch == MAX_BLOBS)
        die(SOHO_USAGE, "--arch: more than %d", MAX_BLOBS);
    o->arch[o->narch++] = intern(name);
}

void
cuda_defaults(Options *o)
{
    static const char *const list[] = {"sm_80", "sm_90a", "sm_100", "ptx_80"};

    for (u32 i = 0; !o->narch && i < countof(list); i++)
        o->arch[i] = list[i];
    if (!o->narch)
        o->narch = countof(list);
}

/* ------------------------------------------------------------------ NVRTC */

static const char *
read_text(const Prog *p, const char *name)
{
    const char *path = format("%s/gen/%s", p->opt.out, name);
    u64 bytes = 0;
    u8 *data = file_read(path, 1 << 20, &bytes);
    char *text = mem_alloc(bytes + 1);

    if (!data)
        die(SOHO_IO, "%s: cannot read: %s", path, strerror(errno));
    memcpy(text, data, bytes);
    return text;
}

/* The whole program: one file that includes all kernels. */
static NvrtcSource
source_of(const Prog *p)
{
    static const char *const always[] = {"prelude.h", "functions.h", "kernel.h",
                                         "attention.h"};
    u32 n = (u32)countof(always);
    NvrtcSource s = {.name = "gen/unity0.cu",
                     .text = read_text(p, "unity0.cu")};

    s.header = mem_alloc((n + p->nkernel) * sizeof *s.header);
    s.header_name = mem_alloc((n + p->nkernel) * sizeof *s.header_name);
    for (u32 i = 0; i < n + p->nkernel; i++) {
        const char *name =
            i < n ? always[i] : format("%s.cu", p->kernel[i - n].name);

        s.header_name[i] = name;
        s.header[i] = read_text(p, name);
    }
    s.nheader = (i32)(n + p->nkernel);
    return s;
}

/* In a child: one architecture.  The log goes to standard output. */
static _Noreturn void
compile_child(const Prog *p, const NvrtcSource *s, const char *arch)
{
    const char *path = format("%s/%s", p->opt.out, blob_of(arch));
    const char *own =
        glob("ptx_*", arch) ? format("compute_%s", arch + 4) : arch;
    NvrtcResult r = nvrtc_compile(s, own);

    if (r.failed) {
        fprintf(stderr, "%s", r.log);
        bug("the CUDA compiler does not take %s/gen for %s", p->opt.out, arch);
    }
    if (!file_write(path, r.code, r.bytes))
        die(SOHO_IO, "%s: cannot write: %s", path, strerror(errno));
    ptxas_print(arch, r.log, p->opt.ptxas);
    fflush(stdout);
    _exit(0);
}

static void
await(pid_t child, const char *arch)
{
    int status;

    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            die(SOHO_IO, "cannot wait for a child: %s", strerror(errno));
    if (WIFEXITED(status) && WEXITSTATUS(status))
        exit(WEXITSTATUS(status));
    if (WIFSIGNALED(status))
        die(SOHO_MEMORY, "the CUDA compiler was killed by signal %d at %s",
            WTERMSIG(status), arch);
}

/* ------------------------------------------------------------------ build */

/* Each thread of the CUDA text is a fiber of the host program. */
static void
build_emu(const Prog *p)
{
    const char *argv[] = {"g++",
                          "-std=c++17",
                          "-O1",
                          "-w",
                          "-ffp-contract=off",
                          "-fPIC",
                          "-shared",
                          "-Wl,--build-id=none",
                          "-x",
                          "c++",
                          "-include",
                          "gen/emu.h",
                          "-o",
                          "kernels.emu.so",
                          "gen/unity0.cu",
                          NULL};
    const char *const *list[] = {argv};

    build_run(p->opt.out, list, 1);
}

static bool
build(Prog *p)
{
    pid_t child[MAX_BLOBS] = {0};
    NvrtcSource source;
    bool nvrtc = false;

    for (u32 i = 0; i < p->opt.narch; i++)
        nvrtc |= cuda_arch_id(p->opt.arch[i]) != ARCH_emu;
    if (nvrtc) {
        nvrtc_open();
        source = source_of(p);
    }
    fflush(NULL);
    for (u32 i = 0; i < p->opt.narch; i++) {
        if (cuda_arch_id(p->opt.arch[i]) == ARCH_emu) {
            build_emu(p);
            continue;
        }
        child[i] = fork();
        if (child[i] < 0)
            die(SOHO_MEMORY, "cannot start the CUDA compiler: %s",
                strerror(errno));
        if (child[i] == 0)
            compile_child(p, &source, p->opt.arch[i]);
    }
    for (u32 i = 0; i < p->opt.narch; i++) {
        if (child[i])
            await(child[i], p->opt.arch[i]);
        build_blob(p, blob_of(p->opt.arch[i]), cuda_arch_id(p->opt.arch[i]));
    }
    engines_list(p);
    return true;
}

const Target target_cuda = {
    .name = "cuda",
    .help = "kernels compiled by NVRTC, products by cuBLASLt, convolutions by "
            "cuDNN",
    .id = TARGET_cuda,
    .dialect = &dialect_cuda,
    .folder = "cuda",
    .suffix = "cu",
    .size_gemm = size_gemm,
    .size_conv = size_conv,
    .build = build,
};
