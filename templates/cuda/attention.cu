/* attention - softmax(SCALE q k' + bias) v for every head, without a matrix of
 * scores in memory: a block has the rows of one head in shared memory, a warp
 * goes along the keys with 16 queries and corrects its sums as the maximum
 * grows.  See Dao et al. 2022, "FlashAttention".
 *
 * y [R,QUERIES,C] <- q k v [R,KEYS,3C] side by side if PACKED, else
 * q [R,QUERIES,C], k v [R,KEYS,2C]; bias [R,KEYS] f32; step; site; C = HEADS
 * SIDE.  DROP  share of it that is dropped; score (r,h,i,j) draws number
 * OFFSET + r STRIDE0 + h STRIDE1 + i STRIDE2 + j. */
#ifndef NAME
#define NAME     attention
#define BLOCK    160
#define ARGS     16
#define PACKED   1
#define QUERIES  160
#define KEYS     160
#define HEADS    12
#define SIDE     64
#define SCALE    0.125
#define DROP     0.1
#define OFFSET   0
#define STRIDE0  307200
#define STRIDE1  25600
#define STRIDE2  160
#define HALF_OUT 1
#define BYTES    72192
#endif
#include "prelude.h"

#include "attention.h"

#define PITCH     (SIDE + 8)
#define ROW       (HEADS * SIDE)
#define WORDS     ((KEYS + 31) / 32)
#define KEEP      (float)(1.0 / (1.0 - DROP))
#define scores_of LOCAL(scores_of)
#define attend    LOCAL(attend)

/* Scores of a tile of queries and one of keys, from j0 on, times log2(e). */
INLINE void
scores_of(Sums *s, const uint16_t *q, const uint16_t *k, const float *bias,
          int j0)
{
    *s = {};
    rows_by_rows<SIDE, PITCH>(s, q, k + j0 * PITCH);
#pragma unroll
    for (int half = 0; half < 2; half++)
#pragma unroll
        for (int i = 0; i < 4; i++) {
            const int j = j0 + sum_column(half, i);
            float *x = &s->at[half][i];

            *x = WITHIN(j, KEYS)
                     ? fmaf(*x, (float)(SCALE * LOG2E), bias[j] * LOG2E)
                     : -INFINITY;
        }
}

/* total = softmax of 16 queries' scores, times v; kept points at their bits. */
INLINE void
attend(float total[SIDE / 8][4], const uint16_t *q, const uint16_t *k,
       const uint16_t *v, const float *bias, const uint32_t *kept, int rows)
{
    float top[2] = {-INFINITY, -INFINITY}, sum[2] = {0, 0};

    for (int j0 = 0; j0 < KEYS; j0 += TILE) {
        Sums s;

        scores_of(&s, q, k, bias, j0);
#pragma unroll
        for (int r = 0; r < 2; r++) { /* rows l/4 and l/4 + 8 */
            const int row = sum_row(2 * r);
            const uint32_t bits = DROP > 0 && row < rows
                                      ? kept[row * WORDS + j0 / 32] >> j0 % 32
                                      : ~0u;
            float now = top[r], part = 0;

#pragma unroll
            for (int e = 0; e < 4; e++)
                now = fmaxf(now, s.at[e / 2][2 * r + e % 2]);
            now = row_max4(now);
            const float shrink = exp2f(top[r] - now);
#pragma unroll
            for (int e = 0; e < 4; e++) {
                float *x = &s.at[e / 2][2 * r + e % 2];

                *x = exp2f(*x - now);
                part += *x;
                *x = bits >> sum_column(e / 2, e % 2) & 1 ? *x * KEEP : 0.0f;
            }
            top[r] = now;
            sum[r] = sum[r] * shrink + row_sum4(part);
#pragma unroll
            for (int c = 0; c < SIDE / 8; c++)
                total[c][2 * r] *= shrink, total[c][2 * r + 1] *= shrink;
        }
        sums_by_rows<SIDE, PITCH>(total, s, v + j0 * PITCH);
    }
#pragma unroll
    for (int c = 0; c < SIDE / 8; c++)
#pragma unroll
        for (int i = 0; i < 4; i++)
            total[c][i] /= sum[i / 2];
}

ENTRY_FEW(NAME)
{
    ELEMENT(HALF_OUT) *y = a[0].p;
    const uint16_t *q = a[1].p, *kv = a[PACKED ? 1 : 2].p;
    const float *bias = a[PACKED ? 2 : 3].p;
    const SohoStep *step = a[PACKED ? 3 : 4].p;
    const uint32_t site = (uint32_t)a[PACKED ? 4 : 5].i;
    const int pairs = (int)a[PACKED ? 5 : 6].i * HEADS;
    const int q_step = PACKED ? 3 * ROW : ROW,
              k_step = PACKED ? 3 * ROW : 2 * ROW;
    const int warp = (int)threadIdx.x / WARP;
    SHARED_DYNAMIC(uint16_t, q_rows, BYTES / 2);
    uint16_t *k_rows = q_rows + TILES(QUERIES) * TILE * PITCH;
    uint16_t *v_rows = k_rows + TILES(KEYS) * TILE * PITCH;
    uint32_t *kept = (uint32_t *)(v_rows + TILES(KEYS) * TILE * PITCH);

    for (int at = (int)blockIdx.x; at < pairs; at += (int)gridDim.x) {
        const int64_t r = at / HEADS, h = at % HEADS;
        const uint16_t *k =
            kv + r * KEYS * k_step + (PACKED ? ROW : 0) + h * SIDE;

        load_rows<BLOCK, SIDE, PITCH>(
            q_rows, q + r * QUERIES * q_step + h * SIDE, QUERIES, q_step);
        load_rows<BLOCK, SIDE, PITCH>(k_rows, k, KEYS, k_step);
        load_rows<BLOCK, SIDE, PITCH>(v_rows, k + ROW, KEYS, k_step);
        if (DROP > 0)
            draw_kept<BLOCK>(kept, QUERIES, KEYS,
                             OFFSET + r * STRIDE0 + h * STRIDE1, STRIDE2,
                             (float)(DROP), site, step);
        SYNC();
        for (int i = warp; i < TILES(QUERIES); i += BLOCK / WARP) {
            float total[SIDE / 8][4] = {};

            attend(total, q_rows + i * TILE * PITCH, k_rows, v_rows,
                   bias + r * KEYS, kept + i * TILE * WORDS,
                   QUERIES - i * TILE);
            save_rows<SIDE>(y + (r * QUERIES + i * TILE) * ROW + h * SIDE,
                            total, QUERIES - i * TILE, ROW);
        }
        SYNC();
    }
}
