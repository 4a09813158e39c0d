/* column_end - adds up the partial sums of column, and works on the results.
 *
 * The chunks' sums are added in order: the same bits at every run.
 * arguments: reduced, kept, inner, elements of a chunk, partial sums
 *            [chunks,SUMS,kept,inner], then what slot `args` unpacks
 * slots: args  pointers, sizes and strides
 *        out   where the results of k lie
 *        after result j, made of sum[0] .. */
#ifndef NAME
#define NAME  column_end
#define BLOCK 256
#define ARGS  5
#define SUMS  1
#endif
#include "prelude.h"

ENTRY(NAME)
{
    const int64_t reduced = a[0].i, kept = a[1].i, inner = a[2].i;
    const int64_t chunk = a[3].i;
    const float *const partial = a[4].p;
    const int64_t chunks = (reduced + chunk - 1) / chunk;
    //@slot args
    FOR_EACH (i, kept * inner) {
        const int64_t k = (uint32_t)i / (uint32_t)inner; /* below 2^31 */
        const int64_t j = (uint32_t)i % (uint32_t)inner;
        const int e = 0;
        float sum[SUMS][1] = {};
#pragma unroll 8
        for (int64_t c = 0; c < chunks; c++)
            for (int s = 0; s < SUMS; s++)
                sum[s][0] += partial[((c * SUMS + s) * kept + k) * inner + j];
        (void)j, (void)e;
        //@slot out
        //@slot after
    }
}
