/* launch.c - the emulated driver: code of architecture emu, and its launches.
 *
 * A module is a shared library of this machine; templates/cuda/emu.h is in it
 * and runs its kernels.  EMU_SEED is the schedule of threads. */
#include "emulate.h"

#include <dlfcn.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef const char *Launch(void *kernel, unsigned blocks, unsigned threads,
                           const void *args, unsigned seed);

typedef struct Function {
    void *at;
    Launch *launch;
    char name[128];
} Function;

enum { MOST_THREADS = 1024, MOST_SHARED = 227 << 10, MOST_FUNCTIONS = 1024 };

static Function functions[MOST_FUNCTIONS];
static unsigned nfunction;

/* Bytes of an ELF file, from its section table, which ends it. */
static size_t
image_bytes(const void *image)
{
    const Elf64_Ehdr *h = image;

    return memcmp(h->e_ident, ELFMAG, SELFMAG)
               ? 0
               : h->e_shoff + (size_t)h->e_shnum * h->e_shentsize;
}

API int
cuModuleLoadData(void **module, const void *image)
{
    size_t bytes = image_bytes(image);
    int fd = memfd_create("kernels", 0);
    char path[64];

    emu_trace("load", bytes, 0);
    if (!bytes || fd < 0 || write(fd, image, bytes) != (ssize_t)bytes)
        return INVALID_IMAGE;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    close(fd);
    if (!*module)
        emu_say("module", dlerror());
    return *module ? SUCCESS : INVALID_IMAGE;
}

API int
cuModuleUnload(void *module)
{
    return dlclose(module) ? INVALID_HANDLE : SUCCESS;
}

API int
cuModuleGetFunction(void **function, void *module, const char *name)
{
    Function *f = &functions[nfunction % MOST_FUNCTIONS];
    void *launch = dlsym(module, "emu_launch");

    f->at = dlsym(module, name);
    if (!f->at || !launch)
        return NOT_FOUND;
    memcpy(&f->launch, &launch, sizeof launch);
    snprintf(f->name, sizeof f->name, "%s", name);
    nfunction++;
    *function = f;
    return SUCCESS;
}

API int
cuFuncSetAttribute(void *function, int attribute, int value)
{
    return function && attribute == 8 && value <= MOST_SHARED ? SUCCESS
                                                              : INVALID_VALUE;
}

static int
run(const Work *w)
{
    const Function *f = w->at;
    const char *seed = getenv("EMU_SEED");
    const char *error = f->launch(f->at, w->grid, w->block, w->word,
                                  seed ? (unsigned)atoi(seed) : 0);

    if (error)
        emu_say(f->name, error);
    return error ? LAUNCH_FAILED : SUCCESS;
}

API int
cuLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz,
               unsigned bx, unsigned by, unsigned bz, unsigned shared,
               void *stream, void **parameters, void **extra)
{
    Work w = {.run = run, .at = function, .grid = gx, .block = bx};
    size_t bytes;

    emu_trace("launch", gx, bx);
    if (!function || !gx || !bx || bx > MOST_THREADS || shared > MOST_SHARED ||
        gy * gz * by * bz != 1 || parameters || !extra)
        return INVALID_VALUE;
    if (extra[0] != (void *)1 || extra[2] != (void *)2 || extra[4])
        return INVALID_VALUE;
    bytes = *(size_t *)extra[3];
    if (bytes > sizeof w.word)
        return INVALID_VALUE;
    memcpy(w.word, extra[1], bytes);
    return stream_add(stream, &w);
}

/* ------------------------------------------------------- library steps */

API int
emu_gemm(const PlanGemm *row, const uint64_t *at, void *stream)
{
    Work w = {.run = reference_gemm, .row = row};

    emu_trace("gemm", (uint64_t)row->m, (uint64_t)row->n);
    memcpy(w.word, at, 6 * sizeof *at);
    return stream_add(stream, &w);
}

API int
emu_conv(const PlanConv *row, const uint64_t *at, void *stream)
{
    Work w = {.run = reference_conv, .row = row};

    emu_trace("conv", row->dir, (uint64_t)row->co);
    memcpy(w.word, at, 6 * sizeof *at);
    return stream_add(stream, &w);
}
