/* pack_conv - weights of a convolution in the order in which the library reads
 * them: a window's channels beside each other.
 *
 * arguments: packed [co,kh,kw,ci] (written), weights [co,ci,kh,kw], co ci kh kw
 */
#ifndef NAME
#define NAME  pack_conv
#define BLOCK 256
#define ARGS  6
#endif
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
