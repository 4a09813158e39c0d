/* weight_names.c - weights under the names of other programs: what each name
 * becomes, and what a plan takes of a file of them to begin with. */
#include <unistd.h>

#include "check.h"
#include "planmake.h"
#include "runtime/run.h"
#include "runtime/vfs.h"
#include "runtime/weight_names.h"

static char room[64] = "/tmp/soho-names-XXXXXX";

static const char *
in_room(const char *name)
{
    static char path[4][256];
    static u32 next;
    char *to = path[next++ % 4];

    snprintf(to, sizeof *path, "%s/%s", room, name);
    return to;
}

/* ------------------------------------------------------------------- names */

#define LAYER "encoder.layer.11.attention.output."
static const struct {
    const char *from, *to;
    int kind;
} name_case[] = {
    {"backbone.conv1.weight", "backbone.conv1.weight", WEIGHT_SAME},
    {"head.vqa.3.bias", "head.vqa.3.bias", WEIGHT_SAME},
    {"stranger", "stranger", WEIGHT_SAME},
    {"module.head.vqa.3.bias", "head.vqa.3.bias", WEIGHT_RENAMED},
    {"conv1.weight", "backbone.conv1.weight", WEIGHT_RENAMED},
    {"module.conv1.weight", "backbone.conv1.weight", WEIGHT_RENAMED},
    {"layer4.1.bn2.running_var", "backbone.layer4.1.bn2.running_var",
     WEIGHT_RENAMED},
    {"layer2.0.downsample.1.num_batches_tracked",
     "backbone.layer2.0.downsample.1.num_batches_tracked", WEIGHT_COUNTER},
    {"layer5.0.conv1.weight", "layer5.0.conv1.weight", WEIGHT_SAME},
    {"conv10.weight", "conv10.weight", WEIGHT_SAME},
    {"fc.weight", "fc.weight", WEIGHT_DROPPED},
    {"bert.embeddings.word_embeddings.weight", WEIGHT_WORDS, WEIGHT_RENAMED},
    {"embeddings.word_embeddings.weight", WEIGHT_WORDS, WEIGHT_RENAMED},
    {"bert." LAYER "LayerNorm.gamma", "language.bert." LAYER "LayerNorm.weight",
     WEIGHT_RENAMED},
    {LAYER "LayerNorm.beta", "language.bert." LAYER "LayerNorm.bias",
     WEIGHT_RENAMED},
    {"bert." LAYER "LayerNorm.bias", "language.bert." LAYER "LayerNorm.bias",
     WEIGHT_RENAMED},
    {"bert.pooler.dense.weight", "bert.pooler.dense.weight", WEIGHT_DROPPED},
    {"pooler.dense.bias", "pooler.dense.bias", WEIGHT_DROPPED},
    {"bert.embeddings.position_ids", "", WEIGHT_DROPPED},
    {"cls.predictions.bias", "cls.predictions.bias", WEIGHT_DROPPED},
    {"neck.vq.embed", "neck.vq.embed", WEIGHT_PRETRAINED},
    {"neck.conv.conv.weight", "neck.conv.conv.weight", WEIGHT_SAME},
    {"mask_l_fc.weight", "mask_l_fc.weight", WEIGHT_PRETRAINED},
    {"module.head.match_class.weight", "head.match_class.weight",
     WEIGHT_PRETRAINED},
    {"neck.conv.bn.num_batches_tracked", "neck.conv.bn.num_batches_tracked",
     WEIGHT_COUNTER},
    {"", "", WEIGHT_SAME},
};

static void
names(void)
{
    char to[PLAN_NAME + 1], why[600], longest[PLAN_NAME + 2];

    for (u32 i = 0; i < countof(name_case); i++) {
        int kind = weight_name(name_case[i].from, to);

        snprintf(why, sizeof why, "%d %s", kind, to);
        check(kind == name_case[i].kind && !strcmp(to, name_case[i].to),
              name_case[i].from, why);
    }
    memset(longest, 'x', sizeof longest);
    memcpy(longest, "conv1.", 6);
    longest[PLAN_NAME + 1] = 0;
    check(weight_name(longest, to) == WEIGHT_SAME && !to[0],
          "a name too long for a plan", to);
}

/* ------------------------------------------------------------- into a plan */

static const char conv[] = "backbone.conv1.weight";
static const char norm[] = "language.bert.embeddings.LayerNorm.weight";
static const char head[] = "head.vqa.3.weight";

static Run *
open_plan(void)
{
    static Make m;
    const char *path = in_room("plan.bin");
    Run *run = NULL;
    Err e = {0};

    make_start(&m, CPU_avx2, 1);
    make_buffer(&m, conv, AR_param, RO_param, DT_f32, (i64)2, (i64)3, (i64)0);
    make_buffer(&m, norm, AR_param, RO_param, DT_f32, (i64)4, (i64)0);
    make_buffer(&m, head, AR_param, RO_param, DT_f32, (i64)2, (i64)0);
    make_phase(&m, "update", PH_update);
    make_file(&m, path);
    check(!run_open(&e, path, 1u << PH_update, &run), "open plan", e.text);
    return run;
}

/* What weights_add and weights_left said last. */
static char said[4 * ERR_TEXT];

static void
say(void *context, const char *line)
{
    (void)context;
    snprintf(said, sizeof said, "%s", line);
}

static const f32 data[6] = {1, 2, 3, 4, 5, 6};
static const u16 half[4] = {0x3C00, 0xC000, 0x3800, 0x7BFF};

/* Adds these rows, as a file, to a run; the text of an error comes back. */
static int
add(Run *run, const TensorOut *rows, u32 n, u8 *have)
{
    const char *path = in_room("some.safetensors");
    Err e = {0};

    said[0] = 0;
    if (tensors_write(&e, path, rows, n, NULL) ||
        weights_add(&e, run, path, have, say, NULL))
        snprintf(said, sizeof said, "%s", e.text);
    return e.code;
}

static void
resnet(Run *run, u8 *have)
{
    static const i64 steps[1] = {9};
    const TensorOut rows[] = {
        {"bn1.num_batches_tracked", TD_i64, 0, {0}, .data = steps},
        {"conv1.weight", DT_f32, 2, {2, 3}, .data = data},
        {"fc.bias", DT_f32, 1, {2}, .data = data},
        {"layer1.0.conv1.weight", DT_f32, 1, {2}, .data = data},
    };
    f32 *weight = run_buffer(run, 1);

    weight[5] = 0;
    check(!add(run, rows, countof(rows), have) && weight[5] == 6 && have[1] &&
              !have[2] &&
              strstr(said, "some.safetensors: 1 of 3; 1 under other names "
                           "(conv1.weight is backbone.conv1.weight); 1 left "
                           "out (fc.bias); 1 not in the plan "
                           "(layer1.0.conv1.weight)"),
          "weights of ResNet", said);
    weights_left(run, have, say, NULL);
    check(!strcmp(said, "2 tensors keep their starting values "
                        "(language.bert.embeddings.LayerNorm.weight; "
                        "head.vqa.3.weight)"),
          "what is left", said);
}

static void
bert(Run *run, u8 *have)
{
    const TensorOut rows[] = {
        {"bert.embeddings.LayerNorm.gamma", DT_f16, 1, {4}, .data = half},
        {"head.vqa.3.weight", DT_f32, 1, {3}, .data = data},
    };
    f32 *weight = run_buffer(run, 2), *answer = run_buffer(run, 3);

    answer[0] = 7;
    check(!add(run, rows, countof(rows), have) && weight[0] == 1 &&
              weight[1] == -2 && weight[2] == 0.5f && weight[3] == 65504 &&
              answer[0] == 7 && have[1] && have[2] && !have[3] &&
              strstr(said, "1 of another shape (head.vqa.3.weight expected "
                           "F32[2], got F32[3])"),
          "weights of BERT, half precision", said);
}

static void
refusals(Run *run, u8 *have)
{
    const TensorOut twice[] = {
        {"embeddings.LayerNorm.gamma", DT_f32, 1, {4}, .data = data},
        {"embeddings.LayerNorm.weight", DT_f32, 1, {4}, .data = data},
    };
    const TensorOut stranger[] = {
        {"stranger", DT_f32, 1, {4}, .data = data},
    };
    const TensorOut wrong[] = {
        {head, TD_i64, 1, {2}, .data = data},
    };

    check(add(run, twice, 2, have) == SOHO_BAD &&
              strstr(said, "embeddings.LayerNorm.gamma and "
                           "embeddings.LayerNorm.weight are both "
                           "language.bert.embeddings.LayerNorm.weight"),
          "two names of one tensor", said);
    check(add(run, stranger, 1, have) == SOHO_BAD &&
              strstr(said, "none of its 1 tensors is one of the plan's 3: "
                           "stranger"),
          "nothing that fits", said);
    check(add(run, wrong, 1, have) == SOHO_BAD &&
              strstr(said, "expected F32[2], got I64[2]"),
          "whole numbers are no weights", said);
}

/* A whole file, official and not, of every precision. */
static void
whole(Run *run)
{
    static const f64 wide[6] = {1.5, 2, 3, 4, 5, 6};
    const TensorOut rows[] = {
        {"module.backbone.conv1.weight", TD_f64, 2, {2, 3}, .data = wide},
        {"neck.vq.embed", DT_f32, 1, {1}, .data = data},
        {norm, DT_bf16, 1, {4}, .data = half},
        {head, DT_f32, 1, {2}, .data = data},
        {"stranger", DT_f32, 1, {1}, .data = data},
    };
    const char *path = in_room("whole.safetensors");
    f32 *weight = run_buffer(run, 1);
    u32 unexpected = 9;
    Err e = {0};

    check(!tensors_write(&e, path, rows, countof(rows), NULL) &&
              !weights_load(&e, run, path, &unexpected) && weight[0] == 1.5f &&
              unexpected == 1,
          "a whole file", e.text);
}

int
main(void)
{
    u8 have[8] = {0};
    Run *run;

    if (!mkdtemp(room))
        return 1;
    names();
    run = open_plan();
    if (run) {
        resnet(run, have);
        bert(run, have);
        refusals(run, have);
        whole(run);
    }
    run_close(run);
    vfs_remove_dir(&(Err){0}, room);
    return failed;
}
