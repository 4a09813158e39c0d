/* loss_scale.c - plans whose loss is scaled, followed step by step beside the
 * same model's plan without a scale and beside the rules of a dynamic scaler,
 * written here anew: start, overflow, halving, growth, the most; what a refused
 * update leaves alone; going on from a saved state.
 *
 * SOHOC: the compiler */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK_PART "loss_scale/"
#include "check.h"
#include "runtime/dataset.h"
#include "runtime/state.h"

static char room[64];

/* ------------------------------------------------------------------- plans */

static const char model[] =
    "config {batch = 2, sentences = 1, tokens = 1, answers = 8,\n"
    "        buckets = {{8, 8}}}\n"
    "phase('train', function(door)\n"
    "  local x = door.answers:reshape {2, 8}\n"
    "  local mean = state('mean', {8}, init.zero)\n"
    "  mean = mean:set(mean * 0.5 + x:sum(1):reshape {8} * 0.25)\n"
    "  x = op.linear {x, param('a.w', {4, 8}, init.normal(0.5))}\n"
    "  x = op.linear {op.gelu {x}, param('b.w', {3, 4}, init.normal(0.5))}\n"
    "  local loss = (x * x):sum(1, 2):reshape {1}\n"
    "  return {loss = loss, mean = mean}\n"
    "end)\n"
    "phase('update', {policy = 'fixed', accumulate = 2, %s, groups = {\n"
    "  {pattern = 'a.*', rule = 'sgd', lr = 0.01, momentum = 0.9},\n"
    "  {pattern = '*', rule = 'adamw', lr = 0.01, decay = 0.1}}})\n";

/* Compiles the model with these fields of its update and opens the plan. */
static Run *
make(const char *name, const char *fields)
{
    const char *sohoc = getenv("SOHOC");
    char path[128], command[512];
    FILE *out;
    Err e = {0};
    Run *run;

    snprintf(path, sizeof path, "%s/%s.lua", room, name);
    out = fopen(path, "w");
    if (!out || fprintf(out, model, fields) < 0 || fclose(out))
        exit(1);
    snprintf(command, sizeof command,
             "%s %s -o %s/%s --threads 1 >%s/out 2>&1 || cat %s/out >&2",
             sohoc ? sohoc : "build/sohoc", path, room, name, room, room);
    snprintf(path, sizeof path, "%s/%s/plan.bin", room, name);
    if (system(command) || run_open(&e, path, 0, &run) ||
        soho_init((Soho *)run, 5)) {
        fprintf(stderr, "%s\n", e.text);
        exit(1);
    }
    return run;
}

static u32
phase(const Run *run, const char *name)
{
    u32 i;
    Err e = {0};

    if (plan_find_phase(&e, &run->plan, name, strlen(name), &i))
        exit(1);
    return i;
}

/* One window, whose second micro-batch may hold an infinity. */
static void
window(Run *run, int overflow)
{
    u32 train = phase(run, "train"), update = phase(run, "update");
    SohoStep *step = run_step(run);
    const PlanBuffer *row;
    f32 *x = door_find(run, train, "answers", &row);

    for (u32 k = 0; k < 2; k++) {
        step->window = k;
        for (u32 i = 0; i < 16; i++)
            x[i] = (f32)((step->t * 7 + i * 5) % 11) / 8 - 0.5f;
        if (overflow && k)
            x[3] = INFINITY;
        if (run_phase(run, train))
            exit(1);
        step->t++;
    }
    if (run_phase(run, update))
        exit(1);
}

static const f32 *
values(Run *run, const char *name)
{
    return run_buffer(run, plan_buffer(&run->plan, name));
}

/* Weights, moments and state of two runs, bit for bit or nearly. */
static int
same(Run *a, Run *b, f64 bound)
{
    static const struct {
        const char *name;
        u32 n;
    } tensor[] = {{"a.w", 32},         {"b.w", 12},         {"moment1.a.w", 32},
                  {"moment1.b.w", 12}, {"moment2.b.w", 12}, {"mean", 8},
                  {"good.mean", 8}};

    for (u32 i = 0; i < countof(tensor); i++) {
        const f32 *x = values(a, tensor[i].name);
        const f32 *y = values(b, tensor[i].name);

        for (u32 k = 0; k < tensor[i].n; k++)
            if (!(fabs((f64)x[k] - (f64)y[k]) <=
                  bound * (1e-3 + fabs((f64)y[k]))))
                return 0;
    }
    return 1;
}

/* ------------------------------------------------------------------- tests */

/* A power of two changes no bit where nothing is clipped. */
static void
fixed(void)
{
    Run *plain = make("plain", "clip = 0"), *one = make("one", "loss_scale=1");
    Run *scaled = make("scaled", "loss_scale = 128");
    Run *clipped = make("clipped", "loss_scale = 100, clip = 0.01");
    Run *unscaled = make("unscaled", "clip = 0.01");
    int good = 1, near = 1;

    check(plain->plan.nstep == one->plan.nstep &&
              scaled->plan.nstep == one->plan.nstep + 3,
          "one-is-off", "a scale of 1 adds steps, or 128 adds others");
    for (u32 i = 0; i < 5; i++) {
        window(plain, 0);
        window(scaled, 0);
        window(clipped, 0);
        window(unscaled, 0);
        good &=
            values(scaled, "grad.b.w")[5] == 128 * values(plain, "grad.b.w")[5];
        good &= run_step(plain)->grad_norm == run_step(scaled)->grad_norm;
        near &= fabs((f64)run_step(clipped)->grad_norm /
                         (f64)run_step(unscaled)->grad_norm -
                     1) < 1e-6;
    }
    check(good && same(plain, scaled, 0), "power-of-two-is-exact",
          "other weights with a scale of 128");
    check(near && same(clipped, unscaled, 1e-4), "clips-as-without",
          "other weights with a scale of 100 and clipping");
    check(run_step(scaled)->loss_scale == 128 &&
              run_step(plain)->loss_scale == 0,
          "fixed-stays", "another scale");
    run_close(plain);
    run_close(one);
    run_close(scaled);
    run_close(clipped);
    run_close(unscaled);
}

/* What a dynamic scaler does after an update. */
typedef struct Scaler {
    f64 scale, most;
    u32 window, good;
} Scaler;

static void
move(Scaler *s, int overflow)
{
    if (overflow) {
        s->scale /= 2;
        s->good = 0;
    } else if (++s->good == s->window) {
        s->scale = fmin(s->most, s->scale * 2);
        s->good = 0;
    }
}

/* 'o' overflows; the run without a scale sees the same windows, and skips. */
static void
dynamic(const char *name, const char *fields, Scaler s, const char *windows)
{
    Run *run = make(name, fields), *plain = make("beside", "clip = 4");
    Run *next = NULL;
    u32 skipped = 0;
    int good = 1, half = (int)strlen(windows) / 2;
    char path[128];
    Err e = {0};

    for (int i = 0; windows[i]; i++) {
        int overflow = windows[i] == 'o';
        f32 before[12];

        memcpy(before, values(run, "b.w"), sizeof before);
        window(run, overflow);
        window(plain, overflow);
        move(&s, overflow);
        skipped += (u32)overflow;
        good &= run_step(run)->loss_scale == (f32)s.scale &&
                run_step(run)->unskipped == s.good &&
                run_step(run)->skipped == skipped &&
                run_step(run)->finite == (u32)!overflow;
        good &= overflow ==
                (memcmp(before, values(run, "b.w"), sizeof before) == 0);
        if (i != half)
            continue;
        snprintf(path, sizeof path, "%s/%s.safetensors", room, name);
        next = make(name, fields);
        memcpy(run_buffer(next, plan_buffer(&next->plan, "a.w")),
               values(run, "a.w"), 32 * sizeof(f32));
        memcpy(run_buffer(next, plan_buffer(&next->plan, "b.w")),
               values(run, "b.w"), 12 * sizeof(f32));
        memcpy(run_buffer(next, plan_buffer(&next->plan, "mean")),
               values(run, "mean"), 8 * sizeof(f32));
        if (state_save(&e, run, path) || state_load(&e, next, path))
            exit(1);
    }
    check(good, name, "the scale is not where a scaler would have it");
    check(same(run, plain, 1e-4), name, "other weights than without a scale");
    for (int i = half + 1; windows[i]; i++)
        window(next, windows[i] == 'o');
    check(same(run, next, 0) &&
              run_step(run)->loss_scale == run_step(next)->loss_scale,
          name, "other bits after going on from a saved state");
    run_close(run);
    run_close(plain);
    run_close(next);
}

int
main(void)
{
    char command[128];

    snprintf(room, sizeof room, "%s/soho-scale-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(room))
        return 1;
    fixed();
    dynamic("capped",
            "clip = 4, loss_scale = 'dynamic', max_loss_scale = 128, "
            "scale_window = 3",
            (Scaler){128, 128, 3, 0}, "..o...oo.o.........o..o......");
    dynamic("from-2-to-the-16",
            "clip = 4, loss_scale = 'dynamic', scale_window = 2",
            (Scaler){65536, 16777216, 2, 0}, "oo......................o...");
    snprintf(command, sizeof command, "rm -rf %s", room);
    return system(command) || failed;
}
