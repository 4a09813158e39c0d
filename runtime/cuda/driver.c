/* driver.c - finds the CUDA driver, or says why there is none. */
#include "runtime/cuda/driver.h"

#include <stdlib.h>
#include <string.h>

#include <dlfcn.h>

static Driver shared;

/* "PLAN: made for a GPU; WHY: compile it for this CPU: sohoc ..." */
static int
no_gpu(Err *e, const Plan *plan, const char *why)
{
    const char *model = plan_meta(plan, "model");

    return err_set(e, SOHO_DEVICE,
                   "%s: made for a GPU, and %s: compile it for the CPU: sohoc "
                   "%s -t cpu -o DIR",
                   plan->path, why, model ? model : "MODEL.lua");
}

static int
resolve(Err *e, Driver *d)
{
#define X(member, symbol, args)                                                \
    {                                                                          \
        void *at = dlsym(d->library, #symbol);                                 \
        FAIL_IF(!at, e, SOHO_DEVICE,                                           \
                "the CUDA driver has no %s: update it (version 525 or newer)", \
                #symbol);                                                      \
        memcpy(&d->member, &at, sizeof at);                                    \
    }
    DRIVER_FUNCTIONS(X)
#undef X
    return 0;
}

static const char *
reason(int code)
{
    return code == DRIVER_NO_DEVICE ? "the driver finds none here"
           : code == DRIVER_STUB
               ? "libcuda.so.1 is the toolkit's stand-in for a driver"
               : "the driver does not start";
}

int
driver_open(Err *e, const Plan *plan, const Driver **driver)
{
    const char *own = getenv("SOHO_LIBCUDA");
    Driver d = {0};
    int code, count = 0;

    *driver = &shared;
    if (shared.library)
        return 0;
    d.library = dlopen(own ? own : "libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!d.library)
        return no_gpu(e, plan,
                      own ? dlerror() : "this machine has no CUDA driver");
    TRY(resolve(e, &d));
    code = d.init(0);
    if (code)
        return no_gpu(e, plan, reason(code));
    if (d.device_count(&count) || count < 1)
        return no_gpu(e, plan, reason(DRIVER_NO_DEVICE));
    shared = d;
    return 0;
}

const char *
driver_error(const Driver *d, int code)
{
    static char text[96];
    const char *name = NULL;

    if (d->error_name(code, &name) || !name)
        name = "an unknown error";
    snprintf(text, sizeof text, "%s (%d)", name, code);
    return text;
}
