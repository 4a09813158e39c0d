/* grad_norm - length of the whole gradient, and what follows from it.
 *
 * arguments: step block (written), gradients, number of floats
 * LIMIT  longest gradient that is left as it is, 0: any
 *
 * Writes step->grad_norm, step->finite and step->clip, the coefficient that
 * the optimisers multiply gradients by: min(1, LIMIT / (norm + 1e-6)).  The
 * squares are summed in double over a fixed number of parts, which are then
 * added in order: the number of threads does not matter. */
#ifndef NAME
#define NAME  grad_norm
#define LIMIT 4.0
#endif
#include "prelude.h"

#define squares LOCAL(squares)
#define PARTS   256

static double
squares(const float *x, int64_t n)
{
    double sum = 0.0;

#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    return sum;
}

ENTRY(NAME)
{
    SohoStep *step = a[0].p;
    const float *g = a[1].p;
    int64_t n = a[2].i, size = (n + PARTS - 1) / PARTS;
    double part[PARTS], sum = 0.0, norm;

#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < PARTS; i++) {
        int64_t first = clamp_i64(i * size, 0, n);

        part[i] = squares(g + first, clamp_i64(n - first, 0, size));
    }
    for (int i = 0; i < PARTS; i++)
        sum += part[i];
    norm = sqrt(sum);
    step->grad_norm = (float)norm;
    step->finite = isfinite(step->grad_norm) ? 1 : 0;
    step->clip = (float)clip_of(norm, LIMIT);
}
