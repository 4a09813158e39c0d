/* made by sohoc from templates/cpu/normal.c for backbone.conv1.weight
 * (lib/nn.lua:36 < lib/resnet.lua:28 < lib/resnet.lua:113 < lib/resnet.lua:139 < lib/vqa.lua:10 < lib/vqa.lua:22) */
#define NAME normal
#line 1 "templates/cpu/normal.c"
/* normal - starting values of one tensor, close to a normal distribution.
 *
 * arguments: y, step block, number of floats, site, bits of the standard
 * deviation (double)
 *
 * Element i takes words 2*(i%2) and 2*(i%2)+1 of block i/2 at step 0, the sum
 * of whose four 16-bit halves, centred and scaled, has about that shape. */
#line 11 "templates/cpu/normal.c"
#include "prelude.h"

#define part LOCAL(part)
#define PART (PHILOX_GROUP / 2) /* elements of one group of words */

static void
part(float *y, int64_t first, int64_t n, uint32_t site, const SohoStep *step,
     double scale)
{
    uint32_t word[PHILOX_GROUP] __attribute__((aligned(PHILOX_BYTES)));

    philox_words(word, (uint32_t)(first / 2), site, step);
    for (int64_t i = 0; i < n; i++)
        y[first + i] =
            (float)(sum_of_halves(word[2 * i], word[2 * i + 1]) * scale);
}

ENTRY(NAME)
{
    float *y = a[0].p;
    SohoStep step = *(const SohoStep *)a[1].p;
    int64_t n = a[2].i;
    uint32_t site = (uint32_t)a[3].i;
    union {
        int64_t bits;
        double std;
    } v = {a[4].i};
    double scale = 1.7320508075688772 / 65536 * v.std;

    step.t = 0;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i += PART)
        part(y, i, n - i < PART ? n - i : PART, site, &step, scale);
}
#undef NAME
#undef part
#undef PART
