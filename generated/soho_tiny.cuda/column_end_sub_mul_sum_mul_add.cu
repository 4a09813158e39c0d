/* made by sohoc from templates/cuda/column_end.cu for column_end_sub_mul_sum_mul_add of backbone.layer1.0.bn1
 * (lib/nn.lua:55 < lib/resnet.lua:43 < lib/resnet.lua:100 < lib/resnet.lua:148 < lib/vqa.lua:10 < lib/vqa.lua:22) */
#define NAME column_end_sub_mul_sum_mul_add
#define SUMS 1
#define BLOCK 256
#define ARGS 9
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
    const float *const p2 = a[5].p;
    float *const p4 = a[6].p;
    float *const p5 = a[7].p;
    float *const p6 = a[8].p;
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
        const float *const x2 = p2;
        float *const x4 = p4;
        float *const x5 = p5;
        float *const x6 = p6;
#line 55 "lib/nn.lua"
        const float v2 = sum[0][e];
        const float v3 = v2 * 8.13802108e-05f;
        const float v4 = v3 + 9.99999975e-06f;
        const float v5 = rsqrt_f32(v4);
        x4[j] = v5;
        const float v6 = v3 * 1.00008142f;
        const float v7 = v6 * 0.100000001f;
        x5[j] = v7;
        const float v8 = v5 * x2[j];
        x6[j] = v8;
#line 36 "templates/cuda/column_end.cu"
    }
}
#undef NAME
#undef SUMS
#undef BLOCK
#undef ARGS
