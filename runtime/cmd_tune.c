/* cmd_tune.c - `soho-rt tune`: times the candidates of a plan's library steps
 * on this device, and writes tuned.txt beside the plan. */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/cmd.h"
#include "runtime/plausible.h"
#include "runtime/tuned.h"

typedef struct Found {
    RunChoice *choice; /* room for every step */
    u32 n, changed;
    f64 first, now; /* ms of all */
} Found;

static void
note(void *context, const RunChoice *c)
{
    Found *f = context;

    f->choice[f->n++] = *c;
    f->changed += c->choice > 0;
    f->first += c->first_ms;
    f->now += c->ms;
}

/* Weights, doors, and each phase once: steps find numbers to work on. */
static int
run_all(Err *e, Run *run)
{
    const Plan *plan = &run->plan;

    for (u32 i = 0; i < plan->nphase && !run->err.code; i++)
        if (plan->phase[i].kind == PH_init)
            soho_init((Soho *)run, 1);
    for (u32 i = 0; i < plan->nphase && !run->err.code; i++) {
        if (plan->phase[i].kind == PH_init || plan->phase[i].kind == PH_update)
            continue;
        plausible_doors(run, i);
        run_phase(run, i);
    }
    *e = run->err;
    return e->code;
}

static int
tune(Err *e, Run *run, Found *f)
{
    char on[RUN_IDENTITY], path[PATH_MAX];

    f->choice = calloc(run->plan.nstep + 1, sizeof *f->choice);
    FAIL_IF(!f->choice, e, SOHO_MEMORY, "no memory for %u steps",
            run->plan.nstep);
    FAIL_IF(!run_identity(run, on), e, SOHO_USAGE,
            "%s: made for the CPU, whose library steps have one way each",
            run->plan.path);
    TRY(run_all(e, run));
    if (run_tune(run, note, f)) {
        *e = run->err;
        return e->code;
    }
    TRY(tuned_write(e, &run->plan, on, f->choice, f->n));
    TRY(tuned_path(e, &run->plan, path));
    printf("%s: on %s\n%u library steps, %.3f ms; %u of them take another "
           "candidate: %.3f ms\n",
           path, on, f->n, f->first, f->changed, f->now);
    return 0;
}

int
cmd_tune(int argc, char **argv)
{
    const char *plan = NULL;
    const Option options[] = {
        {OPT_OPERAND, "PLAN", NULL, &plan, 1, "plan.bin"},
        {0},
    };
    int code = cmd_options(options,
                           "Times the ways that libraries have for a plan's "
                           "steps on this device.",
                           argc, argv);
    Found f = {.choice = NULL};
    Err e = {0};
    Run *run = NULL;

    if (code >= 0)
        return code;
    if (!run_open(&e, plan, 0, &run))
        tune(&e, run, &f);
    free(f.choice);
    run_close(run);
    return e.code ? cmd_fail(argv[0], &e) : 0;
}
