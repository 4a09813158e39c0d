/* sohoc_schedule.c - the schedule kernel under every policy and warm-up beside
 * the rates and momenta that the official trainer's hooks (mmcv's) would set:
 * written here from their definitions, in double, for a group's value and not
 * for a factor.
 *
 * A run has 7 epochs of 30 micro-batches.  Steps are asked in a scrambled
 * order from a block full of other numbers, as a resumed run asks them. */
#include "tests/unit/kernels.h"

enum { EPOCHS = 7, EPOCH_T = 30, TOTAL_T = EPOCHS * EPOCH_T };

typedef struct Hook {
    const char *policy, *shape;
    int by_epoch, warmup, warmup_by_epoch;
    double ratio, gamma, power, min_lr, min_ratio, high, low, up;
    int every, cycles, n;
    double at[4], weight[4];
    bool momentum; /* mmcv's hooks of momentum */
    double base;
} Hook;

/* ---------------------------------------------------------------- the hooks */

static double
anneal(double start, double end, double part, double weight)
{
    return end + 0.5 * weight * (start - end) * (cos(M_PI * part) + 1);
}

static double
ref_step(const Hook *h, int x)
{
    int passed = 0;

    if (h->every)
        passed = x / h->every;
    else
        while (passed < h->n && x >= h->at[passed])
            passed++;
    return h->base * pow(h->gamma, passed);
}

static double
ref_restart(const Hook *h, int x, double end)
{
    double begin = 0;
    int i = 0;

    for (; i < h->n; begin += h->at[i++])
        if (x <= begin + h->at[i])
            return anneal(h->base, end, (x - begin) / h->at[i], h->weight[i]);
    return end; /* the hook gives up here */
}

static double
ref_cyclic(const Hook *h, int t)
{
    int cycle = TOTAL_T / h->cycles, rise = (int)(h->up * cycle);

    t %= cycle;
    if (t < rise)
        return anneal(h->base, h->base * h->high, (double)t / rise, 1);
    return anneal(h->base * h->high, h->base * h->low,
                  (double)(t - rise) / (cycle - rise), 1);
}

static double
ref_regular(const Hook *h, int t)
{
    int x = h->by_epoch ? t / EPOCH_T : t;
    double most = h->by_epoch ? EPOCHS : TOTAL_T, rate = h->base;
    double end = h->min_ratio > 0 ? h->base * h->min_ratio : h->min_lr;

    if (!strcmp(h->policy, "step"))
        return ref_step(h, x);
    if (!strcmp(h->policy, "poly"))
        return (h->base - end) * pow(1 - x / most, h->power) + end;
    if (!strcmp(h->policy, "inv"))
        return h->base / pow(1 + h->gamma * x, h->power);
    if (!strcmp(h->policy, "cosine"))
        return anneal(h->base, end, x / most, 1);
    if (!strcmp(h->policy, "cosine_restart"))
        return ref_restart(h, x, end);
    if (!strcmp(h->policy, "cyclic"))
        return ref_cyclic(h, t);
    for (int i = 0; !strcmp(h->policy, "exp") && i < x; i++)
        rate *= h->gamma;
    return rate;
}

/* get_warmup_lr, and get_warmup_momentum, which divides. */
static double
ref_value(const Hook *h, int t)
{
    int end = h->warmup * (h->warmup_by_epoch ? EPOCH_T : 1);
    double regular = ref_regular(h, t), k;

    if (t >= end)
        return regular;
    if (!strcmp(h->shape, "constant"))
        return h->momentum ? regular / h->ratio : regular * h->ratio;
    if (!strcmp(h->shape, "exp")) {
        k = pow(h->ratio, 1 - (double)t / end);
        return h->momentum ? regular / k : regular * k;
    }
    k = (1 - (double)t / end) * (1 - h->ratio);
    return h->momentum ? regular / (1 - k) : regular * (1 - k);
}

/* ---------------------------------------------------------------- instances */

static const Hook hooks[] = {
    {.policy = "fixed", .warmup = 40, .shape = "linear", .ratio = 1.0 / 3},
    {.policy = "fixed", .warmup = 40, .shape = "constant", .ratio = 0.1},
    {.policy = "fixed", .warmup = 40, .shape = "exp", .ratio = 0.01},
    {.policy = "fixed",
     .warmup = 2,
     .warmup_by_epoch = 1,
     .shape = "linear",
     .ratio = 0.1},
    {.policy = "step", .by_epoch = 1, .gamma = 0.1, .n = 2, .at = {3, 5}},
    {.policy = "step",
     .by_epoch = 1,
     .gamma = 0.5,
     .every = 2,
     .warmup = 45,
     .shape = "exp",
     .ratio = 0.2},
    {.policy = "step", .gamma = 0.3, .n = 3, .at = {10, 90, 91}},
    {.policy = "step", .gamma = 0.9, .every = 7},
    {.policy = "exp", .by_epoch = 1, .gamma = 0.7},
    {.policy = "exp", .gamma = 0.99, .warmup = 11, .shape = "constant"},
    {.policy = "poly", .by_epoch = 1, .power = 2, .min_lr = 1e-4},
    {.policy = "poly", .power = 0.9, .min_lr = 1e-3},
    {.policy = "poly", .power = 1, .warmup = 30, .shape = "linear"},
    {.policy = "inv", .by_epoch = 1, .gamma = 0.5, .power = 2},
    {.policy = "inv", .gamma = 3, .power = 0.75},
    {.policy = "cosine", .by_epoch = 1, .min_lr = 1e-5},
    {.policy = "cosine", .min_ratio = 0.02, .warmup = 50, .shape = "linear"},
    {.policy = "cosine", .min_lr = 2e-3, .warmup = 50, .shape = "exp"},
    {.policy = "cosine_restart",
     .by_epoch = 1,
     .n = 3,
     .at = {2, 1, 4},
     .weight = {1, 0.5, 2},
     .min_ratio = 0.1},
    {.policy = "cosine_restart",
     .n = 2,
     .at = {50, 100},
     .weight = {1, 0.3},
     .min_lr = 1e-4},
    {.policy = "cyclic", .high = 10, .low = 1e-4, .up = 0.4, .cycles = 1},
    {.policy = "cyclic", .high = 2, .low = 0.5, .up = 0.25, .cycles = 4},
    {.policy = "cyclic", .high = 0.85 / 0.95, .low = 1, .up = 0, .cycles = 3},
    {.momentum = true,
     .policy = "cosine",
     .min_ratio = 0.02,
     .warmup = 50,
     .shape = "linear",
     .ratio = 0.9},
    {.momentum = true,
     .policy = "cosine",
     .by_epoch = 1,
     .min_ratio = 0.5,
     .warmup = 2,
     .warmup_by_epoch = 1,
     .shape = "exp",
     .ratio = 0.3},
    {.momentum = true,
     .policy = "cosine",
     .warmup = 40,
     .shape = "constant",
     .ratio = 0.95},
    {.momentum = true,
     .policy = "cyclic",
     .high = 0.85 / 0.95,
     .low = 1,
     .up = 0.4,
     .cycles = 2,
     .warmup = 25,
     .shape = "linear",
     .ratio = 0.5},
    {.momentum = true,
     .policy = "cyclic",
     .high = 0.85 / 0.95,
     .low = 1,
     .up = 0,
     .cycles = 3},
};

static const char *
list(const double *x, int n)
{
    const char *text = format("%.17g", x[0]);

    for (int i = 1; i < n; i++)
        text = format("%s,%.17g", text, x[i]);
    return text;
}

/* What the compiler would define. */
static const char *
defines(const Hook *h)
{
    return format(
        "POLICY_%s=1 SHAPE_%s=1 BY_EPOCH=%d WARMUP=%d WARMUP_BY_EPOCH=%d "
        "RATIO=%.17g GAMMA=%.17g POWER=%.17g FLOOR=%.17g MIN_LR=%.17g TOTAL=0 "
        "EVERY=%d HIGH=%.17g LOW=%.17g CYCLES=%d UP=%.17g AT=%s AT_N=%d "
        "WEIGHT=%s WEIGHT_N=%d",
        h->policy, h->shape ? h->shape : "linear", h->by_epoch, h->warmup,
        h->warmup_by_epoch, h->ratio, h->gamma, h->power, h->min_ratio,
        h->min_lr, h->every, h->high, h->low, h->cycles, h->up,
        list(h->at, h->n), h->n, list(h->weight, h->n), h->n);
}

static const char *
name_of(u32 i)
{
    return format("%s_%s_%u", hooks[i].momentum ? "momentum" : "schedule",
                  hooks[i].policy, i);
}

/* ------------------------------------------------------------------- checks */

static void
follow(u32 i)
{
    const char *name = name_of(i);
    Hook h = hooks[i];
    double worst = 0;
    bool good = true;
    int at = 0;

    h.base = 0.01;
    for (int k = 0; k < TOTAL_T; k++) {
        const int t = k * 73 % TOTAL_T;
        SohoStep step, before = {.t = (u32)t,
                                 .epoch = (u32)(t / EPOCH_T),
                                 .total = TOTAL_T,
                                 .epochs = EPOCHS,
                                 .epoch_t = EPOCH_T,
                                 .lr = 9,
                                 .lr_add = 9,
                                 .momentum = 9};
        double truth = ref_value(&h, t), got;

        good &= CALL(name, sizeof step, &before, P(&step));
        got = h.momentum ? h.base * (f64)step.momentum
                         : h.base * (f64)step.lr + (f64)step.lr_add;
        good &=
            h.momentum ? step.lr == 9 && step.lr_add == 9 : step.momentum == 9;
        if (fabs(got - truth) > worst * truth) {
            worst = fabs(got - truth) / truth;
            at = t;
        }
    }
    check(good && worst < 2e-7, name,
          format("at t=%d %.3g away from the hook's", at, worst));
}

/* Beyond the end of the run the factor stays where it came to; where nobody
 * knows the end it is 1. */
static void
ends(u32 i)
{
    SohoStep step, before = {.t = TOTAL_T + 5,
                             .epoch = EPOCHS + 1,
                             .total = TOTAL_T,
                             .epochs = EPOCHS,
                             .epoch_t = EPOCH_T};
    const Hook *h = &hooks[i];
    bool good = CALL(name_of(i), sizeof step, &before, P(&step));
    bool falls = !strcmp(h->policy, "poly") || !strncmp(h->policy, "cosine", 6);

    if (!falls || h->momentum)
        return;
    good &= fabs((f64)step.lr - h->min_ratio) < 1e-7;
    good &= fabs((f64)step.lr_add - h->min_lr) < 1e-7 * h->min_lr + 1e-12;
    before.total = before.epochs = 0;
    if (strcmp(h->policy, "cosine_restart"))
        good &= CALL(name_of(i), sizeof step, &before, P(&step)) &&
                step.lr == 1 && step.lr_add == 0;
    check(good, format("%s_ends", name_of(i)), "a factor beyond the end");
}

static void
run(u32 cpu)
{
    enum { N = countof(hooks) };
    const char *kernel[N][3];

    for (u32 i = 0; i < N; i++) {
        kernel[i][0] = name_of(i);
        kernel[i][1] = "schedule";
        kernel[i][2] =
            format("OF_%s=1 %s", hooks[i].momentum ? "momentum" : "lr",
                   defines(&hooks[i]));
    }
    open_kernels(cpu, "schedule", (const char *const(*)[3])kernel, N);
    for (u32 i = 0; i < N; i++) {
        follow(i);
        ends(i);
    }
}

int
main(void)
{
    return run_sets(run);
}
