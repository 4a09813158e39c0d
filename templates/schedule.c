/* schedule - the factor that multiplies every group's learning rate, or that of
 * their momentum.
 *
 * arguments: step block (written: lr and lr_add, or momentum)
 * OF_lr or OF_momentum is 1, and so are one POLICY_ and one SHAPE_:
 *   POLICY_fixed           1
 *   POLICY_step            GAMMA at each of AT_N places AT; none: every EVERY
 *   POLICY_exp             GAMMA ^ x
 *   POLICY_inv             (1 + GAMMA x) ^ -POWER
 *   POLICY_poly            (1 - x / TOTAL) ^ POWER
 *   POLICY_cosine          half a cosine over TOTAL
 *   POLICY_cosine_restart  one over each of AT_N lengths AT, WEIGHT high
 *   POLICY_cyclic          CYCLES in TOTAL: a cosine from 1 to HIGH in their
 *                          share UP, another one to LOW
 * BY_EPOCH               x counts epochs (1), or micro-batches (0)
 * TOTAL                  0: the run says, and if it does not, the factor is 1
 * FLOOR MIN_LR           what is left of the factor where the policy has come
 *                        down to 0, or a rate that all groups come down to
 * SHAPE_constant, _linear, _exp: growth from RATIO to 1 over WARMUP
 *                        micro-batches (WARMUP_BY_EPOCH: epochs), by which a
 *                        rate is multiplied and a momentum divided */
#ifndef NAME
#define NAME            schedule
#define BLOCK           256
#define ARGS            1
#define OF_lr           1
#define POLICY_step     1
#define SHAPE_linear    1
#define BY_EPOCH        1
#define WARMUP          1000
#define WARMUP_BY_EPOCH 0
#define RATIO           0.333
#define GAMMA           0.1
#define POWER           1
#define FLOOR           0
#define MIN_LR          0
#define TOTAL           0
#define EVERY           0
#define HIGH            10
#define LOW             1e-4
#define CYCLES          1
#define UP              0.4
#define AT              12, 16
#define AT_N            2
#define WEIGHT          0
#define WEIGHT_N        0
#endif
#include "prelude.h"

#define place  LOCAL(place)
#define length LOCAL(length)
#define policy LOCAL(policy)
#define warm   LOCAL(warm)

/* x: where the run stands. */
static double
place(const SohoStep *step)
{
    return BY_EPOCH ? step->epoch : step->t;
}

/* TOTAL as the policy needs it; 0: nobody knows. */
static double
length(const SohoStep *step)
{
    return (TOTAL) > 0 ? (TOTAL) : BY_EPOCH ? step->epochs : step->total;
}

#if POLICY_step && AT_N > 0
static double
policy(double x, double total)
{
    static const double at[] = {AT};
    double factor = 1.0;

    (void)total;
    for (int i = 0; i < AT_N && x >= at[i]; i++)
        factor *= (GAMMA);
    return factor;
}
#elif POLICY_step
static double
policy(double x, double total)
{
    (void)total;
    return pow(GAMMA, floor(x / (EVERY)));
}
#elif POLICY_exp
static double
policy(double x, double total)
{
    (void)total;
    return pow(GAMMA, x);
}
#elif POLICY_inv
static double
policy(double x, double total)
{
    (void)total;
    return pow(1.0 + (GAMMA)*x, -(POWER));
}
#elif POLICY_poly
static double
policy(double x, double total)
{
    return total > 0 ? pow(x < total ? 1.0 - x / total : 0.0, POWER) : 1.0;
}
#elif POLICY_cosine
static double
policy(double x, double total)
{
    double done = x < total ? x / total : 1.0;

    return total > 0 ? 0.5 * (1.0 + cos(M_PI * done)) : 1.0;
}
#elif POLICY_cosine_restart
/* A place where one length ends and the next begins belongs to the first. */
static double
policy(double x, double total)
{
    static const double at[] = {AT}, weight[] = {WEIGHT};
    double done;
    int i = 0;

    (void)total;
    for (; i < AT_N - 1 && x > at[i]; i++)
        x -= at[i];
    done = x < at[i] ? x / at[i] : 1.0;
    return weight[i] * 0.5 * (1.0 + cos(M_PI * done));
}
#elif POLICY_cyclic
static double
policy(double x, double total)
{
    double cycle = floor(total / (CYCLES)), rise = floor((UP)*cycle);

    if (!(cycle > 0))
        return 1.0;
    x = fmod(x, cycle);
    if (x < rise)
        return (HIGH) + (1.0 - (HIGH)) * 0.5 * (1.0 + cos(M_PI * x / rise));
    x = (x - rise) / (cycle - rise);
    return (LOW) + ((HIGH) - (LOW)) * 0.5 * (1.0 + cos(M_PI * x));
}
#else
static double
policy(double x, double total)
{
    (void)x;
    (void)total;
    return 1.0;
}
#endif

/* What the warm-up leaves of a rate, above 0 for a momentum. */
static double
warm(const SohoStep *step)
{
    double end = (double)(WARMUP) * (WARMUP_BY_EPOCH ? step->epoch_t : 1);

    if (step->t >= end)
        return 1.0;
#if SHAPE_constant
    return RATIO;
#elif SHAPE_exp
    return pow(RATIO, 1.0 - step->t / end);
#else
    return 1.0 - (1.0 - step->t / end) * (1.0 - (RATIO));
#endif
}

ENTRY(NAME)
{
    SohoStep *step = a[0].p;

    ONCE
    {
        double left = policy(place(step), length(step));
        double factor = (FLOOR) + (1.0 - (FLOOR)) * left;

#if OF_momentum
        step->momentum = (float)(factor / warm(step));
#else
        step->lr = (float)(factor * warm(step));
        step->lr_add = (float)((MIN_LR) * (1.0 - left) * warm(step));
#endif
    }
}
