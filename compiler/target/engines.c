/* engines.c - which of cuDNN's engines serve a plan's convolutions, chosen
 * ahead of time without a GPU or a driver.
 *
 * In: a convolution, and the properties of a device for each architecture of
 * the plan (h200.json ...).  Out: the text of a finalised plan, from which the
 * runtime makes the same one, and the scratch memory it needs.  Where cuDNN is
 * not installed here, or has no engine that is already compiled, the runtime
 * asks it when it opens the plan, within SPARE bytes. */
#include "compiler/sohoc.h"
#include "soho/cudnn.h"

enum { MOST = 256 << 20, SPARE = 32 << 20 };

/* A device that stands for its architecture. */
static const struct {
    const char *arch, *file;
} devices[] = {{"sm_80", "compiler/target/a100.json"},
               {"sm_89", "compiler/target/l40s.json"},
               {"sm_90a", "compiler/target/h200.json"},
               {"sm_100", "compiler/target/b200.json"}};

/* What was found for a row, with its packed and scratch as 0. */
typedef struct Choice {
    PlanConv row;
    const char *text[countof(devices)]; /* NULL: none */
    u64 workspace[countof(devices)];
    u64 scratch;
} Choice;

static Choice *choices;
static u32 nchoice, choice_cap;
static Cudnn lib;
static CudnnDesc device[countof(devices)];
static const char *missing; /* why there is no cuDNN */

static void
open_once(void)
{
    static bool done;

    if (done)
        return;
    done = true;
    if (!cudnn_open(&lib, &missing))
        return;
    for (u32 i = 0; i < countof(devices); i++) {
        device[i] = cudnn_device(&lib, tmpl_text(devices[i].file));
        if (!device[i])
            bug("cuDNN does not take %s", devices[i].file);
    }
}

static bool
has_arch(const Options *o, const char *arch)
{
    for (u32 i = 0; i < o->narch; i++)
        if (!strcmp(o->arch[i], arch))
            return true;
    return false;
}

static void
choose(Choice *c, u32 i)
{
    CudnnPlan plan;
    char *text;

    c->scratch = c->scratch > SPARE ? c->scratch : SPARE;
    if (missing || !cudnn_choose(&lib, device[i], &c->row, MOST, 0, &plan))
        return;
    text = cudnn_text(&lib, plan.plan);
    lib.BackendDestroyDescriptor(plan.plan);
    if (!text)
        return;
    c->text[i] = intern(text);
    c->workspace[i] = (u64)plan.workspace;
    if (c->workspace[i] > c->scratch)
        c->scratch = c->workspace[i];
    free(text);
}

static const Choice *
find(const PlanConv *row)
{
    PlanConv bare = *row;

    bare.packed = bare.scratch = 0;
    for (u32 i = 0; i < nchoice; i++)
        if (!memcmp(&choices[i].row, &bare, sizeof bare))
            return &choices[i];
    return NULL;
}

void
engines_size(const Options *o, PlanConv *c)
{
    const Choice *old = find(c);
    Choice *to;

    if (cuda_only_emulated(o))
        return;
    open_once();
    if (!old) {
        to = PUSH(choices, nchoice, choice_cap);
        *to = (Choice){.row = *c};
        for (u32 i = 0; i < countof(devices); i++)
            if (has_arch(o, devices[i].arch))
                choose(to, i);
        old = to;
    }
    c->scratch = old->scratch + PLAN_WORKSPACE;
}

void
engines_list(Prog *p)
{
    u32 none = 0;

    for (u32 k = 0; k < p->nconv && !cuda_only_emulated(&p->opt); k++) {
        const Choice *c = find(&p->conv[k]);

        for (u32 i = 0; c && i < countof(devices); i++) {
            if (!has_arch(&p->opt, devices[i].arch))
                continue;
            none += !c->text[i];
            if (c->text[i])
                *PUSH(p->engine, p->nengine, p->engine_cap) =
                    (Engine){k, cuda_arch_id(devices[i].arch), c->text[i],
                             c->workspace[i]};
        }
    }
    if (missing)
        printf("%s: engines are chosen when the plan is opened\n", missing);
    else if (p->nengine || none)
        printf("cuDNN %zu: %u convolutions, %u engines chosen ahead of time, "
               "%u left to the runtime\n",
               lib.GetVersion(), p->nconv, p->nengine, none);
}
