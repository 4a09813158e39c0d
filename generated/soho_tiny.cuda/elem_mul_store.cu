/* made by sohoc from templates/cuda/elem.cu for elem_mul_store
 * (lib/nn.lua:94 < lib/vqa.lua:23) */
#define NAME elem_mul_store
#define PER 4
#define FLAT 1
#define VECTOR 1
#define BLOCK 256
#define ARGS 3
#line 1 "templates/cuda/elem.cu"
/* elem - one number per element of a space, in one pass over memory.
 *
 * The space is rows x inner.  A thread takes VECTOR neighbours of a row at
 * once, PER times; a block so takes a part of one row, whose place in each
 * operand is decoded once for all its threads.  Where the inner axis is short
 * (FLAT), threads walk over the elements of all rows, which are then fewer than
 * 2^31. arguments: rows, inner, then what slot `args` unpacks slots: args
 * pointers, sizes and strides row   where row `row` lies in each operand load
 * elements j1 .. of operands that come together; save: go body  element j, the
 * e-th of them */
#line 19 "templates/cuda/elem.cu"
#include "prelude.h"

ENTRY(NAME)
{
    const int64_t rows = a[0].i, inner = a[1].i;
    float *const p0 = a[2].p;
#line 25 "templates/cuda/elem.cu"
#if FLAT
    const uint32_t width = (uint32_t)inner / VECTOR;
    const uint32_t all = (uint32_t)rows * width;
    for (uint32_t i = blockIdx.x * BLOCK + threadIdx.x; i < all;
         i += gridDim.x * BLOCK) {
        const uint32_t row = i / width, j1 = i % width * VECTOR;
        (void)row;
        float *const x0 = p0;
#line 34 "templates/cuda/elem.cu"
#pragma unroll
        for (int e = 0; e < VECTOR; e++) {
            const uint32_t j = j1 + e;
            (void)j;
#line 94 "lib/nn.lua"
            const float v0 = 0.5f * 0.0078125f;
            x0[0] = v0;
#line 39 "templates/cuda/elem.cu"
        }
#line 41 "templates/cuda/elem.cu"
    }
#else
    const uint32_t tiles =
        (uint32_t)((inner + PER * BLOCK * VECTOR - 1) / (PER * BLOCK * VECTOR));
    const uint32_t all = (uint32_t)rows * tiles; /* below 2^31 */
    for (uint32_t t = blockIdx.x; t < all; t += gridDim.x) {
        const int64_t row = t / tiles;
        const int64_t j0 = (int64_t)(t % tiles) * PER * BLOCK + threadIdx.x;
        (void)row;
        float *const x0 = p0;
#line 51 "templates/cuda/elem.cu"
#pragma unroll
        for (int q = 0; q < PER; q++) {
            const int64_t j1 = (j0 + q * BLOCK) * VECTOR;
            if (j1 < inner) {
#line 56 "templates/cuda/elem.cu"
#pragma unroll
                for (int e = 0; e < VECTOR; e++) {
                    const int64_t j = j1 + e;
                    (void)j;
#line 94 "lib/nn.lua"
                    const float v0 = 0.5f * 0.0078125f;
                    x0[0] = v0;
#line 61 "templates/cuda/elem.cu"
                }
#line 63 "templates/cuda/elem.cu"
            }
        }
    }
#endif
}
#undef NAME
#undef PER
#undef FLAT
#undef VECTOR
#undef BLOCK
#undef ARGS
