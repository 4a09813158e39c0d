/* sohoc_place.c - order, place, verify and planwrite on steps made by hand and
 * by chance; the runtime reads every plan back. */
#include <sys/wait.h>
#include <unistd.h>

#include "compiler/sohoc.h"
#include "runtime/random.h"
#include "runtime/run.h"

static int failed;

static void
check(bool good, const char *name, const char *why)
{
    if (good)
        printf("ok place/%s\n", name);
    else
        printf("not ok place/%s: %s\n", name, why);
    failed |= !good;
}

/* ----------------------------------------------------------- programs by hand
 */

static Prog
prog_new(void)
{
    const char *tmp = getenv("TMPDIR");
    Prog p = {.opt = {.model = "models/by_hand.lua",
                      .out = tmp ? tmp : "/tmp",
                      .target = &target_null,
                      .threads = 1}};
    i32 words = sizeof(SohoStep) / sizeof(f32);
    Type step = {DT_i32, 1, {words}};
    Kernel *k = PUSH(p.kernel, p.nkernel, p.kernel_cap);

    *k = (Kernel){.name = "work", .tmpl = "elem"};
    buf_add(&p, "step", &step, AR_state, RO_step, -1, "");
    p.state = HAS_STEPS;
    return p;
}

static Func *
add_func(Prog *p, const char *name, u32 kind)
{
    Func *f = PUSH(p->func, p->nfunc, p->func_cap);

    *f = (Func){
        .name = intern(name), .kind = (u8)kind, .loss = VAL_NONE, .pack = -1};
    return f;
}

static u32
floats(Prog *p, const char *name, i32 n, u32 arena, u32 role, i32 func)
{
    Type t = {DT_f32, 1, {n}};

    return buf_add(p, name, &t, arena, role, func, "m.lua:1");
}

static u32
range(Prog *p, const char *name, u32 arena, u32 role, i32 group,
      const char *prefix)
{
    u32 b = floats(p, name, 1, arena, RO_range, -1);

    p->buf[b].bytes = 0;
    p->buf[b].span_role = (u8)role;
    p->buf[b].span_group = group;
    p->buf[b].span_prefix = prefix;
    return b;
}

/* Modes and buffers in pairs, ended by 0. */
static void
add_step(Func *f, const char *name, const u32 *arg)
{
    Step *s = PUSH(f->step, f->nstep, f->step_cap);

    *s = (Step){.kind = ST_kernel, .name = name, .place = "m.lua:2"};
    for (; arg[2 * s->narg]; s->narg++)
        ;
    s->arg = mem_alloc(s->narg * sizeof *s->arg);
    for (u32 k = 0; k < s->narg; k++)
        s->arg[k] = (PlanArg){.kind = ARG_buffer,
                              .mode = (u8)arg[2 * k],
                              .buffer = arg[2 * k + 1]};
}
#define STEP(f, name, ...) add_step(f, name, (const u32[]){__VA_ARGS__, 0})

enum { R = ACCESS_r, W = ACCESS_w, RW = ACCESS_rw };

/* order, place and the verifier after each. */
static void
run(Prog *p)
{
    verify(p, "lower");
    pass_order(p);
    p->state |= HAS_ORDER;
    verify(p, "order");
    pass_place(p);
    p->state |= HAS_PLACE;
    verify(p, "place");
}

/* Whether the runtime accepts the plan that planwrite makes of p. */
static bool
accepted(Prog *p, const char **why)
{
    static Err err;
    Plan plan;
    const char *path = format("%s/plan.bin", p->opt.out);
    bool good;

    pass_planwrite(p);
    err_clear(&err);
    good = plan_open(&err, path, &plan) == 0;
    *why = err.text;
    plan_close(&plan);
    unlink(path);
    return good;
}

/* ------------------------------------------------------------------ orders */

/* Two long branches of large values meet: one after the other is better. */
static void
order_branches(void)
{
    Prog p = prog_new();
    Func *f = add_func(&p, "infer@1x1", PH_infer);
    u32 x = floats(&p, "infer@1x1.x", 16, AR_io, RO_input, 0);
    u32 y = floats(&p, "infer@1x1.y", 16, AR_io, RO_output, 0);
    u32 big[2], small[2];

    for (u32 i = 0; i < 2; i++) {
        big[i] =
            floats(&p, format("infer@1x1.big%u", i), 10000, AR_act, RO_act, 0);
        small[i] =
            floats(&p, format("infer@1x1.small%u", i), 16, AR_act, RO_act, 0);
    }
    STEP(f, "grow0", W, big[0], R, x);
    STEP(f, "grow1", W, big[1], R, x);
    STEP(f, "shrink0", W, small[0], R, big[0]);
    STEP(f, "shrink1", W, small[1], R, big[1]);
    STEP(f, "add", W, y, R, small[0], R, small[1]);
    run(&p);
    check(p.need[AR_act] < 50000, "branches-one-after-the-other",
          format("%llu bytes", (unsigned long long)p.need[AR_act]));
}

/* An order that is as good already stays as the model says. */
static void
order_keeps(void)
{
    Prog p = prog_new();
    Func *f = add_func(&p, "update", PH_update);
    u32 a = floats(&p, "w.a", 8, AR_param, RO_param, -1);
    u32 b = floats(&p, "w.b", 8, AR_param, RO_param, -1);

    STEP(f, "first", W, a);
    STEP(f, "second", W, b);
    STEP(f, "third", RW, a, R, b);
    run(&p);
    check(!strcmp(p.func[0].step[0].name, "first") &&
              !strcmp(p.func[0].step[2].name, "third"),
          "equal-order-stays", "steps moved without a gain");
}

/* ------------------------------------------------------------------ layout */

static bool
follows(const Prog *p, const char *a, const char *b)
{
    const Buf *x = &p->buf[buf_find(p, a)], *y = &p->buf[buf_find(p, b)];

    return y->offset == align_up(x->offset + x->bytes, PLAN_ALIGN);
}

static void
add_state(Prog *p)
{
    static const char *const param[] = {"frozen", "b.w", "a.w", "b.bias"};
    static const char *const shadow[] = {"grad", "moment1", "moment2"};
    static const i32 group[] = {-1, 1, 0, 1};

    for (u32 i = 0; i < 4; i++) {
        i32 n = 5 + 20 * (i32)i;
        u32 b = floats(p, param[i], n, AR_param, RO_param, -1);

        p->buf[b].group = group[i];
        for (u32 k = 0; k < 3 && group[i] >= 0; k++) {
            const char *name = format("%s.%s", shadow[k], param[i]);

            b = floats(p, name, n, k ? AR_state : AR_grad,
                       k ? RO_moment : RO_grad, -1);
            p->buf[b].group = group[i];
        }
    }
    for (u32 i = 0; i < 3; i++) {
        floats(p, format("good.bn%u", 2 - i), 3 + 2 - (i32)i, AR_state, RO_good,
               -1);
        floats(p, format("bn%u", i), 3 + (i32)i, AR_state, RO_state, -1);
    }
}

static void
layout(void)
{
    Prog p = prog_new();
    Func *f = add_func(&p, "update", PH_update);
    const char *why;
    u32 w, g, m, live, good, none, empty;
    PlanArg *arg;
    bool read;

    add_state(&p);
    w = range(&p, "range.param1", AR_param, RO_param, 1, "");
    g = range(&p, "range.grad1", AR_grad, RO_grad, 1, "");
    m = range(&p, "range.moment2.1", AR_state, RO_moment, 1, "moment2.");
    live = range(&p, "range.live", AR_state, RO_state, -1, "");
    good = range(&p, "range.good", AR_state, RO_good, -1, "");
    none = range(&p, "range.none", AR_param, RO_param, 7, "");
    STEP(f, "adamw", RW, w, R, g, RW, m, R, 0);
    STEP(f, "commit", W, good, R, live, R, none);
    empty = f->nstep;
    STEP(f, "length", R, w, R, none);
    arg = f->step[empty].arg;
    arg[0] = (PlanArg){.kind = ARG_int, .spare = 1, .buffer = w};
    arg[1] = (PlanArg){.kind = ARG_int, .spare = 1, .buffer = none};
    run(&p);
    check(p.buf[buf_find(&p, "a.w")].offset == 0 && follows(&p, "a.w", "b.w") &&
              follows(&p, "b.w", "b.bias") && follows(&p, "b.bias", "frozen"),
          "param-by-group-none-last", "another order");
    check(follows(&p, "grad.a.w", "grad.b.w") &&
              follows(&p, "grad.b.w", "grad.b.bias"),
          "grad-like-param", "another order");
    check(p.buf[0].offset == 0 && follows(&p, "step", "bn0") &&
              follows(&p, "bn0", "bn1") && follows(&p, "bn2", "good.bn0") &&
              follows(&p, "good.bn1", "good.bn2") &&
              follows(&p, "good.bn2", "moment1.a.w") &&
              follows(&p, "moment1.b.bias", "moment2.a.w"),
          "state-step-live-good-moments", "another order");
    /* b.w of 25, gap to 32, b.bias of 65 numbers */
    check(arg[0].value == 32 + 65 && arg[1].value == 0 &&
              p.buf[w].bytes == 4 * 97 && p.buf[m].bytes == 4 * 97,
          "range-with-its-gaps",
          format("%lld numbers", (long long)arg[0].value));
    read = accepted(&p, &why);
    check(read, "layout-read-back", why);
}

/* ------------------------------------------------------------------- chance */

enum { SEED = 7 };

static u32
draw(u32 t, u32 i, u32 n)
{
    return random_below(SEED, random_site("place"), t, i, n);
}

/* A phase of steps that read some earlier values and write a new one. */
static void
chance_func(Prog *p, u32 t, u32 which)
{
    const char *name = format("infer@%ux%u", t + 1, which + 1);
    Func *f = add_func(p, name, PH_infer);
    u32 value[64], n = 3 + draw(t, which, 50), at = 100 * which + 10;
    u32 x = floats(p, format("%s.x", name), 9, AR_io, RO_input, (i32)which);
    u32 y = floats(p, format("%s.y", name), 9, AR_io, RO_output, (i32)which);

    for (u32 i = 0; i < n; i++) {
        i32 size = 1 + (i32)draw(t, at++, 3000);

        value[i] = floats(p, format("%s.v%u", name, i), size, AR_act, RO_act,
                          (i32)which);
        f = &p->func[which];
        if (i < 2)
            STEP(f, "leaf", W, value[i], R, x);
        else
            STEP(f, "work", W, value[i], R, value[draw(t, at++, i)], R,
                 value[draw(t, at++, i)]);
    }
    STEP(f, "out", W, y, R, value[n - 1], R, 0);
}

/* Largest sum of live bytes: no placement needs less. */
static u64
least_of(const Prog *p, const Func *f)
{
    u64 peak = 0;

    for (u32 i = 0; i < f->nstep; i++) {
        u64 live = 0;

        for (u32 b = 0; b < p->nbuf; b++) {
            u32 first = PLAN_NONE, last = 0;

            for (u32 s = 0; s < f->nstep && p->buf[b].arena == AR_act; s++)
                for (u32 k = 0; k < f->step[s].narg; k++)
                    if (f->step[s].arg[k].buffer == b) {
                        first = first == PLAN_NONE ? s : first;
                        last = s;
                    }
            if (first <= i && i <= last)
                live += align_up(p->buf[b].bytes, PLAN_ALIGN);
        }
        peak = live > peak ? live : peak;
    }
    return peak;
}

/* What one program of two phases by chance gives. */
typedef struct Chance {
    u64 before, least; /* live bytes at their peak: without and with order */
    u64 all, placed;
} Chance;

static u64
peak(const Prog *p)
{
    u64 a = least_of(p, &p->func[0]), b = least_of(p, &p->func[1]);

    return a > b ? a : b;
}

static Chance
try_chance(u32 t, Prog *p)
{
    Chance c = {0};
    u64 total[2] = {0};

    *p = prog_new();
    p->opt.guard = t % 3 == 1;
    p->opt.no_reuse = t % 3 == 2;
    for (u32 i = 0; i < 2; i++)
        chance_func(p, t, i);
    c.before = peak(p);
    run(p);
    c.least = peak(p);
    c.placed = p->need[AR_act];
    for (u32 b = 0; b < p->nbuf; b++)
        if (p->buf[b].arena == AR_act)
            total[p->buf[b].func] += align_up(p->buf[b].bytes, PLAN_ALIGN);
    c.all = total[0] > total[1] ? total[0] : total[1];
    return c;
}

static void
chance(void)
{
    enum { N = 90 };
    f64 over = 0, saved = 0, gain = 0;
    bool read = true, fits = true;
    const char *why = "", *last = "";
    Prog p;

    for (u32 t = 0; t < N; t++) {
        Chance c = try_chance(t, &p);

        fits &= c.least <= c.before && c.placed + 63 >= c.least;
        gain += (f64)c.least / (f64)c.before;
        if (t % 3 == 0) {
            over += (f64)c.placed / (f64)c.least;
            saved += (f64)c.placed / (f64)c.all;
        } else if (t % 3 == 2) {
            fits &= align_up(c.placed, PLAN_ALIGN) == c.all;
        }
        if (!accepted(&p, &why)) {
            read = false;
            last = why;
        }
    }
    printf("# %d random programs: order leaves %.3f of the peak; place takes "
           "%.3f of the live bytes, %.3f of all\n",
           N, gain / N, over / (N / 3), saved / (N / 3));
    check(fits, "chance-between-bounds", "less than the live bytes, or more");
    check(read, "chance-read-back", last);
    check(gain / N < 0.95, "chance-order-gains", "no smaller peak");
    check(over / (N / 3) < 1.10, "chance-near-least", "over 1.1");
    check(saved / (N / 3) < 0.75, "chance-reuses", "over 0.75");
}

/* ----------------------------------------------------------------- verifier */

/* Whether verify() refuses p: it ends a child with SOHO_BUG. */
static bool
refused(const Prog *p)
{
    int status = 0;
    pid_t child;

    fflush(stdout);
    child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stderr))
            _exit(1);
        verify(p, "test");
        _exit(0);
    }
    return child > 0 && waitpid(child, &status, 0) == child &&
           WIFEXITED(status) && WEXITSTATUS(status) == SOHO_BUG;
}

/* One thing is broken at a time. */
static void
verifier(void)
{
    Prog p = prog_new();
    Func *f = add_func(&p, "infer@1x1", PH_infer);
    u32 x = floats(&p, "infer@1x1.x", 16, AR_io, RO_input, 0);
    u32 y = floats(&p, "infer@1x1.y", 16, AR_io, RO_output, 0);
    u32 u = floats(&p, "infer@1x1.u", 100, AR_act, RO_act, 0);
    u32 v = floats(&p, "infer@1x1.v", 100, AR_act, RO_act, 0);
    u32 w = floats(&p, "w", 10, AR_param, RO_param, -1);
    u32 r = range(&p, "range.w", AR_param, RO_param, -1, "");
    Step kept;

    STEP(f, "one", W, u, R, x, R, w);
    STEP(f, "two", W, v, R, u, R, r);
    STEP(f, "three", W, y, R, v);
    STEP(f, "four", RW, w);
    run(&p);
    check(!refused(&p), "verify-accepts", "refuses a good program");
#define BREAK(name, lvalue, value)                                             \
    do {                                                                       \
        __typeof__(lvalue) old = (lvalue);                                     \
        (lvalue) = (value);                                                    \
        check(refused(&p), "verify-" name, "accepted");                        \
        (lvalue) = old;                                                        \
    } while (0)
    BREAK("overlap", p.buf[v].offset, p.buf[u].offset);
    BREAK("alignment", p.buf[u].offset, p.buf[u].offset + 32);
    BREAK("bounds", p.need[AR_act], 64);
    BREAK("range-length", p.buf[r].bytes, 44);
    BREAK("buffer-of-none", f->step[0].arg[0].buffer, p.nbuf);
    BREAK("offset-beyond", f->step[0].arg[0].value, 400);
    BREAK("door-not-written", f->step[2].arg[0].buffer, v);
    BREAK("row-of-none", f->step[1].what, 1);
    BREAK("name-twice", p.buf[v].name, p.buf[u].name);
    kept = f->step[0];
    BREAK("read-before-write", f->step[0], f->step[1]);
    BREAK("step-lost", f->step[3], f->step[2]);
    f->step[0] = f->step[3];
    f->step[3] = kept;
    check(refused(&p), "verify-write-before-read", "accepted");
}

int
main(void)
{
    ops_init();
    order_branches();
    order_keeps();
    layout();
    chance();
    verifier();
    return failed;
}
