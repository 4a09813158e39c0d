/* cudalib.c - chooses what serves the library steps of a plan. */
#include "runtime/cuda/cudalib.h"

#include <stdlib.h>
#include <string.h>

#include <dlfcn.h>

#include "runtime/cuda/convs.h"
#include "runtime/cuda/cublaslt.h"

/* ---------------------------------------------------------- emulated device
 * The driver of tests/emu/ computes library steps itself: straight loops. */

typedef struct Emulated {
    int (*gemm)(const PlanGemm *row, const DevicePtr *at, void *stream);
    int (*conv)(const PlanConv *row, const DevicePtr *at, void *stream);
} Emulated;

static int
emulated_prepare(Err *e, CudaLib *lib, u32 i, const DevicePtr *at,
                 u32 candidate)
{
    (void)lib, (void)i, (void)at;
    FAIL_IF(candidate > 1, e, SOHO_DEVICE, "no candidate %u", candidate);
    return 0;
}

static void
emulated_identity(const CudaLib *lib, char *text, size_t bytes)
{
    (void)lib;
    snprintf(text, bytes, "straight loops");
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

static int
emulated_product(Err *e, CudaLib *lib, const PlanGemm *row, const DevicePtr *at,
                 u32 times, void *stream)
{
    const Emulated *own = lib->own;

    for (u32 i = 0; i < times; i++)
        FAIL_IF(own->gemm(row, at, stream), e, SOHO_DEVICE, "no product");
    return 0;
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
    lib->identity = emulated_identity;
    lib->product = emulated_product;
    lib->close = emulated_close;
    return 0;
}

/* ------------------------------------------------------- NVIDIA's libraries */

typedef struct Nvidia {
    CublasLt *lt;
    Convs *convs;
    GemmCall **gemm; /* per step */
    ConvCall **conv;
    GemmCall *other; /* the product that was asked for last */
    PlanGemm row;
} Nvidia;

/* Which step it is, and where in the model it comes from, before the reason. */
static int
explain(Err *e, const Plan *plan, u32 i)
{
    const PlanStep *s = &plan->step[i];
    char name[96], place[192], why[ERR_TEXT];

    err_clean(name, sizeof name, plan_text(plan, s->name),
              strlen(plan_text(plan, s->name)));
    err_clean(place, sizeof place, plan_text(plan, s->place),
              strlen(plan_text(plan, s->place)));
    snprintf(why, sizeof why, "%s", e->text);
    return err_set(e, e->code, "%s: step %u (%s; %s): %s", plan->path, i, name,
                   place, why);
}

static int
nvidia_prepare(Err *e, CudaLib *lib, u32 i, const DevicePtr *at, u32 candidate)
{
    Nvidia *own = lib->own;
    const PlanStep *s = &lib->plan->step[i];
    int code;

    cublaslt_forget(own->lt, own->gemm[i]);
    convs_forget(own->convs, own->conv[i]);
    own->gemm[i] = NULL;
    own->conv[i] = NULL;
    if (s->kind == ST_gemm)
        code = cublaslt_prepare(e, own->lt, &lib->plan->gemm[s->what], at,
                                candidate, &own->gemm[i]);
    else
        code =
            convs_prepare(e, own->convs, s->what, at, candidate, &own->conv[i]);
    return code ? explain(e, lib->plan, i) : 0;
}

static void
nvidia_identity(const CudaLib *lib, char *text, size_t bytes)
{
    const Nvidia *own = lib->own;

    snprintf(text, bytes, "cuBLASLt %zu, cuDNN %zu", cublaslt_version(own->lt),
             convs_version(own->convs));
}

static int
nvidia_run(CudaLib *lib, u32 i, const DevicePtr *at, void *stream)
{
    Nvidia *own = lib->own;

    (void)at;
    return own->gemm[i] ? cublaslt_run(own->lt, own->gemm[i], stream)
                        : convs_run(own->convs, own->conv[i]);
}

static int
nvidia_product(Err *e, CudaLib *lib, const PlanGemm *row, const DevicePtr *at,
               u32 times, void *stream)
{
    Nvidia *own = lib->own;

    if (!own->other || memcmp(&own->row, row, sizeof *row)) {
        cublaslt_forget(own->lt, own->other);
        TRY(cublaslt_prepare(e, own->lt, row, at, 0, &own->other));
        own->row = *row;
    }
    for (u32 i = 0; i < times; i++)
        FAIL_IF(cublaslt_run(own->lt, own->other, stream), e, SOHO_DEVICE,
                "cuBLASLt does not run a product of %lld rows",
                (long long)row->m);
    return 0;
}

static void
nvidia_close(CudaLib *lib)
{
    Nvidia *own = lib->own;

    cublaslt_forget(own->lt, own->other);
    for (u32 i = 0; i < lib->plan->nstep; i++) {
        if (own->gemm)
            cublaslt_forget(own->lt, own->gemm[i]);
        if (own->conv)
            convs_forget(own->convs, own->conv[i]);
    }
    cublaslt_close(own->lt);
    convs_close(own->convs);
    free(own->gemm);
    free(own->conv);
    free(own);
}

static int
open_nvidia(Err *e, CudaLib *lib, u32 arch, void *stream)
{
    Nvidia *own = lib->own = calloc(1, sizeof *own);
    const Plan *p = lib->plan;

    FAIL_IF(!own, e, SOHO_MEMORY, "no memory");
    lib->prepare = nvidia_prepare;
    lib->run = nvidia_run;
    lib->identity = nvidia_identity;
    lib->product = p->ngemm ? nvidia_product : NULL;
    lib->close = nvidia_close;
    own->gemm = calloc(p->nstep + 1, sizeof(GemmCall *));
    own->conv = calloc(p->nstep + 1, sizeof(ConvCall *));
    FAIL_IF(!own->gemm || !own->conv, e, SOHO_MEMORY,
            "%s: no memory for %u steps", p->path, p->nstep);
    if (p->ngemm)
        TRY(cublaslt_open(e, p, &own->lt));
    if (p->nconv)
        TRY(convs_open(e, p, arch, stream, &own->convs));
    return 0;
}

int
cudalib_open(Err *e, const Plan *plan, const Driver *driver, u32 arch,
             void *stream, CudaLib *lib)
{
    void *gemm = dlsym(driver->library, "emu_gemm");
    void *conv = dlsym(driver->library, "emu_conv");

    lib->plan = plan;
    if (gemm && conv)
        return open_emulated(e, lib, gemm, conv);
    return open_nvidia(e, lib, arch, stream);
}
