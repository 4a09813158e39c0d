/* cmd_bench.c - `soho-rt bench`: where the time of a phase goes.
 *
 * In: a plan; its doors are filled with plausible values, its weights with
 * their starting values.  Out: the time of a run by itself, and of one of many
 * under way as in training; then the median time of each step over N runs,
 * summed by kind of library call and by kernel, as a table or as JSON; on a
 * device whose ceilings are known, what of the roofline that is: the time that
 * a step's operations or bytes need at least, over the time it took (Williams
 * et al. 2009, "Roofline"). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/cmd.h"
#include "runtime/plausible.h"

enum { WARM_UP = 2 };

/* One row of the table: all steps that call the same thing. */
typedef struct Row {
    const char *name;
    int library;
    u32 steps;
    f64 ms, flop, bytes, floor; /* floor: ms at the ceilings */
} Row;

typedef struct Bench {
    const char *plan, *phase_name;
    u64 runs;
    int json, trace;
    Run *run;
    u32 phase;
    u64 *ns;            /* [step of the phase][run] */
    u64 *total;         /* [run] */
    u64 *alone, *among; /* [run] ns of a whole run, and of one among others */
    RunCeiling ceiling;
    Row *row; /* room for every step */
    u32 nrow;
} Bench;

/* --------------------------------------------------------------- measuring */

/* The phase that is asked for; else infer, else the first of the plan. */
static int
choose_phase(Err *e, Bench *b, const Plan *plan)
{
    if (b->phase_name)
        return plan_find_phase(e, plan, b->phase_name, strlen(b->phase_name),
                               &b->phase);
    FAIL_IF(!plan->nphase, e, SOHO_BAD, "%s: has no phase", b->plan);
    for (u32 i = plan->nphase; i-- > 0;)
        if (plan->phase[i].kind == PH_infer)
            b->phase = i;
    return 0;
}

static int
open_bench(Err *e, Bench *b)
{
    Plan plan;
    u32 kinds = 1u << PH_init;

    if (!plan_open(e, b->plan, &plan) && !choose_phase(e, b, &plan))
        kinds |= 1u << plan.phase[b->phase].kind;
    plan_close(&plan);
    TRY(e->code);
    TRY(run_open(e, b->plan, kinds, &b->run));
    for (u32 i = 0; i < b->run->plan.nphase; i++)
        if (b->run->plan.phase[i].kind == PH_init)
            return soho_init((Soho *)b->run, 1) ? (*e = b->run->err).code : 0;
    return 0;
}

static u64
clock_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (u64)t.tv_sec * 1000000000 + (u64)t.tv_nsec;
}

static int
fill_doors(Err *e, Bench *b)
{
    const PlanPhase *h = &b->run->plan.phase[b->phase];

    b->ns = calloc(h->nstep * b->runs + 1, sizeof *b->ns);
    b->total = calloc(b->runs, sizeof *b->total);
    b->alone = calloc(b->runs, sizeof *b->alone);
    b->among = calloc(b->runs, sizeof *b->among);
    b->row = calloc(h->nstep + 1, sizeof *b->row);
    FAIL_IF(!b->ns || !b->total || !b->row || !b->alone || !b->among, e,
            SOHO_MEMORY, "no memory for the times of %u steps", h->nstep);
    plausible_doors(b->run, b->phase);
    return 0;
}

static int
failed(Err *e, const Bench *b)
{
    *e = b->run->err;
    return e->code;
}

/* Numbers of run r; a pack phase runs where weights have changed. */
static void
next_run(Bench *b, u64 r)
{
    soho_step((Soho *)b->run, 1, (u32)r, 0, 0);
    if (b->run->plan.phase[b->phase].kind == PH_pack)
        b->run->weights_version++;
}

/* Runs by themselves, from doors to doors; the pack phase runs before the first
 * and is not counted. */
static int
measure_alone(Err *e, Bench *b)
{
    for (u64 r = 0; r < b->runs + WARM_UP; r++) {
        u64 begin;

        next_run(b, r);
        begin = clock_ns();
        if (run_phase(b->run, b->phase))
            return failed(e, b);
        if (r >= WARM_UP)
            b->alone[r - WARM_UP] = clock_ns() - begin;
    }
    return 0;
}

/* As many under way as there are sides. */
static int
measure_among(Err *e, Bench *b)
{
    u64 ticket[RUN_SIDES] = {0}, last = 0, n = b->run->nside;

    for (u64 r = 0; r < b->runs + WARM_UP + n; r++) {
        u64 now;

        if (r >= n && run_settle(b->run, ticket[r % n]))
            return failed(e, b);
        now = clock_ns();
        if (r >= WARM_UP + n)
            b->among[r - WARM_UP - n] = now - last;
        last = now;
        next_run(b, r);
        if (run_submit(b->run, b->phase, &ticket[r % n]))
            return failed(e, b);
    }
    for (u64 k = 0; k < n; k++)
        if (run_settle(b->run, ticket[k]))
            return failed(e, b);
    return 0;
}

static int
measure_steps(Err *e, Bench *b)
{
    const PlanPhase *h = &b->run->plan.phase[b->phase];
    const u64 *now = run_times(b->run);

    b->run->trace = 1;
    for (u64 r = 0; r < b->runs + WARM_UP; r++) {
        u64 run = r - WARM_UP;

        next_run(b, r);
        if (run_phase(b->run, b->phase))
            return failed(e, b);
        for (u32 s = 0; r >= WARM_UP && s < h->nstep; s++) {
            b->ns[s * b->runs + run] = now[h->step + s];
            b->total[run] += now[h->step + s];
        }
    }
    b->run->trace = 0;
    return 0;
}

static int
measure(Err *e, Bench *b)
{
    TRY(fill_doors(e, b));
    TRY(measure_alone(e, b));
    TRY(measure_among(e, b));
    TRY(measure_steps(e, b));
    return run_ceiling(b->run, &b->ceiling) ? failed(e, b) : 0;
}

static int
by_number(const void *a, const void *b)
{
    u64 x = *(const u64 *)a, y = *(const u64 *)b;

    return x < y ? -1 : x > y;
}

/* In milliseconds; sorts the times. */
static f64
median(u64 *ns, u64 n)
{
    qsort(ns, n, sizeof *ns, by_number);
    return (f64)(ns[(n - 1) / 2] + ns[n / 2]) / 2e6;
}

/* Milliseconds of whole runs. */
typedef struct Spread {
    f64 median, least, most;
} Spread;

static Spread
spread(u64 *ns, u64 n)
{
    f64 middle = median(ns, n);

    return (Spread){middle, (f64)ns[0] * 1e-6, (f64)ns[n - 1] * 1e-6};
}

/* ----------------------------------------------------------------- summing */

/* What a step calls: "conv forward", "gemm", or the kernel's name. */
static const char *
name_step(const Plan *plan, const PlanStep *s, int *library)
{
    static const char *const conv[] = {"conv forward", "conv backward data",
                                       "conv backward weights"};

    *library = s->kind != ST_kernel && s->kind != ST_fill;
    switch (s->kind) {
    case ST_kernel:
        return plan_text(plan, plan->kernel[s->what].symbol);
    case ST_conv:
        return conv[plan->conv[s->what].dir];
    case ST_gemm:
        return "gemm";
    case ST_fill:
        return "fill";
    default:
        return "pack weights";
    }
}

/* Milliseconds that a step's operations or bytes take at the ceilings. */
static f64
floor_of(const Bench *b, const PlanStep *s)
{
    const Plan *plan = &b->run->plan;
    const RunCeiling *c = &b->ceiling;
    u32 post = s->kind == ST_gemm   ? plan->gemm[s->what].post
               : s->kind == ST_conv ? plan->conv[s->what].post
                                    : 0;
    u32 type = s->kind == ST_gemm   ? plan->gemm[s->what].dtype[1]
               : s->kind == ST_conv ? plan->conv[s->what].dtype[1]
               : s->flop ? plan->buffer[plan->arg[s->arg + 1].buffer].dtype
                         : DT_f32; /* of a kernel that counts: its input's */
    f64 most = dtype_half(type) ? c->half : post & POST_tf32 ? c->tf32 : c->f32;
    f64 moves = c->bytes > 0 ? 1e3 * (f64)s->bytes / c->bytes : 0;
    f64 computes = most > 0 ? 1e3 * (f64)s->flop / most : 0;

    return moves > computes ? moves : computes;
}

static int
by_time(const void *a, const void *b)
{
    const Row *x = a, *y = b;

    return x->ms > y->ms ? -1 : x->ms < y->ms;
}

static void
sum_rows(Bench *b)
{
    const Plan *plan = &b->run->plan;
    const PlanPhase *h = &plan->phase[b->phase];

    for (u32 s = 0; s < h->nstep; s++) {
        const PlanStep *step = &plan->step[h->step + s];
        int library;
        const char *name = name_step(plan, step, &library);
        Row *row = b->row;

        while (row < b->row + b->nrow && strcmp(row->name, name))
            row++;
        if (row == b->row + b->nrow)
            *row = (Row){.name = name, .library = library}, b->nrow++;
        row->steps++;
        row->ms += median(b->ns + s * b->runs, b->runs);
        row->flop += (f64)step->flop;
        row->bytes += (f64)step->bytes;
        row->floor += floor_of(b, step);
    }
    qsort(b->row, b->nrow, sizeof *b->row, by_time);
}

/* ---------------------------------------------------------------- printing */

/* In units of 1e9 per second. */
static f64
rate(f64 amount, f64 ms)
{
    return ms > 0 ? amount / ms * 1e-6 : 0;
}

static void
print_trace(const Bench *b)
{
    const Plan *plan = &b->run->plan;
    const PlanPhase *h = &plan->phase[b->phase];

    for (u32 s = 0; s < h->nstep; s++) {
        const PlanStep *step = &plan->step[h->step + s];
        f64 ms = median(b->ns + s * b->runs, b->runs);
        char place[256];
        int library;

        printf("step %4u %9.3f ms %7.1f GFLOP/s %6.1f GB/s %s  ; %s\n",
               h->step + s, ms, rate((f64)step->flop, ms),
               rate((f64)step->bytes, ms), name_step(plan, step, &library),
               err_clean(place, sizeof place, plan_text(plan, step->place),
                         strlen(plan_text(plan, step->place))));
    }
}

/* What is known of the whole. */
typedef struct Sums {
    f64 ms, least, library;
    Spread alone, among;
    Row all;
} Sums;

static void
print_ceiling(const RunCeiling *c)
{
    if (c->bytes > 0)
        printf(
            "ceilings, measured: %.0f GB/s copied, %.1f f32, %.1f tf32, %.1f "
            "half TFLOP/s\n",
            c->bytes * 1e-9, c->f32 * 1e-12, c->tf32 * 1e-12, c->half * 1e-12);
}

static void
print_table(const Bench *b, const Sums *s)
{
    const Plan *plan = &b->run->plan;
    const Row *all = &s->all;

    printf("%s %s: %.3f ms by itself (%.3f to %.3f), %.3f ms among others "
           "(%.3f to %.3f), medians of %llu\n",
           b->plan, plan_text(plan, plan->phase[b->phase].name),
           s->alone.median, s->alone.least, s->alone.most, s->among.median,
           s->among.least, s->among.most, (unsigned long long)b->runs);
    print_ceiling(&b->ceiling);
    printf("step by step %.3f ms (least %.3f), %u steps, %.2f GFLOP, %.1f "
           "GFLOP/s\n",
           s->ms, s->least, all->steps, all->flop * 1e-9,
           rate(all->flop, s->ms));
    printf("       ms  share steps GFLOP/s   GB/s  roof  what\n");
    for (u32 i = 0; i < b->nrow; i++) {
        const Row *r = &b->row[i];

        char roof[16] = "-";

        if (r->floor > 0 && r->ms > 0)
            snprintf(roof, sizeof roof, "%.0f%%", 100 * r->floor / r->ms);
        printf("%9.3f %5.1f%% %5u %7.1f %6.1f %5s  %s%s\n", r->ms,
               100 * r->ms / all->ms, r->steps, rate(r->flop, r->ms),
               rate(r->bytes, r->ms), roof, r->library ? "library " : "",
               r->name);
    }
    printf("libraries %.1f%%, own kernels %.1f%%", 100 * s->library / all->ms,
           100 - 100 * s->library / all->ms);
    if (all->floor > 0)
        printf("; at the ceilings %.3f ms", all->floor);
    putchar('\n');
}

static void
print_json(const Bench *b, const Sums *s)
{
    const Plan *plan = &b->run->plan;
    const RunCeiling *c = &b->ceiling;

    printf("{\"phase\":\"%s\",\"runs\":%llu,\"ms\":%.6g,\"least_ms\":%.6g,"
           "\"alone_ms\":[%.6g,%.6g,%.6g],\"among_ms\":[%.6g,%.6g,%.6g],"
           "\"library_ms\":%.6g,\"kernel_ms\":%.6g,\"floor_ms\":%.6g,"
           "\"flop\":%.0f,\"ceiling\":{\"bytes\":%.4g,\"f32\":%.4g,"
           "\"tf32\":%.4g,\"half\":%.4g},\"rows\":[",
           plan_text(plan, plan->phase[b->phase].name),
           (unsigned long long)b->runs, s->ms, s->least, s->alone.median,
           s->alone.least, s->alone.most, s->among.median, s->among.least,
           s->among.most, s->library, s->all.ms - s->library, s->all.floor,
           s->all.flop,
           c->bytes, c->f32, c->tf32, c->half);
    for (u32 i = 0; i < b->nrow; i++) {
        const Row *r = &b->row[i];

        printf("%s{\"what\":\"%s\",\"library\":%s,\"steps\":%u,\"ms\":%.6g,"
               "\"flop\":%.0f,\"bytes\":%.0f,\"floor_ms\":%.6g}",
               i ? "," : "", r->name, r->library ? "true" : "false", r->steps,
               r->ms, r->flop, r->bytes, r->floor);
    }
    puts("]}");
}

static void
print(Bench *b)
{
    Sums s = {.ms = median(b->total, b->runs),
              .least = (f64)b->total[0] * 1e-6,
              .alone = spread(b->alone, b->runs),
              .among = spread(b->among, b->runs)};

    sum_rows(b);
    for (u32 i = 0; i < b->nrow; i++) {
        s.all.steps += b->row[i].steps;
        s.all.ms += b->row[i].ms;
        s.all.flop += b->row[i].flop;
        s.all.floor += b->row[i].floor;
        s.library += b->row[i].library ? b->row[i].ms : 0;
    }
    if (b->trace)
        print_trace(b);
    if (b->json)
        print_json(b, &s);
    else
        print_table(b, &s);
}

int
cmd_bench(int argc, char **argv)
{
    Bench b = {.runs = 10};
    const Option options[] = {
        {OPT_OPERAND, "PLAN", NULL, &b.plan, 1, "plan.bin"},
        {OPT_OPERAND, "PHASE", NULL, &b.phase_name, 0,
         "phase to time (the first infer phase)"},
        {OPT_COUNT, "--steps", "N", &b.runs, 0, "runs to take medians of (10)"},
        {OPT_FLAG, "--trace", NULL, &b.trace, 0, "a line for every step"},
        {OPT_FLAG, "--json", NULL, &b.json, 0, "one JSON object"},
        {0},
    };
    int code = cmd_options(options, "Times the steps of a phase.", argc, argv);
    Err e = {0};

    if (code >= 0)
        return code;
    if (b.runs < 1 || b.runs > 100000)
        err_set(&e, SOHO_USAGE, "--steps %llu: expected 1 to 100000",
                (unsigned long long)b.runs);
    if (!e.code && !open_bench(&e, &b) && !measure(&e, &b))
        print(&b);
    free(b.ns);
    free(b.total);
    free(b.alone);
    free(b.among);
    free(b.row);
    run_close(b.run);
    return e.code ? cmd_fail(argv[0], &e) : 0;
}
