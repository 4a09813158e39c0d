/* attention_dx - gradients of attention: the softmax is computed again, in the
 * sums' layout, from queries, keys and values; of the forward pass nothing is
 * kept.  See Dao et al. 2022, "FlashAttention", section 3.1.
 *
 * First each warp finds log2(sum(exp)) of its queries' scores and the part of
 * their gradients that all keys share, sum_j p_ij dp_ij; then the gradient of
 * its queries; at last, with all of those known, that of keys and values.
 *
 * PART_all  d [R,KEYS,3C] of q k v side by side <- q k v as they lie, dy, bias
 * PART_q    d [R,QUERIES,C] of q     <- q [R,QUERIES,C], k v [R,KEYS,2C], dy,
 * PART_kv   d [R,KEYS,2C] of k and v       bias [R,KEYS] f32; step; site
 * dy [R,QUERIES,C]; for the rest see attention. */
#ifndef NAME
#define NAME     attention_dx
#define BLOCK    160
#define ARGS     16
#define PART_all 1
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
#define BYTES    96640
#endif
#include "prelude.h"

#include "attention.h"

#ifndef PART_all
#define PART_all 0
#endif
#ifndef PART_q
#define PART_q 0
#endif
#ifndef PART_kv
#define PART_kv 0
#endif
#define PITCH     (SIDE + 8)
#define ROW       (HEADS * SIDE)
#define WORDS     ((KEYS + 31) / 32)
#define KEEP      (float)(1.0 / (1.0 - DROP))
#define STEP_Q    (PART_all ? 3 * ROW : ROW)
#define STEP_K    (PART_all ? 3 * ROW : 2 * ROW)
#define OFFSET_K  (PART_all ? ROW : 0)
#define Shared    LOCAL(Shared)
#define slopes    LOCAL(slopes)
#define norms     LOCAL(norms)
#define divide    LOCAL(divide)
#define load_head LOCAL(load_head)
#define of_query  LOCAL(of_query)
#define of_key    LOCAL(of_key)

/* What a block has of one head: tiles, and per query the two numbers above. */
struct Shared {
    uint16_t *q, *dy, *k, *v;
    float *norm, *common;
    uint32_t *kept;
    const float *bias;
};

/* Of a tile of queries and one of keys: p to s, dp to g, transposed if TURNED;
 * kept, if wanted, is p after dropout.  `raw` leaves the score in p's place. */
template <bool TURNED>
INLINE void
slopes(const Shared &m, Sums *s, Sums *g, Sums *kept, int i0, int j0, bool raw)
{
    const uint16_t *q = m.q + i0 * PITCH, *dy = m.dy + i0 * PITCH;
    const uint16_t *k = m.k + j0 * PITCH, *v = m.v + j0 * PITCH;

    *s = *g = {};
    rows_by_rows<SIDE, PITCH>(s, TURNED ? k : q, TURNED ? q : k);
    rows_by_rows<SIDE, PITCH>(g, TURNED ? v : dy, TURNED ? dy : v);
#pragma unroll
    for (int e = 0; e < 8; e++) {
        const int row = sum_row(e % 4), column = sum_column(e / 4, e % 4);
        const int i = i0 + (TURNED ? column : row);
        const int j = TURNED ? row : column; /* from j0 on */
        const bool is = WITHIN(i, QUERIES) && WITHIN(j0 + j, KEYS);
        const uint32_t bits =
            DROP > 0 && is ? m.kept[i * WORDS + j0 / 32] >> j0 % 32 : ~0u;
        float *x = &s->at[e / 4][e % 4], *y = &g->at[e / 4][e % 4];
        const float score =
            is ? fmaf(*x, (float)(SCALE * LOG2E), m.bias[j0 + j] * LOG2E)
               : -INFINITY;
        const bool keeps = is && bits >> j & 1;

        *x = raw ? score : is ? exp2f(score - m.norm[i]) : 0.0f;
        *y = keeps ? *y * KEEP : 0.0f;
        if (kept)
            kept->at[e / 4][e % 4] = keeps ? *x * KEEP : 0.0f;
    }
}

/* norm and common of the 16 queries from i0 on. */
INLINE void
norms(const Shared &m, int i0)
{
    float top[2] = {-INFINITY, -INFINITY}, sum[2] = {0, 0}, dot[2] = {0, 0};

    for (int j0 = 0; j0 < KEYS; j0 += TILE) {
        Sums s, g;

        slopes<false>(m, &s, &g, nullptr, i0, j0, true);
#pragma unroll
        for (int r = 0; r < 2; r++) { /* rows l/4 and l/4 + 8 */
            float now = top[r], part = 0, part_dot = 0;

#pragma unroll
            for (int e = 0; e < 4; e++)
                now = fmaxf(now, s.at[e / 2][2 * r + e % 2]);
            now = fmaxf(row_max4(now), -0x1p100f); /* rows beyond the last */
#pragma unroll
            for (int e = 0; e < 4; e++) {
                const float p = exp2f(s.at[e / 2][2 * r + e % 2] - now);

                part += p;
                part_dot += p * g.at[e / 2][2 * r + e % 2];
            }
            const float shrink = exp2f(top[r] - now);

            top[r] = now;
            sum[r] = sum[r] * shrink + row_sum4(part);
            dot[r] = dot[r] * shrink + row_sum4(part_dot);
        }
    }
    for (int r = 0; r < 2; r++)
        if (threadIdx.x % 4 == 0) {
            m.norm[i0 + sum_row(2 * r)] = top[r] + log2f(sum[r]);
            m.common[i0 + sum_row(2 * r)] = sum[r] > 0 ? dot[r] / sum[r] : 0;
        }
}

/* ds = p (dp - common) SCALE, in place of p. */
#define SCORE_SLOPE(s, g, common) ((s) * ((g) - (common)) * (float)(SCALE))

/* dq [16,SIDE] of the queries from i0 on. */
INLINE void
of_query(const Shared &m, float dq[SIDE / 8][4], int i0)
{
    for (int j0 = 0; j0 < KEYS; j0 += TILE) {
        Sums s, g;

        slopes<false>(m, &s, &g, nullptr, i0, j0, false);
#pragma unroll
        for (int e = 0; e < 8; e++)
            s.at[e / 4][e % 4] =
                SCORE_SLOPE(s.at[e / 4][e % 4], g.at[e / 4][e % 4],
                            m.common[i0 + sum_row(e % 4)]);
        sums_by_rows<SIDE, PITCH>(dq, s, m.k + j0 * PITCH);
    }
}

/* dk and dv [16,SIDE] of the keys from j0 on. */
INLINE void
of_key(const Shared &m, float dk[SIDE / 8][4], float dv[SIDE / 8][4], int j0)
{
    for (int i0 = 0; i0 < QUERIES; i0 += TILE) {
        Sums s, g, kept;

        slopes<true>(m, &s, &g, &kept, i0, j0, false);
#pragma unroll
        for (int e = 0; e < 8; e++) {
            const int i = i0 + sum_column(e / 4, e % 4);
            float *x = &s.at[e / 4][e % 4];

            *x = SCORE_SLOPE(*x, g.at[e / 4][e % 4], m.common[i]);
        }
        sums_by_rows<SIDE, PITCH>(dv, kept, m.dy + i0 * PITCH);
        sums_by_rows<SIDE, PITCH>(dk, s, m.q + i0 * PITCH);
    }
}

/* Places in a block's shared memory. */
INLINE void
divide(Shared *m, uint16_t *rows)
{
    m->q = rows;
    m->dy = m->q + TILES(QUERIES) * TILE * PITCH;
    m->k = m->dy + TILES(QUERIES) * TILE * PITCH;
    m->v = m->k + TILES(KEYS) * TILE * PITCH;
    m->norm = (float *)(m->v + TILES(KEYS) * TILE * PITCH);
    m->common = m->norm + TILES(QUERIES) * TILE;
    m->kept = (uint32_t *)(m->common + TILES(QUERIES) * TILE);
}

/* Head h of row r. */
INLINE void
load_head(const Shared &m, const SohoArgs<ARGS> &a, int64_t r, int64_t h)
{
    const uint16_t *q = a[1].p, *kv = a[PART_all ? 1 : 2].p;
    const uint16_t *dy = a[PART_all ? 2 : 3].p;
    const SohoStep *step = a[PART_all ? 4 : 5].p;
    const uint32_t site = (uint32_t)a[PART_all ? 5 : 6].i;
    const uint16_t *k = kv + r * KEYS * STEP_K + OFFSET_K + h * SIDE;

    load_rows<BLOCK, SIDE, PITCH>(m.q, q + r * QUERIES * STEP_Q + h * SIDE,
                                  QUERIES, STEP_Q);
    load_rows<BLOCK, SIDE, PITCH>(m.dy, dy + r * QUERIES * ROW + h * SIDE,
                                  QUERIES, ROW);
    load_rows<BLOCK, SIDE, PITCH>(m.k, k, KEYS, STEP_K);
    load_rows<BLOCK, SIDE, PITCH>(m.v, k + ROW, KEYS, STEP_K);
    if (DROP > 0)
        draw_kept<BLOCK>(m.kept, QUERIES, KEYS,
                         OFFSET + r * STRIDE0 + h * STRIDE1, STRIDE2,
                         (float)(DROP), site, step);
}

ENTRY_FEW(NAME)
{
    ELEMENT(HALF_OUT) *d = a[0].p;
    const float *bias = a[PART_all ? 3 : 4].p;
    const int pairs = (int)a[PART_all ? 6 : 7].i * HEADS;
    const int first = (int)threadIdx.x / WARP, warps = BLOCK / WARP;
    SHARED_DYNAMIC(uint16_t, rows, BYTES / 2);
    Shared m;

    divide(&m, rows);
    for (int at = (int)blockIdx.x; at < pairs; at += (int)gridDim.x) {
        const int64_t r = at / HEADS, h = at % HEADS;

        m.bias = bias + r * KEYS;
        load_head(m, a, r, h);
        SYNC();
        for (int i = first; i < TILES(QUERIES); i += warps)
            norms(m, i * TILE);
        SYNC();
        for (int i = first; !PART_kv && i < TILES(QUERIES); i += warps) {
            float dq[SIDE / 8][4] = {};

            of_query(m, dq, i * TILE);
            save_rows<SIDE>(d + (r * QUERIES + i * TILE) * STEP_Q + h * SIDE,
                            dq, QUERIES - i * TILE, STEP_Q);
        }
        for (int j = first; !PART_q && j < TILES(KEYS); j += warps) {
            float dk[SIDE / 8][4] = {}, dv[SIDE / 8][4] = {};
            ELEMENT(HALF_OUT) *to =
                d + (r * KEYS + j * TILE) * STEP_K + OFFSET_K + h * SIDE;

            of_key(m, dk, dv, j * TILE);
            save_rows<SIDE>(to, dk, KEYS - j * TILE, STEP_K);
            save_rows<SIDE>(to + ROW, dv, KEYS - j * TILE, STEP_K);
        }
        SYNC();
    }
}
