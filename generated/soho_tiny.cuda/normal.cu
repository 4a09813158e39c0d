/* made by sohoc from templates/cuda/normal.cu for backbone.conv1.weight
 * (lib/nn.lua:36 < lib/resnet.lua:28 < lib/resnet.lua:113 < lib/resnet.lua:139 < lib/vqa.lua:10 < lib/vqa.lua:22) */
#define NAME normal
#define BLOCK 256
#define ARGS 5
#line 1 "templates/cuda/normal.cu"
/* normal - starting values of one tensor, close to a normal distribution.
 *
 * arguments: y, step block, number of floats, site, bits of the standard
 * deviation (double)
 *
 * Element i takes words 2*(i%2) and 2*(i%2)+1 of block i/2 at step 0, the sum
 * of whose four 16-bit halves, centred and scaled, has about that shape. */
#line 13 "templates/cuda/normal.cu"
#include "prelude.h"

ENTRY(NAME)
{
    float *y = a[0].p;
    SohoStep step = *(const SohoStep *)a[1].p;
    uint32_t site = (uint32_t)a[3].i;
    union {
        int64_t bits;
        double std;
    } v = {a[4].i};
    double scale = 1.7320508075688772 / 65536 * v.std;

    step.t = 0;
    FOR_EACH (i, a[2].i) {
        uint32_t word[4];

        philox4(word, (uint32_t)(i / 2), site, &step);
        y[i] = (float)((i % 2 ? sum_of_halves(word[2], word[3])
                              : sum_of_halves(word[0], word[1])) *
                       scale);
    }
}
#undef NAME
#undef BLOCK
#undef ARGS
