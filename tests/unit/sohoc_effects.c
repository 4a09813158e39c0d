/* sohoc_effects.c - the kernels of the phases update and init against their
 * formulas in double, and against numbers of the PyTorch reference. */
#include "runtime/random.h"
#include "tests/unit/kernels.h"

/* --------------------------------------------------------------- gradients */

static void
zero_grad(i64 n)
{
    f32 *g = mem_alloc((u64)n * sizeof *g), *before = numbers(n);
    SohoStep step = {.window = 1};
    bool good =
        CALL("zero_grad", (u64)n * sizeof *g, before, P(g), P(&step), I(n));

    good &= !memcmp(g, before, (u64)n * sizeof *g);
    step.window = 0;
    good &= CALL("zero_grad", (u64)n * sizeof *g, before, P(g), P(&step), I(n));
    for (i64 i = 0; i < n; i++)
        good &= g[i] == 0;
    check(good, format("zero_grad_%d", (int)n), "it clears at the wrong time");
}

static void
grad_norm(const char *name, i64 n, f64 limit, f32 spoiler)
{
    f32 *g = numbers(n);
    SohoStep step;
    const SohoStep before = {.t = 5, .count = 2};
    f64 sum = 0, norm, clip;
    bool good;

    for (i64 i = 0; i < n; i++)
        g[i] = i == n / 2 && spoiler != 0 ? spoiler : g[i] / 7;
    for (i64 i = 0; i < n; i++)
        sum += (f64)g[i] * g[i];
    norm = sqrt(sum);
    clip = limit > 0 ? fmin(1, limit / (norm + 1e-6)) : 1;
    good = CALL(name, sizeof step, &before, P(&step), P(g), I(n));
    good &= step.t == 5 && step.count == 2;
    good &= step.finite == (u32) !!isfinite((f32)norm);
    if (step.finite)
        good &= fabs(step.grad_norm - norm) <= 1e-7 * norm &&
                fabs(step.clip - clip) <= 1e-7 * clip;
    check(good, format("%s_%d_%g", name, (int)n, (f64)spoiler),
          "norm, clip or finite is wrong");
}

/* -------------------------------------------------------------- optimisers */

/* What a rule's instance is made with. */
typedef struct Rule {
    const char *name;
    bool correct_bias, nesterov;
    f64 dampening, momentum; /* factor of the schedule */
    f64 lr_add;
} Rule;

/* Four updates of n numbers; the second is refused. */
static void
adamw(const Rule *r, i64 n)
{
    const f64 b1 = 0.9, b2 = 0.999, eps = 1e-6, decay = 0.5;
    const f64 lr = 1e-2 * 0.5 + r->lr_add;
    f32 *p = mem_alloc((u64)(3 * n) * sizeof *p), *start = numbers(3 * n);
    f64 *q = mem_alloc((u64)(3 * n) * sizeof *q);
    bool good = true;
    SohoStep step = {.lr = 0.5f, .clip = 0.25f, .lr_add = (f32)r->lr_add};

    for (i64 i = 0; i < 3 * n; i++)
        q[i] = start[i] = i < n ? start[i] : 0;
    for (i32 k = 0; k < 4; k++) {
        const f32 *g = numbers(n);
        f64 t = step.count + 1, size = lr;

        if (r->correct_bias)
            size *= sqrt(1 - pow(b2, t)) / (1 - pow(b1, t));
        step.finite = k != 1;
        good &= CALL(r->name, (u64)(3 * n) * sizeof *p, start, P(p), P(g),
                     P(p + n), P(p + 2 * n), P(&step), I(n));
        memcpy(start, p, (u64)(3 * n) * sizeof *p);
        if (!step.finite)
            continue;
        step.count++;
        for (i64 i = 0; i < n; i++) {
            f64 d = 0.25 * g[i];

            q[n + i] = b1 * q[n + i] + (1 - b1) * d;
            q[2 * n + i] = b2 * q[2 * n + i] + (1 - b2) * d * d;
            q[i] -= size * q[n + i] / (sqrt(q[2 * n + i]) + eps);
            q[i] -= lr * decay * q[i];
        }
    }
    check(good && close_to(p, q, 3 * n, 1e-6), format("%s_%d", r->name, (int)n),
          "a parameter or moment differs");
}

/* As torch.optim.SGD: the first buffer is the gradient. */
static void
sgd(const Rule *r, i64 n)
{
    const f64 mu = 0.9 * r->momentum, lr = 1e-2 * 2 + r->lr_add;
    f32 *p = mem_alloc((u64)(2 * n) * sizeof *p), *start = numbers(2 * n);
    f64 *q = mem_alloc((u64)(2 * n) * sizeof *q);
    bool good = true;
    SohoStep step = {.lr = 2,
                     .clip = 0.25f,
                     .momentum = (f32)r->momentum,
                     .lr_add = (f32)r->lr_add};

    for (i64 i = 0; i < 2 * n; i++)
        q[i] = start[i] = i < n ? start[i] : 0;
    for (i32 k = 0; k < 4; k++) {
        const f32 *g = numbers(n);

        step.finite = k != 1;
        good &= CALL(r->name, (u64)(2 * n) * sizeof *p, start, P(p), P(g),
                     P(p + n), P(&step), I(n));
        memcpy(start, p, (u64)(2 * n) * sizeof *p);
        for (i64 i = 0; step.finite && i < n; i++) {
            f64 d = 0.25 * g[i] + 1e-4 * q[i], *m = &q[n + i];

            *m = step.count ? mu * *m + (1 - r->dampening) * d : d;
            q[i] -= lr * (r->nesterov ? d + mu * *m : *m);
        }
        step.count += step.finite;
    }
    check(good && close_to(p, q, 2 * n, 1e-6), format("%s_%d", r->name, (int)n),
          "a parameter or momentum differs");
}

/* The step block lies behind live and good, so that call() resets all. */
static void
commit(i64 n)
{
    u64 floats = (u64)(2 * n) * sizeof(f32), bytes = floats + sizeof(SohoStep);
    u8 *now = mem_alloc(bytes), *before = mem_alloc(bytes);
    f32 *live = (f32 *)now, *good = live + n;
    SohoStep *step = (SohoStep *)(now + floats), start = {.count = 7};
    bool fine = true;

    memcpy(before, numbers(2 * n), floats);
    for (u32 finite = 0; finite < 2; finite++) {
        start.finite = finite;
        memcpy(before + floats, &start, sizeof start);
        fine &= CALL("commit", bytes, before, P(live), P(good), P(step), I(n));
        fine &= !memcmp(live, good, floats / 2) &&
                !memcmp(live, before + (finite ? 0 : floats / 2), floats / 2);
        fine &= step->count == 7 + finite && step->skipped == 1 - finite;
    }
    check(fine, format("commit_%d", (int)n), "the wrong side was kept");
}

/* ----------------------------------------------------------- starting values
 */

/* The first numbers and number 100002 come from the reference's Rand.normal. */
static void
normal(void)
{
    enum { N = 100003 };
    static const f32 known[7] = {
        -0x1.181706p-6f, 0x1.eebe34p-8f, 0x1.283ffep-10f, 0x1.b861fp-6f,
        -0x1.a262b2p-6f, 0x1.4c2358p-6f, 0x1.c2adfcp-7f};
    f32 *y = mem_alloc(N * sizeof *y);
    SohoStep step = {.seed = {0x9abcdef0, 0x12345678}, .t = 9};
    u32 site = random_site("neck.conv.conv.weight");
    f64 std = 0.02;
    i64 bits;
    bool good;

    memcpy(&bits, &std, sizeof bits);
    good = CALL("normal", N * sizeof *y, NULL, P(y), P(&step), I(N), I(site),
                I(bits));
    good &= !memcmp(y, known, sizeof known) && y[N - 1] == -0x1.66c6eap-5f;
    for (u32 i = 0; i < N; i++) {
        i32 sum = -131070;

        for (u32 k = 0; k < 2; k++) {
            u32 w = random_word(0x123456789abcdef0, site, 0, 2 * i + k);

            sum += (i32)(w & 0xffff) + (i32)(w >> 16);
        }
        good &= y[i] == (f32)(sum * (1.7320508075688772 / 65536 * std));
    }
    check(good, "normal", "a number differs");
}

/* ----------------------------------------------------------------- kernels */

#define ADAMW "LR=0.01 BETA1=0.9 BETA2=0.999 EPS=1e-06 DECAY=0.5"
#define SGD   "LR=0.01 MOMENTUM=0.9 DECAY=0.0001"

static const char *const kernel[][3] = {
    {"zero_grad", "zero_grad", ""},
    {"grad_norm_4", "grad_norm", "LIMIT=4"},
    {"grad_norm_0", "grad_norm", "LIMIT=0"},
    {"adamw", "adamw", ADAMW " CORRECT_BIAS=1 LR_ADD=0"},
    {"adamw_plain", "adamw", ADAMW " CORRECT_BIAS=0 LR_ADD=1"},
    {"sgd", "sgd", SGD " DAMPENING=0 NESTEROV=0 MOVES=0 LR_ADD=0"},
    {"sgd_damp", "sgd", SGD " DAMPENING=0.25 NESTEROV=0 MOVES=0 LR_ADD=1"},
    {"sgd_nesterov", "sgd", SGD " DAMPENING=0 NESTEROV=1 MOVES=1 LR_ADD=0"},
    {"commit", "commit", ""},
    {"normal", "normal", ""},
};

static void
run(u32 cpu)
{
    static const i64 size[] = {0, 1, 7, 997, 40961};
    static const Rule adamws[] = {{"adamw", true, false, 0, 1, 0},
                                  {"adamw_plain", false, false, 0, 1, 1e-3}};
    static const Rule sgds[] = {{"sgd", true, false, 0, 1, 0},
                                {"sgd_damp", true, false, 0.25, 1, 1e-3},
                                {"sgd_nesterov", true, true, 0, 0.875, 0}};

    open_kernels(cpu, "effects", kernel, countof(kernel));
    for (u32 i = 0; i < countof(size); i++) {
        zero_grad(size[i]);
        for (u32 k = 0; k < countof(adamws); k++)
            adamw(&adamws[k], size[i]);
        for (u32 k = 0; k < countof(sgds); k++)
            sgd(&sgds[k], size[i]);
        commit(size[i]);
        grad_norm("grad_norm_4", size[i], 4, 0);
    }
    grad_norm("grad_norm_4", 13, 4, 1e-3f);
    grad_norm("grad_norm_0", 13, 0, 0);
    grad_norm("grad_norm_4", 5003, 4, NAN);
    grad_norm("grad_norm_4", 5003, 4, -INFINITY);
    grad_norm("grad_norm_0", 5003, 0, 1e30f);
    normal();
}

int
main(void)
{
    return run_sets(run);
}
