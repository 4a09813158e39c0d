/* made by sohoc from templates/cpu/schedule.c for update
 * (soho_tiny.lua) */
#define NAME schedule
#define POLICY_cosine 1
#define WARMUP 400
#define RATIO 0.10000000000000001
#define GAMMA 0.10000000000000001
#define AT_N 0
#define TOTAL 0
#define FLOOR 0.02
#line 1 "templates/cpu/schedule.c"
/* schedule - the factor that multiplies every group's learning rate.
 *
 * arguments: step block (written: lr)
 * POLICY_fixed, POLICY_step or POLICY_cosine is 1
 * WARMUP RATIO   micro-batches of linear growth from RATIO to 1
 * GAMMA AT0 ...  step: times GAMMA at the start of each of AT_N epochs
 * TOTAL FLOOR    cosine: from 1 to FLOOR in TOTAL micro-batches; TOTAL 0: the
 *                run says (step->total), and if it does not, the factor is 1 */
#line 21 "templates/cpu/schedule.c"
#include "prelude.h"

#define policy LOCAL(policy)

#if POLICY_step
static double
policy(const SohoStep *step)
{
    static const double at[] = {
#if AT_N > 0
        AT0,
#endif
#if AT_N > 1
        AT1,
#endif
#if AT_N > 2
        AT2,
#endif
#if AT_N > 3
        AT3,
#endif
#if AT_N > 4
        AT4,
#endif
#if AT_N > 5
        AT5,
#endif
#if AT_N > 6
        AT6,
#endif
#if AT_N > 7
        AT7,
#endif
        INFINITY,
    };
    double factor = 1.0;

    for (int i = 0; step->epoch >= at[i]; i++)
        factor *= (GAMMA);
    return factor;
}
#elif POLICY_cosine
static double
policy(const SohoStep *step)
{
    double total = (TOTAL) > 0 ? (TOTAL) : step->total;
    double done = step->t < total ? step->t / total : 1.0;

    if (!(total > 0))
        return 1.0;
    return (FLOOR) + (1.0 - (FLOOR)) * 0.5 * (1.0 + cos(M_PI * done));
}
#else
static double
policy(const SohoStep *step)
{
    (void)step;
    return 1.0;
}
#endif

void
NAME(const SohoArg *a)
{
    SohoStep *step = a[0].p;
    double factor = policy(step);

    if (step->t < (WARMUP))
        factor *= 1.0 - (1.0 - step->t / (double)(WARMUP)) * (1.0 - (RATIO));
    step->lr = (float)factor;
}
#undef NAME
#undef POLICY_cosine
#undef WARMUP
#undef RATIO
#undef GAMMA
#undef AT_N
#undef TOTAL
#undef FLOOR
#undef POLICY_step
#undef AT0
#undef AT1
#undef policy
