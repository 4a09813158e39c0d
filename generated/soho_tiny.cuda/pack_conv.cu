/* made by sohoc from templates/cuda/pack_conv.cu for backbone.bn1
 * (lib/nn.lua:55 < lib/resnet.lua:113 < lib/resnet.lua:139 < lib/vqa.lua:10 < lib/vqa.lua:22) */
#define NAME pack_conv
#define BLOCK 256
#define ARGS 6
#line 1 "templates/cuda/pack_conv.cu"
/* pack_conv - weights of a convolution in the order in which the library reads
 * them: a window's channels beside each other.
 *
 * arguments: packed [co,kh,kw,ci] (written), weights [co,ci,kh,kw], co ci kh kw
 */
#line 11 "templates/cuda/pack_conv.cu"
#include "prelude.h"

CUDA_KERNEL(NAME)
{
    float *packed = a[0].p;
    const float *w = a[1].p;
    int64_t ci = a[3].i, window = a[4].i * a[5].i;

    FOR_EACH (i, a[2].i * ci * window) {
        int64_t c = i % ci, k = i / ci % window, o = i / ci / window;

        packed[i] = w[(o * ci + c) * window + k];
    }
}
#undef NAME
#undef BLOCK
#undef ARGS
