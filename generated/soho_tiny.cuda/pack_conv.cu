/* made by sohoc from templates/cuda/pack_conv.cu for backbone.bn1
 * (lib/nn.lua:55 < lib/resnet.lua:113 < lib/resnet.lua:139 < lib/vqa.lua:10 < lib/vqa.lua:22) */
#define NAME pack_conv
#define HALF_OUT 0
#define HALF_IN 0
#define INDEX uint32_t
#define BLOCK 256
#define ARGS 6
#line 1 "templates/cuda/pack_conv.cu"
/* pack_conv - weights of a convolution in the order in which the library reads
 * them: a window's channels beside each other.
 *
 * arguments: packed [co,kh,kw,ci] (written), weights [co,ci,kh,kw], co ci kh kw
 * HALF_OUT HALF_IN  1: packed, weights are halves */
#line 14 "templates/cuda/pack_conv.cu"
#include "prelude.h"

ENTRY(NAME)
{
    ELEMENT(HALF_OUT) *packed = a[0].p;
    const ELEMENT(HALF_IN) *w = a[1].p;
    INDEX ci = a[3].i, window = a[4].i * a[5].i;

    FOR_INDEX(i, (INDEX)a[2].i * ci * window)
    {
        INDEX c = i % ci, k = i / ci % window, o = i / ci / window;

        put(&packed[i], value_of(w[(o * ci + c) * window + k]));
    }
}
#undef NAME
#undef HALF_OUT
#undef HALF_IN
#undef INDEX
#undef BLOCK
#undef ARGS
