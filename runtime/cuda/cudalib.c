/* cudalib.c - chooses what serves the library steps of a plan. */
#include "runtime/cuda/cudalib.h"

#include <stdlib.h>
#include <string.h>

#include <dlfcn.h>

/* ---------------------------------------------------------- emulated device
 * The driver of tests/emu/ computes library steps itself: straight loops. */

typedef struct Emulated {
    int (*gemm)(const PlanGemm *row, const DevicePtr *at, void *stream);
    int (*conv)(const PlanConv *row, const DevicePtr *at, void *stream);
} Emulated;

static int
emulated_prepare(Err *e, CudaLib *lib, u32 i, const DevicePtr *at)
{
    (void)e, (void)lib, (void)i, (void)at;
    return 0;
}

static int
emulated_run(CudaLib *lib, u32 i, const DevicePtr *at, void *stream)
{
    const Emulated *own = lib->own;
    const PlanStep *s = &lib->plan->step[i];

    return s->kind == ST_gemm
               ? own->gemm(&lib->plan->gemm[s->what], at, stream)
               : own->conv(&lib->plan->conv[s->what], at, stream);
}

static void
emulated_close(CudaLib *lib)
{
    free(lib->own);
}

static int
open_emulated(Err *e, CudaLib *lib, void *gemm, void *conv)
{
    Emulated *own = calloc(1, sizeof *own);

    FAIL_IF(!own, e, SOHO_MEMORY, "no memory");
    memcpy(&own->gemm, &gemm, sizeof gemm);
    memcpy(&own->conv, &conv, sizeof conv);
    lib->own = own;
    lib->prepare = emulated_prepare;
    lib->run = emulated_run;
    lib->close = emulated_close;
    return 0;
}

int
cudalib_open(Err *e, const Plan *plan, const Driver *driver, CudaLib *lib)
{
    void *gemm = dlsym(driver->library, "emu_gemm");
    void *conv = dlsym(driver->library, "emu_conv");

    lib->plan = plan;
    if (gemm && conv)
        return open_emulated(e, lib, gemm, conv);
    return err_set(e, SOHO_DEVICE,
                   "%s: this program cannot call cuBLASLt and cuDNN yet",
                   plan->path);
}
