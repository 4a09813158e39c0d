/* unpack_conv - the gradient of a convolution's weights, from the order in
 * which the library writes it to that of the weights.
 *
 * arguments: dw [co,ci,kh,kw] (written), packed [co,kh,kw,ci], co ci kh kw
 * ACCUM  1: adds to what dw holds
 * HALF_OUT HALF_IN  1: dw, packed is of halves */
#ifndef NAME
#define NAME     unpack_conv
#define BLOCK    256
#define ARGS     6
#define ACCUM    1
#define HALF_OUT 0
#define HALF_IN  0
#define INDEX    uint32_t
#endif
#include "prelude.h"

ENTRY(NAME)
{
    ELEMENT(HALF_OUT) *dw = a[0].p;
    const ELEMENT(HALF_IN) *packed = a[1].p;
    INDEX ci = a[3].i, window = a[4].i * a[5].i;

    FOR_INDEX(i, (INDEX)a[2].i * ci * window)
    {
        INDEX k = i % window, c = i / window % ci, o = i / window / ci;
        float g = value_of(packed[(o * window + k) * ci + c]);

        put(&dw[i], ACCUM ? value_of(dw[i]) + g : g);
    }
}
