/* made by sohoc from templates/cuda/row.cu for row_mul_add_max_sub_exp_c24
 * (lib/bert.lua:18 < lib/bert.lua:32 < lib/bert.lua:61 < lib/vqa.lua:14 < lib/vqa.lua:22) */
#define NAME row_mul_add_max_sub_exp_c24
#define COLS 24
#define LEVELS 3
#define LANES 32
#define PER 1
#define UNROLL 1
#define BLOCK 128
#define ARGS 16
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
    float *const p2 = a[3].p;
    float *const p3 = a[4].p;
    const SohoStep *const step = a[5].p;
    const int64_t i_n1 = a[6].i;
    const int64_t d7_i0 = a[7].i;
    const int64_t d7_i1 = a[8].i;
    const int64_t s0_i0 = a[9].i;
    const int64_t s0_i1 = a[10].i;
    const int64_t s1_i0 = a[11].i;
    const int64_t s2_i0 = a[12].i;
    const int64_t s2_i1 = a[13].i;
    const int64_t s3_i0 = a[14].i;
    const int64_t s3_i1 = a[15].i;
#line 40 "templates/cuda/row.cu"
    for (int64_t row = (int64_t)blockIdx.x * TOGETHER + threadIdx.x / LANES;
         row < rows; row += (int64_t)gridDim.x * TOGETHER) {
        float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        float m0 = -INFINITY, m1 = -INFINITY;
        const uint32_t i1 = (uint32_t)row % (uint32_t)i_n1;
        const uint32_t i_q1 = (uint32_t)row / (uint32_t)i_n1;
        const uint32_t i0 = i_q1;
        const int64_t d7 = 0 + i0 * d7_i0 + i1 * d7_i1;
        const float *const x0 = p0 + i0 * s0_i0 + i1 * s0_i1;
        const float *const x1 = p1 + i0 * s1_i0;
        float *const x2 = p2 + i0 * s2_i0 + i1 * s2_i1;
        float *const x3 = p3 + i0 * s3_i0 + i1 * s3_i1;
#line 18 "lib/bert.lua"
        float t1[PER];
#line 19 "lib/bert.lua"
        float t4[PER];
#line 45 "templates/cuda/row.cu"
#pragma unroll UNROLL
        for (int e = 0; e < PER; e++) {
            const int j = e * LANES + lane;
            if (j < COLS) {
#line 18 "lib/bert.lua"
                const float v0 = x0[j] * 0.176776692f;
                const float v1 = v0 + x1[j];
                t1[e] = v1;
#line 19 "lib/bert.lua"
                m0 = v1 > m0 ? v1 : m0;
#line 50 "templates/cuda/row.cu"
            }
        }
#line 19 "lib/bert.lua"
        const float v2 = row_max(m0);
#line 53 "templates/cuda/row.cu"
#if LEVELS > 1
        s0 = s1 = s2 = s3 = 0, m0 = m1 = -INFINITY;
#pragma unroll UNROLL
        for (int e = 0; e < PER; e++) {
            const int j = e * LANES + lane;
            if (j < COLS) {
#line 19 "lib/bert.lua"
                const float v3 = t1[e] - v2;
                const float v4 = exp_f32(v3);
                t4[e] = v4;
                s0 += v4;
#line 60 "templates/cuda/row.cu"
            }
        }
#line 19 "lib/bert.lua"
        const float v5 = row_sum(s0);
#line 63 "templates/cuda/row.cu"
#endif
#if LEVELS > 2
        s0 = s1 = s2 = s3 = 0, m0 = m1 = -INFINITY;
#pragma unroll UNROLL
        for (int e = 0; e < PER; e++) {
            const int j = e * LANES + lane;
            if (j < COLS) {
#line 19 "lib/bert.lua"
                const float v6 = t4[e] / v5;
                x2[j] = v6;
#line 71 "lib/nn.lua"
                const float u7 = draw(d7 + j, 0x422ba391u, step);
                const float v7 = u7 >= 0.0500000007f ? v6 * 1.05263162f : 0.0f;
                x3[j] = v7;
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
