/* made by sohoc from templates/cuda/column_end.cu for column_end_sum_mul of backbone.layer2.0.bn1
 * (lib/nn.lua:55 < lib/resnet.lua:43 < lib/resnet.lua:100 < lib/resnet.lua:148 < lib/vqa.lua:10 < lib/vqa.lua:22) */
#define NAME column_end_sum_mul_n2
#define SUMS 1
#define BLOCK 256
#define ARGS 7
#line 1 "templates/cuda/column_end.cu"
/* column_end - adds up the partial sums of column, and works on the results.
 *
 * The chunks' sums are added in order: the same bits at every run.
 * arguments: reduced, kept, inner, elements of a chunk, partial sums
 *            [chunks,SUMS,kept,inner], then what slot `args` unpacks
 * slots: args  pointers, sizes and strides
 *        out   where the results of k lie
 *        after result j, made of sum[0] .. */
#line 15 "templates/cuda/column_end.cu"
#include "prelude.h"

ENTRY(NAME)
{
    const int64_t reduced = a[0].i, kept = a[1].i, inner = a[2].i;
    const int64_t chunk = a[3].i;
    const float *const partial = a[4].p;
    const int64_t chunks = (reduced + chunk - 1) / chunk;
    float *const p1 = a[5].p;
    float *const p2 = a[6].p;
#line 24 "templates/cuda/column_end.cu"
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
        const uint32_t k0 = (uint32_t)k;
        float *const x1 = p1;
        float *const x2 = p2;
#line 55 "lib/nn.lua"
        const float v0 = sum[0][e];
        const float v1 = v0 * 0.000325520843f;
        x1[j] = v1;
        const float v2 = v1 * 0.100000001f;
        x2[j] = v2;
#line 36 "templates/cuda/column_end.cu"
    }
}
#undef NAME
#undef SUMS
#undef BLOCK
#undef ARGS
