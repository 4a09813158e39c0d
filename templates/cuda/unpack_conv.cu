/* unpack_conv - the gradient of a convolution's weights, from the order in
 * which the library writes it to that of the weights.
 *
 * arguments: dw [co,ci,kh,kw] (written), packed [co,kh,kw,ci], co ci kh kw
 * ACCUM  1: adds to what dw holds */
#ifndef NAME
#define NAME  unpack_conv
#define BLOCK 256
#define ARGS  6
#define ACCUM 1
#endif
#include "prelude.h"

CUDA_KERNEL(NAME)
{
    float *dw = a[0].p;
    const float *packed = a[1].p;
    int64_t ci = a[3].i, window = a[4].i * a[5].i;

    FOR_EACH (i, a[2].i * ci * window) {
        int64_t k = i % window, c = i / window % ci, o = i / window / ci;
        float g = packed[(o * window + k) * ci + c];

        dw[i] = ACCUM ? dw[i] + g : g;
    }
}
