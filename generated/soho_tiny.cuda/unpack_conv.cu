/* made by sohoc from templates/cuda/unpack_conv.cu for neck.conv.conv
 * (lib/nn.lua:38 < lib/neck.lua:9 < lib/neck.lua:36 < lib/vqa.lua:11 < lib/vqa.lua:22) */
#define NAME unpack_conv
#define ACCUM 1
#define BLOCK 256
#define ARGS 6
#line 1 "templates/cuda/unpack_conv.cu"
/* unpack_conv - the gradient of a convolution's weights, from the order in
 * which the library writes it to that of the weights.
 *
 * arguments: dw [co,ci,kh,kw] (written), packed [co,kh,kw,ci], co ci kh kw
 * ACCUM  1: adds to what dw holds */
#line 12 "templates/cuda/unpack_conv.cu"
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
#undef NAME
#undef ACCUM
#undef BLOCK
#undef ARGS
