/* sides.c - how large a plan's config wants pictures: long, short, train_long,
 * train_short, and what their absence means. */
#include <stdio.h>
#include <string.h>

#include "runtime/dataset.h"

static int failed;

/* buckets_open over a plan of two buckets, 48x64 and 64x48, with up to four
 * fields; `kind` is PH_train or PH_eval. */
static FeedSpec
spec_of(u32 kind, const char *const field[4])
{
    static const char *const key[4] = {"config.long", "config.short",
                                       "config.train_long",
                                       "config.train_short"};
    static Buckets b;
    char text[1024] = "";
    PlanMeta meta[4];
    PlanPhase phase[2] = {{.kind = kind, .height = 48, .width = 64},
                          {.kind = kind, .height = 64, .width = 48}};
    Run run = {.plan = {.path = (char *)"plan",
                        .text = text,
                        .meta = meta,
                        .phase = phase,
                        .nphase = 2}};
    u32 at = 1;
    Err e = {0};

    for (u32 i = 0; i < 4; i++) {
        if (!field[i])
            continue;
        meta[run.plan.nmeta].key = at;
        at += (u32)sprintf(text + at, "%s", key[i]) + 1;
        meta[run.plan.nmeta++].value = at;
        at += (u32)sprintf(text + at, "%s", field[i]) + 1;
    }
    if (buckets_open(&e, &run, kind, &b))
        printf("# %s\n", e.text);
    return b.spec;
}

static void
check(const char *name, u32 kind, const char *const field[4], i32 longest,
      i32 low, i32 high)
{
    FeedSpec s = spec_of(kind, field);

    if (s.longest == longest && s.shortest[0] == low && s.shortest[1] == high) {
        printf("ok sides/%s\n", name);
        return;
    }
    failed = 1;
    printf("not ok sides/%s: %d %d..%d, expected %d %d..%d\n", name, s.longest,
           s.shortest[0], s.shortest[1], longest, low, high);
}

int
main(void)
{
    static const char *const none[4] = {0};
    static const char *const zero[4] = {"0", "0", "0", "0,0"};
    static const char *const res18[4] = {"1000", "600", "1333", "400,800"};
    static const char *const test[4] = {"100", "60", "0", "0,0"};
    static const char *const one[4] = {"100", "60", NULL, "40"};
    static const char *const wild[4] = {"-5", "abc", "99999999999999", "x"};

    check("none-fills-buckets", PH_eval, none, 64, 48, 48);
    check("zero-fills-buckets", PH_train, zero, 64, 48, 48);
    check("test", PH_eval, res18, 1000, 600, 600);
    check("infer", PH_infer, res18, 1000, 600, 600);
    check("training-range", PH_train, res18, 1333, 400, 800);
    check("training-as-test", PH_train, test, 100, 60, 60);
    check("one-number", PH_train, one, 100, 40, 40);
    check("no-nonsense", PH_train, wild, 64, 48, 48);
    return failed;
}
