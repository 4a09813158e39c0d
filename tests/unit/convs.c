/* convs.c - cuDNN plans that were made for one device, adapted to another: on
 * this machine without a GPU, as far as cuDNN goes without one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_PART "convs/"
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

/* A convolution with bias and ReLU in bf16, and one gradient in f32. */
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
    free(is);
    free(other);
    free(text);
    free(adapted);
}

int
main(void)
{
    const char *why;

    check(!convs_adapt("{}", "{}"), "lacks-numbers", "adapted all the same");
    if (cudnn_open(&lib, &why))
        on("compiler/target/h200.json");
    else
        printf("skip convs/engines: %s\n", why);
    return failed;
}
