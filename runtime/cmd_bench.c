/* cmd_bench.c - `soho-rt bench`: where the time of a phase goes.
 *
 * In: a plan; its doors are filled with plausible values, its weights with
 * their starting values.  Out: the median time of each step over N runs, summed
 * by kind of library call and by kernel, as a table or as JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cmd.h"
#include "runtime/run.h"

enum { WARM_UP = 2 };

/* One row of the table: all steps that call the same thing. */
typedef struct Row {
    const char *name;
    int library;
    u32 steps;
    f64 ms, flop, bytes;
} Row;

typedef struct Bench {
    const char *plan, *phase_name;
    u64 runs;
    int json, trace;
    Run *run;
    u32 phase;
    u64 *ns;    /* [step of the phase][run] */
    u64 *total; /* [run] */
    Row *row;   /* room for every step */
    u32 nrow;
} Bench;

/* ------------------------------------------------------------------ inputs */

/* Ids below this are in every vocabulary of the plan. */
static u32
safe_ids(const Plan *plan)
{
    u32 lines = 0;

    for (u64 i = 0; i < plan->vocab_bytes; i++)
        lines += plan->vocab[i] == '\n';
    return lines < 2 ? 2 : lines < 1000 ? lines : 1000;
}

static void
fill_i32(const Plan *plan, const PlanPhase *h, const char *name, i32 *x, u64 n)
{
    u32 ids = safe_ids(plan);

    for (u64 i = 0; i < n; i++)
        x[i] = !strcmp(name, "image_size")   ? i % 2 ? h->width : h->height
               : !strcmp(name, "tokens")     ? (i32)(i * 7 % ids)
               : !strcmp(name, "token_mask") ? 1
               : !strcmp(name, "rows")       ? h->batch * h->sentences
                                             : 0;
}

/* Pictures without a pattern, full sizes, tokens that exist, one answer of
 * four. */
static void
fill_door(Run *run, const PlanPhase *h, const PlanDoor *d)
{
    const PlanBuffer *b = &run->plan.buffer[d->buffer];
    const char *name = plan_text(&run->plan, d->name);
    void *to = run_buffer(run, d->buffer);
    u64 n = b->bytes / dtype_bytes(b->dtype);

    if (b->dtype == DT_i32)
        fill_i32(&run->plan, h, name, to, n);
    for (u64 i = 0; b->dtype != DT_i32 && i < n; i++) {
        u32 noise = (u32)i * 2654435761u >> 24;

        if (b->dtype == DT_u8)
            ((u8 *)to)[i] = (u8)noise;
        else
            ((f32 *)to)[i] =
                strcmp(name, "answers") ? (f32)noise / 256 : i % 4 == 0;
    }
}

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
    b->run->trace = 1;
    for (u32 i = 0; i < b->run->plan.nphase; i++)
        if (b->run->plan.phase[i].kind == PH_init)
            return soho_init((Soho *)b->run, 1) ? (*e = b->run->err).code : 0;
    return 0;
}

/* All runs; the pack phase runs before the first and is not counted. */
static int
measure(Err *e, Bench *b)
{
    const Plan *plan = &b->run->plan;
    const PlanPhase *h = &plan->phase[b->phase];
    const u64 *now = run_times(b->run);

    b->ns = calloc(h->nstep * b->runs + 1, sizeof *b->ns);
    b->total = calloc(b->runs, sizeof *b->total);
    b->row = calloc(h->nstep + 1, sizeof *b->row);
    FAIL_IF(!b->ns || !b->total || !b->row, e, SOHO_MEMORY,
            "no memory for the times of %u steps", h->nstep);
    for (u32 d = h->door; d < h->door + h->ndoor; d++)
        if (!plan->door[d].out)
            fill_door(b->run, h, &plan->door[d]);
    for (u64 r = 0; r < b->runs + WARM_UP; r++) {
        u64 run = r - WARM_UP;

        soho_step((Soho *)b->run, 1, (u32)r, 0, 0);
        if (run_phase(b->run, b->phase))
            return (*e = b->run->err).code;
        for (u32 s = 0; r >= WARM_UP && s < h->nstep; s++) {
            b->ns[s * b->runs + run] = now[h->step + s];
            b->total[run] += now[h->step + s];
        }
    }
    return 0;
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

static void
print_table(const Bench *b, f64 ms, f64 least, const Row *all, f64 library)
{
    const Plan *plan = &b->run->plan;

    printf("%s %s: %.3f ms (median of %llu, least %.3f), %u steps, %.2f GFLOP, "
           "%.1f GFLOP/s\n",
           b->plan, plan_text(plan, plan->phase[b->phase].name), ms,
           (unsigned long long)b->runs, least, all->steps, all->flop * 1e-9,
           rate(all->flop, ms));
    printf("       ms  share steps GFLOP/s   GB/s  what\n");
    for (u32 i = 0; i < b->nrow; i++) {
        const Row *r = &b->row[i];

        printf("%9.3f %5.1f%% %5u %7.1f %6.1f  %s%s\n", r->ms,
               100 * r->ms / all->ms, r->steps, rate(r->flop, r->ms),
               rate(r->bytes, r->ms), r->library ? "library " : "", r->name);
    }
    printf("libraries %.1f%%, own kernels %.1f%%\n", 100 * library / all->ms,
           100 - 100 * library / all->ms);
}

static void
print_json(const Bench *b, f64 ms, f64 least, const Row *all, f64 library)
{
    const Plan *plan = &b->run->plan;

    printf("{\"phase\":\"%s\",\"runs\":%llu,\"ms\":%.6g,\"least_ms\":%.6g,"
           "\"onednn_ms\":%.6g,\"kernel_ms\":%.6g,\"flop\":%.0f,\"rows\":[",
           plan_text(plan, plan->phase[b->phase].name),
           (unsigned long long)b->runs, ms, least, library, all->ms - library,
           all->flop);
    for (u32 i = 0; i < b->nrow; i++) {
        const Row *r = &b->row[i];

        printf("%s{\"what\":\"%s\",\"onednn\":%s,\"steps\":%u,\"ms\":%.6g,"
               "\"flop\":%.0f,\"bytes\":%.0f}",
               i ? "," : "", r->name, r->library ? "true" : "false", r->steps,
               r->ms, r->flop, r->bytes);
    }
    puts("]}");
}

static void
print(Bench *b)
{
    f64 ms = median(b->total, b->runs), least = (f64)b->total[0] * 1e-6;
    f64 library = 0;
    Row all = {0};

    sum_rows(b);
    for (u32 i = 0; i < b->nrow; i++) {
        all.steps += b->row[i].steps;
        all.ms += b->row[i].ms;
        all.flop += b->row[i].flop;
        library += b->row[i].library ? b->row[i].ms : 0;
    }
    if (b->trace)
        print_trace(b);
    if (b->json)
        print_json(b, ms, least, &all, library);
    else
        print_table(b, ms, least, &all, library);
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
    free(b.row);
    run_close(b.run);
    return e.code ? cmd_fail(argv[0], &e) : 0;
}
