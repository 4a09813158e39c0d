/* nvrtc.c - CUDA C++ text becomes machine code, without a GPU or a driver.
 *
 * The library is NVIDIA's; its few functions are declared here, so that
 * building sohoc needs no toolkit. */
#include "compiler/nvrtc.h"

#include <dlfcn.h>

/* X(name, arguments): int NAME(arguments), 0 is success.  A program is a
 * pointer to something of the library's. */
#define NVRTC_FUNCTIONS(X)                                                     \
    X(Version, (int *major, int *minor))                                       \
    X(CreateProgram,                                                           \
      (void **program, const char *text, const char *name, int nheader,        \
       const char *const *header, const char *const *header_name))             \
    X(DestroyProgram, (void **program))                                        \
    X(CompileProgram, (void *program, int noption, const char *const *option)) \
    X(GetProgramLogSize, (void *program, size_t *bytes))                       \
    X(GetProgramLog, (void *program, char *log))                               \
    X(GetCUBINSize, (void *program, size_t *bytes))                            \
    X(GetCUBIN, (void *program, char *code))                                   \
    X(GetPTXSize, (void *program, size_t *bytes))                              \
    X(GetPTX, (void *program, char *code))

static struct {
#define X(name, args) int(*name) args;
    NVRTC_FUNCTIONS(X)
#undef X
} lib;

static void *
open_library(void)
{
    static const char *const name[] = {"libnvrtc.so.13", "libnvrtc.so.12",
                                       "/usr/local/cuda/lib64/libnvrtc.so.13",
                                       "/usr/local/cuda/lib64/libnvrtc.so.12"};
    const char *own = getenv("SOHO_NVRTC");
    void *handle = NULL;

    if (own)
        return dlopen(own, RTLD_NOW | RTLD_LOCAL);
    for (u32 i = 0; i < countof(name) && !handle; i++)
        handle = dlopen(name[i], RTLD_NOW | RTLD_LOCAL);
    return handle;
}

static void
resolve(void *handle, const char *symbol, void *function)
{
    void *at = dlsym(handle, symbol);

    if (!at)
        die(SOHO_IO, "the CUDA compiler library has no %s: %s", symbol,
            "version 12 or 13 is expected");
    memcpy(function, &at, sizeof at); /* ISO C has no cast for this */
}

void
nvrtc_open(void)
{
    void *handle;

    if (lib.Version)
        return;
    handle = open_library();
    if (!handle)
        die(SOHO_IO,
            "target cuda needs NVIDIA's compiler library, libnvrtc.so.13 or "
            ".12, which comes with the CUDA toolkit; SOHO_NVRTC=FILE names it "
            "elsewhere; sohoc -t cpu needs none");
#define X(name, args) resolve(handle, "nvrtc" #name, &lib.name);
    NVRTC_FUNCTIONS(X)
#undef X
}

const char *
nvrtc_version(void)
{
    int major = 0, minor = 0;

    lib.Version(&major, &minor);
    return format("%d.%d", major, minor);
}

static void
take_log(void *program, NvrtcResult *r)
{
    size_t bytes = 0;

    lib.GetProgramLogSize(program, &bytes);
    r->log = calloc(bytes + 1, 1);
    if (!r->log)
        die(SOHO_MEMORY, "out of memory: messages of the CUDA compiler");
    lib.GetProgramLog(program, r->log);
}

static void
take_code(void *program, bool ptx, NvrtcResult *r)
{
    size_t bytes = 0;

    if (ptx)
        lib.GetPTXSize(program, &bytes);
    else
        lib.GetCUBINSize(program, &bytes);
    r->code = malloc(bytes + 1);
    if (!r->code)
        die(SOHO_MEMORY, "out of memory: %zu bytes of machine code", bytes);
    r->failed =
        ptx ? lib.GetPTX(program, r->code) : lib.GetCUBIN(program, r->code);
    r->bytes = bytes;
}

NvrtcResult
nvrtc_compile(const NvrtcSource *s, const char *arch)
{
    const char *option[] = {
        format("--gpu-architecture=%s", arch), "--std=c++17",
        "--device-as-default-execution-space", "--display-error-number",
        "--ptxas-options=--verbose"};
    NvrtcResult r = {0};
    void *program = NULL;

    if (lib.CreateProgram(&program, s->text, s->name, s->nheader, s->header,
                          s->header_name))
        die(SOHO_MEMORY, "the CUDA compiler takes no program of %d headers",
            s->nheader);
    r.failed = lib.CompileProgram(program, countof(option), option);
    take_log(program, &r);
    if (!r.failed)
        take_code(program, glob("compute_*", arch), &r);
    lib.DestroyProgram(&program);
    return r;
}
