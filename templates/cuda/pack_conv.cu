/* pack_conv - weights of a convolution in the order in which the library reads
 * them: a window's channels beside each other.
 *
 * arguments: packed [co,kh,kw,ci] (written), weights [co,ci,kh,kw], co ci kh kw
 * HALF_OUT HALF_IN  1: packed, weights are halves */
#ifndef NAME
#define NAME     pack_conv
#define BLOCK    256
#define ARGS     6
#define HALF_OUT 0
#define HALF_IN  0
#define INDEX    uint32_t
#endif
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
