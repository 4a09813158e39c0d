/* weight_names.c - names of weights that other programs gave them, and the
 * official ones.
 *
 * In: a tensor's name as a file has it.  Out: the name under which a plan may
 * have it, by the first rule whose beginning fits.  Official names begin with
 * backbone, neck, language, head or mask_l_fc, so no rule touches them except
 * those that say so. */
#include "runtime/weight_names.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *from, *to; /* beginnings */
    int kind;
} rule[] = {
    /* torchvision's ResNet, without its classifier */
    {"conv1.", "backbone.conv1.", WEIGHT_RENAMED},
    {"bn1.", "backbone.bn1.", WEIGHT_RENAMED},
    {"layer1.", "backbone.layer1.", WEIGHT_RENAMED},
    {"layer2.", "backbone.layer2.", WEIGHT_RENAMED},
    {"layer3.", "backbone.layer3.", WEIGHT_RENAMED},
    {"layer4.", "backbone.layer4.", WEIGHT_RENAMED},
    {"fc.", "fc.", WEIGHT_DROPPED},
    /* BERT, with and without the name of its class, without its heads */
    {"bert.pooler.", "bert.pooler.", WEIGHT_DROPPED},
    {"bert.embeddings.position_ids", "", WEIGHT_DROPPED},
    {"bert.", "language.bert.", WEIGHT_RENAMED},
    {"cls.", "cls.", WEIGHT_DROPPED},
    {"pooler.", "pooler.", WEIGHT_DROPPED},
    {"embeddings.position_ids", "", WEIGHT_DROPPED},
    {"embeddings.", "language.bert.embeddings.", WEIGHT_RENAMED},
    {"encoder.layer.", "language.bert.encoder.layer.", WEIGHT_RENAMED},
    /* what pre-training has and question answering has not */
    {"neck.vq.", "neck.vq.", WEIGHT_PRETRAINED},
    {"neck.gate_fc.", "neck.gate_fc.", WEIGHT_PRETRAINED},
    {"neck.pos_line.", "neck.pos_line.", WEIGHT_PRETRAINED},
    {"neck.mask_emb.", "neck.mask_emb.", WEIGHT_PRETRAINED},
    {"mask_l_fc.", "mask_l_fc.", WEIGHT_PRETRAINED},
    {"head.match_class.", "head.match_class.", WEIGHT_PRETRAINED},
};

/* What the first ports of BERT called the weight and bias of its norms. */
static const struct {
    const char *from, *to; /* ends */
} old_end[] = {
    {"LayerNorm.gamma", "LayerNorm.weight"},
    {"LayerNorm.beta", "LayerNorm.bias"},
};

static int
ends(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);

    return n >= m && !strcmp(name + n - m, end);
}

/* By the rules of beginnings; those of ends hold where one of them renames. */
static int
rename_by_rule(const char *name, char to[PLAN_NAME + 1], int kind)
{
    const char *end = "";
    size_t n;

    snprintf(to, PLAN_NAME + 1, "%s", name);
    for (u32 i = 0; i < countof(rule); i++) {
        size_t from = strlen(rule[i].from);

        if (strncmp(name, rule[i].from, from))
            continue;
        n = strlen(name);
        for (u32 k = 0; rule[i].kind == WEIGHT_RENAMED && k < countof(old_end);
             k++)
            if (ends(name, old_end[k].from)) {
                n -= strlen(old_end[k].from);
                end = old_end[k].to;
            }
        snprintf(to, PLAN_NAME + 1, "%s%.*s%s", rule[i].to, (int)(n - from),
                 name + from, end);
        return rule[i].kind;
    }
    return kind;
}

int
weight_name(const char *name, char to[PLAN_NAME + 1])
{
    static const char wrapper[] = "module.";
    enum { LONGEST_RULE = 32 };
    size_t n = sizeof wrapper - 1;
    int kind = WEIGHT_SAME;

    to[0] = 0;
    if (strlen(name) > PLAN_NAME - LONGEST_RULE)
        return WEIGHT_SAME;
    if (!strncmp(name, wrapper, n)) {
        name += n;
        kind = WEIGHT_RENAMED;
    }
    kind = rename_by_rule(name, to, kind);
    if (ends(name, WEIGHT_STEPS) &&
        (kind == WEIGHT_SAME || kind == WEIGHT_RENAMED))
        return WEIGHT_COUNTER;
    return kind;
}
