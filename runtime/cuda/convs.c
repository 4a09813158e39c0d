/* convs.c - convolutions of a plan by NVIDIA's cuDNN.
 *
 * In: rows of the plan, the engines that the compiler chose for them, and
 * device addresses.  Out: calls that were made when the plan was opened;
 * running one allocates nothing.  An engine chosen for another device of the
 * same kind is taken after its text was adapted to this one; where this cuDNN
 * takes none, its heuristics choose. */
#include "runtime/cuda/convs.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "soho/cudnn.h"

struct Convs {
    const Plan *plan;
    u32 arch;
    Cudnn lib;
    void *handle;
    CudnnDesc device;
    char *text; /* of the device's properties */
};

struct ConvCall {
    CudnnDesc plan, pack;
};

enum { MOST_POINTERS = 5 };

/* ------------------------------------------------------------------ texts */

/* The digits behind "key": in a text; NULL: it is not there. */
static const char *
number_of(const char *text, const char *key, size_t *digits)
{
    char quoted[64];
    const char *at;

    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    at = strstr(text, quoted);
    if (!at)
        return NULL;
    at += strlen(quoted);
    at += strspn(at, " ");
    *digits = strspn(at, "0123456789");
    return *digits ? at : NULL;
}

/* `text` with the number of `key` as it stands in `from`; frees `text`. */
static char *
with_number(char *text, const char *key, const char *from)
{
    size_t old, new, head;
    const char *at = text ? number_of(text, key, &old) : NULL;
    const char *is = number_of(from, key, &new);
    char *to = at && is ? malloc(strlen(text) + new + 1) : NULL;

    if (to) {
        head = (size_t)(at - text);
        memcpy(to, text, head);
        memcpy(to + head, is, new);
        strcpy(to + head + new, at + old);
    }
    free(text);
    return to;
}

char *
convs_adapt(const char *plan, const char *device)
{
    static const char *const key[] = {"driverVer", "multiProcessorCount",
                                      "deviceVer"};
    char *text = strdup(plan);

    for (u32 i = 0; i < countof(key); i++)
        text = with_number(text, key[i], device);
    return text;
}

/* ----------------------------------------------------------------- library */

/* This device's properties as cuDNN sees them. */
static int
find_device(Err *e, Convs *c)
{
    const Cudnn *lib = &c->lib;
    int64_t n = 0;
    int bad = lib->BackendCreateDescriptor(CUDNN_DEVICE, &c->device) ||
              lib->BackendSetAttribute(c->device, CUDNN_A_DEVICE_HANDLE, 0, 1,
                                       &c->handle) ||
              lib->BackendFinalize(c->device) ||
              lib->BackendGetAttribute(c->device, CUDNN_A_DEVICE_JSON,
                                       CUDNN_T_CHAR, 0, &n, NULL);

    c->text = bad ? NULL : calloc((size_t)n + 1, 1);
    FAIL_IF(!c->text || lib->BackendGetAttribute(c->device, CUDNN_A_DEVICE_JSON,
                                                 CUDNN_T_CHAR, n, &n, c->text),
            e, SOHO_DEVICE, "cuDNN does not say what device this is");
    return 0;
}

int
convs_open(Err *e, const Plan *plan, u32 arch, void *stream, Convs **to)
{
    Convs *c = *to = calloc(1, sizeof *c);
    const char *why;

    FAIL_IF(!c, e, SOHO_MEMORY, "no memory for cuDNN");
    c->plan = plan;
    c->arch = arch;
    FAIL_IF(!cudnn_open(&c->lib, &why), e, SOHO_DEVICE,
            "%s: its convolutions need cuDNN: %s", plan->path, why);
    FAIL_IF(c->lib.Create(&c->handle) || c->lib.SetStream(c->handle, stream), e,
            SOHO_DEVICE, "%s: cuDNN does not start on this device", plan->path);
    return find_device(e, c);
}

size_t
convs_version(const Convs *c)
{
    return c ? c->lib.GetVersion() : 0;
}

void
convs_close(Convs *c)
{
    if (!c)
        return;
    if (c->device)
        c->lib.BackendDestroyDescriptor(c->device);
    if (c->handle)
        c->lib.Destroy(c->handle);
    free(c->text);
    free(c);
}

/* --------------------------------------------------------------- preparing */

/* The engine that the compiler chose; NULL: none, or not for this cuDNN. */
static CudnnDesc
load_engine(const Convs *c, const PlanEngine *g)
{
    const Cudnn *lib = &c->lib;
    char *text = convs_adapt(plan_text(c->plan, g->text), c->text);
    CudnnDesc plan = NULL;

    if (!text || lib->BackendCreateDescriptor(CUDNN_PLAN, &plan)) {
        free(text);
        return NULL;
    }
    if (lib->BackendSetAttribute(plan, CUDNN_A_PLAN_DEVICE, CUDNN_T_DESC, 1,
                                 &c->device) ||
        lib->BackendSetAttribute(plan, CUDNN_A_PLAN_JSON, CUDNN_T_CHAR,
                                 (int64_t)strlen(text), text) ||
        lib->BackendFinalize(plan)) {
        lib->BackendDestroyDescriptor(plan);
        plan = NULL;
    }
    free(text);
    return plan;
}

static CudnnDesc
find_plan(const Convs *c, u32 conv, u32 candidate)
{
    i64 room = (i64)c->plan->conv[conv].scratch - PLAN_WORKSPACE;
    CudnnDesc plan = NULL;
    CudnnPlan found;

    for (u32 i = 0; !candidate && i < c->plan->nengine && !plan; i++)
        if (c->plan->engine[i].conv == conv &&
            c->plan->engine[i].arch == c->arch)
            plan = load_engine(c, &c->plan->engine[i]);
    if (!plan && cudnn_choose(&c->lib, c->device, &c->plan->conv[conv], room,
                              candidate ? candidate - 1 : 0, &found))
        plan = found.plan;
    return plan;
}

/* Which address each tensor of the graph has: ids are those of cudnn_graph().
 */
static int
bind(const Convs *c, const PlanConv *row, const DevicePtr *at, ConvCall *call)
{
    const Cudnn *lib = &c->lib;
    int64_t id[MOST_POINTERS] = {1, 2, 3, 4, 5}, n = 3;
    void *pointer[MOST_POINTERS], *workspace;

    n += !!(row->post & POST_bias) + !!(row->post & POST_add);
    for (int64_t i = 0; i < n; i++)
        pointer[i] = (void *)(uintptr_t)at[i];
    workspace = row->scratch
                    ? (void *)(uintptr_t)align_up(at[n], PLAN_WORKSPACE)
                    : NULL;
    return lib->BackendCreateDescriptor(CUDNN_PACK, &call->pack) ||
           lib->BackendSetAttribute(call->pack, CUDNN_A_PACK_IDS, CUDNN_T_I64,
                                    n, id) ||
           lib->BackendSetAttribute(call->pack, CUDNN_A_PACK_POINTERS,
                                    CUDNN_T_POINTER, n, pointer) ||
           lib->BackendSetAttribute(call->pack, CUDNN_A_PACK_WORKSPACE,
                                    CUDNN_T_POINTER, 1, &workspace) ||
           lib->BackendFinalize(call->pack);
}

int
convs_prepare(Err *e, Convs *c, u32 conv, const DevicePtr *at, u32 candidate,
              ConvCall **to)
{
    ConvCall *call = *to = calloc(1, sizeof *call);
    char why[160] = "";

    FAIL_IF(!call, e, SOHO_MEMORY, "no memory for a convolution");
    call->plan = find_plan(c, conv, candidate);
    if (!call->plan || bind(c, &c->plan->conv[conv], at, call)) {
        c->lib.GetLastErrorString(why, sizeof why - 1);
        return err_set(e, SOHO_DEVICE,
                       "cuDNN %zu has no engine for convolution %u: %s",
                       c->lib.GetVersion(), conv, why);
    }
    return 0;
}

void
convs_forget(Convs *c, ConvCall *call)
{
    if (!call)
        return;
    if (call->pack)
        c->lib.BackendDestroyDescriptor(call->pack);
    if (call->plan)
        c->lib.BackendDestroyDescriptor(call->plan);
    free(call);
}

int
convs_run(Convs *c, const ConvCall *call)
{
    return c->lib.BackendExecute(c->handle, call->plan, call->pack);
}
