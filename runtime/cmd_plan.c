/* cmd_plan.c - `soho-rt plan`: the disassembly of a plan, or its verdict.
 *
 * In: plan.bin; code beside it is never loaded.  Out: text. */
#include <stdio.h>

#include "runtime/cmd.h"
#include "runtime/run.h"

int
cmd_plan(int argc, char **argv)
{
    const char *path = NULL;
    int check = 0;
    const Option options[] = {
        {OPT_OPERAND, "PLAN", NULL, &path, 1, "plan.bin"},
        {OPT_FLAG, "--check", NULL, &check, 0,
         "verify it and print one line only"},
        {0},
    };
    int code = cmd_options(options, "Shows a plan as text.", argc, argv);
    Err e = {0};
    Plan plan;

    if (code >= 0)
        return code;
    if (plan_open(&e, path, &plan)) {
        plan_close(&plan);
        return cmd_fail(argv[0], &e);
    }
    if (check)
        printf("%s: good: %u phases, %u steps, %u buffers\n", path, plan.nphase,
               plan.nstep, plan.nbuffer);
    else
        plan_show(&plan, stdout);
    plan_close(&plan);
    return 0;
}
