/* convs.c - cuDNN plans that were made for one device, adapted to another: on
 * this machine without a GPU, as far as cuDNN goes without one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_PART "convs/"
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#include "tests/unit/check.h"
#include "runtime/cuda/convs.h"
#include "soho/cudnn.h"

static Cudnn lib;

static char *
read_text(const char *path)
{
    static char text[8192];
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;

    text[n] = 0;
    if (f)
        fclose(f);
    return strdup(text);
}

/* Does cuDNN make a plan of this text for the device? */
static int
loads(CudnnDesc device, const char *text)
{
    CudnnDesc plan = NULL;
    int good = !lib.BackendCreateDescriptor(CUDNN_PLAN, &plan) &&
               !lib.BackendSetAttribute(plan, CUDNN_A_PLAN_DEVICE, CUDNN_T_DESC,
                                        1, &device) &&
               !lib.BackendSetAttribute(plan, CUDNN_A_PLAN_JSON, CUDNN_T_CHAR,
                                        (int64_t)strlen(text), text) &&
               !lib.BackendFinalize(plan);

    if (plan)
        lib.BackendDestroyDescriptor(plan);
    return good;
}

/* Numbers of the first engines that serve a row, up to 64. */
static u32
engines(CudnnDesc device, const PlanConv *row, int64_t number[64])
{
    CudnnPlan plan;
    u32 n = 0;

    while (n < 64 && cudnn_choose(&lib, device, row, 64 << 20, n, &plan)) {
        number[n++] = plan.engine;
        lib.BackendDestroyDescriptor(plan.plan);
    }
    return n;
}

/* A row whose last bits may vary has all engines that another has, and more:
 * those that add up as their threads come, in f32's gradient of data 25. */
static void
same_bits(CudnnDesc device, PlanConv *row)
{
    enum { ATOMIC = 25 };
    int64_t steady[64], any[64];
    u32 n = engines(device, row, steady), nany, found = 0;

    row->post = POST_varies;
    nany = engines(device, row, any);
    check(n && nany > n, "varies", "no more engines than before");
    for (u32 i = 0; i < n; i++)
        check(steady[i] != ATOMIC, "deterministic", "engine 25 was taken");
    for (u32 i = 0; i < nany; i++)
        found += any[i] == ATOMIC;
    check(found > 0, "varies/engine", "engine 25 is missing");
}

/* A convolution with bias and ReLU in bf16, and gradients in f32. */
static void
on(const char *file)
{
    PlanConv row = {.n = 2,
                    .h = 19,
                    .w = 32,
                    .ci = 64,
                    .oh = 19,
                    .ow = 32,
                    .co = 128,
                    .kh = 3,
                    .kw = 3,
                    .stride = {1, 1},
                    .dilation = {1, 1},
                    .groups = 1,
                    .pad = {1, 1, 1, 1},
                    .post = POST_bias | POST_relu,
                    .dtype = {DT_bf16, DT_bf16, DT_bf16, DT_bf16}};
    char *is = read_text(file);
    char *other = convs_adapt(is, "{\"driverVer\":12080,\"deviceVer\":900,"
                                  "\"multiProcessorCount\":114}");
    CudnnDesc device = cudnn_device(&lib, is), second;
    CudnnPlan plan;
    char *text, *adapted;

    check(device && other, "device", "its properties are not taken");
    if (!device || !other)
        return;
    second = cudnn_device(&lib, other);
    check(cudnn_choose(&lib, device, &row, 64 << 20, 0, &plan), "chooses",
          "no engine");
    text = cudnn_text(&lib, plan.plan);
    check(text && loads(device, text), "loads", "its own text is refused");
    adapted = convs_adapt(text, other);
    check(!loads(second, text), "differs", "another device takes the text");
    check(adapted && loads(second, adapted), "adapted", "it is refused");
    row.post = 0;
    row.dir = 2;
    memset(row.dtype, DT_f32, sizeof row.dtype);
    check(cudnn_choose(&lib, device, &row, 64 << 20, 0, &plan), "gradient",
          "no engine");
    row.dir = 1;
    same_bits(device, &row);
    free(is);
    free(other);
    free(text);
    free(adapted);
}

int
main(void)
{
    const char *why;

#ifdef __SANITIZE_ADDRESS__ /* cuDNN closes parts of its own: no name is left */
    __lsan_disable();
#endif
    check(!convs_adapt("{}", "{}"), "lacks-numbers", "adapted all the same");
    if (cudnn_open(&lib, &why))
        on("compiler/target/h200.json");
    else
        printf("skip convs/engines: %s\n", why);
    return failed;
}
