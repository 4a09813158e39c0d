/* adamw - Adam with decoupled weight decay, as the first BERT ports had it:
 * eps is added to sqrt(v) before the bias correction, which is folded into the
 * step size, and the decay comes last, on the updated value.
 *
 * arguments: p, g, m, v (p, m, v written), step block, number of floats
 * LR BETA1 BETA2 EPS DECAY
 * CORRECT_BIAS  0: the moments are used as they are
 * LR_ADD        1: the schedule adds to every group's rate */
#ifndef NAME
#define NAME         adamw
#define BLOCK        256
#define ARGS         6
#define LR           1e-4
#define BETA1        0.9
#define BETA2        0.999
#define EPS          1e-6
#define DECAY        0.01
#define CORRECT_BIAS 1
#define LR_ADD       0
#endif
#include "prelude.h"

#define power LOCAL(power)

/* base^n by squaring: the same bits everywhere. */
static double
power(double base, uint32_t n)
{
    double x = 1.0;

    for (; n; n >>= 1, base *= base)
        x = n & 1 ? x * base : x;
    return x;
}

ENTRY(NAME)
{
    float *p = a[0].p, *m = a[2].p, *v = a[3].p;
    const float *g = a[1].p;
    const SohoStep *step = a[4].p;
    int64_t n = step->finite ? a[5].i : 0;
    double rate = (LR) * (double)step->lr;
    double fix1 = CORRECT_BIAS ? 1.0 - power(BETA1, step->count + 1) : 1.0;
    double fix2 = CORRECT_BIAS ? 1.0 - power(BETA2, step->count + 1) : 1.0;
    float clip = step->clip, size, decay;

    if (LR_ADD)
        rate += step->lr_add;
    size = (float)(rate * sqrt(fix2) / fix1);
    decay = (float)(rate * (DECAY));
    FOR_EACH (i, n) {
        float d = g[i] * clip;
        float m1 = m[i] * (float)(BETA1) + d * (float)(1.0 - (BETA1));
        float v1 = v[i] * (float)(BETA2) + d * d * (float)(1.0 - (BETA2));
        float q = p[i] - size * (m1 / (sqrt_f32(v1) + (float)(EPS)));

        m[i] = m1;
        v[i] = v1;
        p[i] = q - decay * q;
    }
}
