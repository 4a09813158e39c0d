/* made by sohoc from templates/cuda/row.cu for row_add_sum_mul_sub_mul_c128
 * (lib/neck.lua:25 < lib/neck.lua:39 < lib/vqa.lua:11 < lib/vqa.lua:29) */
#define NAME row_add_sum_mul_sub_mul_c128_n3
#define COLS 128
#define LEVELS 3
#define LANES 32
#define PER 4
#define UNROLL 4
#define BLOCK 128
#define ARGS 9
#line 1 "templates/cuda/row.cu"
/* row - element-wise work around sums and maxima along a row.
 *
 * LANES threads share a row of COLS elements: a warp, or the whole block.  Each
 * walks over every LANES-th element in up to four loops, which may use what the
 * reductions before them gave; what a later loop reads again stays in
 * registers.
 *
 * arguments: rows, then what slot `args` unpacks
 * slots: args   pointers, sizes and strides
 *        row    where row `row` lies in each operand; numbers of the row
 *        loop0  element j, the e-th of this thread; feeds sums s0..s3 and
 *               maxima m0, m1
 *        after0 numbers made of s0..s3, m0, m1;  the same for 1, 2, 3 */
#line 24 "templates/cuda/row.cu"
#include "prelude.h"

#if LANES == 32
#define row_sum(x) warp_sum(x)
#define row_max(x) warp_max(x)
#else
#define row_sum(x) block_sum(x)
#define row_max(x) block_max(x)
#endif
#define TOGETHER (BLOCK / LANES) /* rows of a block */

ENTRY(NAME)
{
    const int64_t rows = a[0].i;
    const int lane = (int)threadIdx.x % LANES;
    const float *const p0 = a[1].p;
    const float *const p1 = a[2].p;
    const float *const p2 = a[3].p;
    const float *const p3 = a[4].p;
    float *const p4 = a[5].p;
    const int64_t s0_i0 = a[6].i;
    const int64_t s1_i0 = a[7].i;
    const int64_t s4_i0 = a[8].i;
#line 40 "templates/cuda/row.cu"
    for (int64_t row = (int64_t)blockIdx.x * TOGETHER + threadIdx.x / LANES;
         row < rows; row += (int64_t)gridDim.x * TOGETHER) {
        float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        float m0 = -INFINITY, m1 = -INFINITY;
        const uint32_t i0 = (uint32_t)row;
        const float *const x0 = p0 + i0 * s0_i0;
        const float *const x1 = p1 + i0 * s1_i0;
        const float *const x2 = p2;
        const float *const x3 = p3;
        float *const x4 = p4 + i0 * s4_i0;
#line 25 "lib/neck.lua"
        float t0[PER];
#line 65 "lib/nn.lua"
        float t3[PER];
#line 45 "templates/cuda/row.cu"
#pragma unroll UNROLL
        for (int e = 0; e < PER; e++) {
            const int j = e * LANES + lane;
            if (j < COLS) {
#line 25 "lib/neck.lua"
                const float v0 = x0[j] + x1[j];
                t0[e] = v0;
#line 65 "lib/nn.lua"
                s0 += v0;
#line 50 "templates/cuda/row.cu"
            }
        }
#line 65 "lib/nn.lua"
        const float v1 = row_sum(s0);
        const float v2 = v1 * 0.0078125f;
#line 53 "templates/cuda/row.cu"
#if LEVELS > 1
        s0 = s1 = s2 = s3 = 0, m0 = m1 = -INFINITY;
#pragma unroll UNROLL
        for (int e = 0; e < PER; e++) {
            const int j = e * LANES + lane;
            if (j < COLS) {
#line 65 "lib/nn.lua"
                const float v3 = t0[e] - v2;
                t3[e] = v3;
                const float v4 = v3 * v3;
                s0 += v4;
#line 60 "templates/cuda/row.cu"
            }
        }
#line 65 "lib/nn.lua"
        const float v5 = row_sum(s0);
        const float v6 = v5 * 0.0078125f;
        const float v7 = v6 + 9.99999975e-06f;
        const float v8 = rsqrt_f32(v7);
#line 63 "templates/cuda/row.cu"
#endif
#if LEVELS > 2
        s0 = s1 = s2 = s3 = 0, m0 = m1 = -INFINITY;
#pragma unroll UNROLL
        for (int e = 0; e < PER; e++) {
            const int j = e * LANES + lane;
            if (j < COLS) {
#line 65 "lib/nn.lua"
                const float v9 = t3[e] * v8;
                const float v10 = v9 * x2[j];
                const float v11 = v10 + x3[j];
                x4[j] = v11;
#line 71 "templates/cuda/row.cu"
            }
        }
#line 74 "templates/cuda/row.cu"
#endif
#if LEVELS > 3
        s0 = s1 = s2 = s3 = 0, m0 = m1 = -INFINITY;
#pragma unroll UNROLL
        for (int e = 0; e < PER; e++) {
            const int j = e * LANES + lane;
            if (j < COLS) {
#line 82 "templates/cuda/row.cu"
            }
        }
#line 85 "templates/cuda/row.cu"
#endif
        (void)s0, (void)s1, (void)s2, (void)s3, (void)m0, (void)m1;
    }
}
#undef NAME
#undef COLS
#undef LEVELS
#undef LANES
#undef PER
#undef UNROLL
#undef BLOCK
#undef ARGS
#undef row_sum
#undef row_max
#undef TOGETHER
