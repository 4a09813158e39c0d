/* attention.h - what the attention kernels share: products of 16-bit tiles by a
 * warp, from shared memory, and which scores dropout keeps.
 *
 * A tile is 16 rows of WIDE halves, PITCH halves apart: 8 more than WIDE, so
 * that eight rows that are read at once lie in different banks.  The lanes of a
 * warp hold 16 x 16 sums as the instruction mma.m16n8k16 lays them out: lane l
 * has of columns 0..7, and likewise of 8..15, rows l/4 and l/4 + 8 at columns
 * 2(l%4) and the next.  On the host (emu.h) its two instructions are warp
 * operations of the same meaning. */
#ifndef SOHO_ATTENTION_H
#define SOHO_ATTENTION_H

enum { TILE = 16 };

#define TILES(n) (((n) + TILE - 1) / TILE)

/* Softmax goes by powers of 2, which a GPU has an instruction for. */
#define LOG2E 1.44269504f

/* Is i one of n?  No question where n fills its tiles. */
#define WITHIN(i, n) ((n) % TILE == 0 || (i) < (n))

/* 16 x 16 sums: [columns 0..7, columns 8..15][row, next column; row + 8 ...] */
struct Sums {
    float at[2][4];
};

INLINE int
sum_row(int i)
{
    return (int)(threadIdx.x % WARP) / 4 + i / 2 * 8;
}

INLINE int
sum_column(int half, int i)
{
    return half * 8 + (int)(threadIdx.x % 4) * 2 + i % 2;
}

#ifdef __CUDACC_RTC__
/* Four matrices of 8 x 8 halves; lane l says where row l%8 of matrix l/8
 * begins.  Word m gets row l/4 of matrix m at columns 2(l%4) and the next; if
 * turned, column l/4 at those rows. */
template <bool TURNED>
INLINE void
load_matrices(uint32_t word[4], const uint16_t *row)
{
    const uint32_t at = (uint32_t)__cvta_generic_to_shared(row);

    if (TURNED)
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 "
                     "{%0,%1,%2,%3}, [%4];"
                     : "=r"(word[0]), "=r"(word[1]), "=r"(word[2]),
                       "=r"(word[3])
                     : "r"(at)
                     : "memory");
    else
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 "
                     "{%0,%1,%2,%3}, [%4];"
                     : "=r"(word[0]), "=r"(word[1]), "=r"(word[2]),
                       "=r"(word[3])
                     : "r"(at)
                     : "memory");
}

#ifdef HALF_F16
#define MULTIPLY "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
#else
#define MULTIPLY "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
#endif

/* c [16,8] += a [16,16] b [16,8] */
INLINE void
multiply_add(float c[4], const uint32_t a[4], uint32_t b0, uint32_t b1)
{
    asm volatile(
        MULTIPLY "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
#else
template <bool TURNED>
INLINE void
load_matrices(uint32_t word[4], const uint16_t *row)
{
    const int lane = (int)(threadIdx.x % WARP), pair = lane % 4 * 2;
    uint64_t begin[WARP];

    warp_all(begin, (uint64_t)row);
    for (int m = 0; m < 4; m++) {
        const int i = TURNED ? pair : lane / 4, j = TURNED ? lane / 4 : pair;
        const uint16_t *one = (const uint16_t *)begin[m * 8 + i] + j;
        const uint16_t *two =
            TURNED ? (const uint16_t *)begin[m * 8 + i + 1] + j : one + 1;

        word[m] = *one | (uint32_t)*two << 16;
    }
}

/* Half k of the halves that two words hold. */
INLINE float
half_of(uint64_t words, int k)
{
    return half_value((uint16_t)(words >> k * 16));
}

INLINE void
multiply_add(float c[4], const uint32_t a[4], uint32_t b0, uint32_t b1)
{
    const int lane = (int)(threadIdx.x % WARP), pair = lane % 4 * 2;
    uint64_t top[WARP], bottom[WARP], column[WARP]; /* rows 0..7, 8..15 of a */

    warp_all(top, a[0] | (uint64_t)a[2] << 32);
    warp_all(bottom, a[1] | (uint64_t)a[3] << 32);
    warp_all(column, b0 | (uint64_t)b1 << 32);
    for (int k = 0; k < TILE; k++) {
        const int at = k % 8 / 2, half = k / 8 * 2 + k % 2;

        for (int j = 0; j < 2; j++) {
            const float b = half_of(column[(pair + j) * 4 + at], half);

            c[j] += half_of(top[lane / 4 * 4 + at], half) * b;
            c[2 + j] += half_of(bottom[lane / 4 * 4 + at], half) * b;
        }
    }
}
#endif

/* sums += 16 rows of x times 16 rows of y. */
template <int WIDE, int PITCH>
INLINE void
rows_by_rows(Sums *s, const uint16_t *x, const uint16_t *y)
{
    const int lane = (int)(threadIdx.x % WARP);
    const uint16_t *from_x = x + lane % 16 * PITCH + lane / 16 * 8;
    const uint16_t *from_y =
        y + (lane % 8 + lane / 16 * 8) * PITCH + lane / 8 % 2 * 8;

#pragma unroll
    for (int k = 0; k < WIDE; k += TILE) {
        uint32_t a[4], b[4];

        load_matrices<false>(a, from_x + k);
        load_matrices<false>(b, from_y + k);
        multiply_add(s->at[0], a, b[0], b[1]);
        multiply_add(s->at[1], a, b[2], b[3]);
    }
}

/* Two numbers as halves, the first one low. */
INLINE uint32_t
half_pair(float x, float y)
{
    return half_bits(half_near(x)) | (uint32_t)half_bits(half_near(y)) << 16;
}

/* total [16,WIDE] += sums, rounded to halves, times 16 rows of y: they lie in
 * the lanes as a left factor has to. */
template <int WIDE, int PITCH>
INLINE void
sums_by_rows(float total[WIDE / 8][4], const Sums &s, const uint16_t *y)
{
    const int lane = (int)(threadIdx.x % WARP);
    const uint16_t *from = y + lane % 16 * PITCH + lane / 16 * 8;
    const uint32_t a[4] = {
        half_pair(s.at[0][0], s.at[0][1]), half_pair(s.at[0][2], s.at[0][3]),
        half_pair(s.at[1][0], s.at[1][1]), half_pair(s.at[1][2], s.at[1][3])};

#pragma unroll
    for (int k = 0; k < WIDE; k += TILE) {
        uint32_t b[4];

        load_matrices<true>(b, from + k);
        multiply_add(total[k / 8], a, b[0], b[1]);
        multiply_add(total[k / 8 + 1], a, b[2], b[3]);
    }
}

/* Sum and maximum over the four lanes that hold a row. */
INLINE float
row_sum4(float x)
{
    x += __shfl_xor_sync(0xffffffffu, x, 1);
    return x + __shfl_xor_sync(0xffffffffu, x, 2);
}

INLINE float
row_max4(float x)
{
    float y = __shfl_xor_sync(0xffffffffu, x, 1);

    x = y > x ? y : x;
    y = __shfl_xor_sync(0xffffffffu, x, 2);
    return y > x ? y : x;
}

/* Rows that lie `step` halves apart in memory into shared tiles; what is
 * missing to a whole tile is 0. */
template <int THREADS, int WIDE, int PITCH>
INLINE void
load_rows(uint16_t *to, const uint16_t *from, int rows, int64_t step)
{
    const int whole = (rows + TILE - 1) / TILE * TILE;

    for (int i = (int)threadIdx.x; i < whole * (WIDE / 8); i += THREADS) {
        const int row = i / (WIDE / 8), at = i % (WIDE / 8) * 8;
        Vector<uint16_t, 8> v = {};

        if (row < rows)
            v = load_vector<8>(from + row * step + at);
        save_vector(to + row * PITCH + at, v);
    }
}

/* Rows of a warp's total to memory, those of 0..rows-1. */
template <int WIDE, typename T>
INLINE void
save_rows(T *to, const float total[WIDE / 8][4], int rows, int64_t step)
{
#pragma unroll
    for (int k = 0; k < WIDE / 8; k++)
#pragma unroll
        for (int i = 0; i < 4; i++)
            if (sum_row(i) < rows)
                put(&to[sum_row(i) * step + k * 8 + sum_column(0, i)],
                    total[k][i]);
}

/* Bit j of words [rows, (keys + 31) / 32]: does dropout keep score j of the
 * row?  Row 0 begins at number `first` of the site, the next `step` later. */
template <int THREADS>
INLINE void
draw_kept(uint32_t *kept, int rows, int keys, int64_t first, int64_t step,
          float p, uint32_t site, const SohoStep *now)
{
    const int words = (keys + 31) / 32;

    for (int i = (int)threadIdx.x; i < rows * words; i += THREADS) {
        const int n = keys - i % words * 32;
        const int64_t from = first + i / words * step + i % words * 32;
        uint32_t bits = 0;

        for (int64_t b = from / 4; b * 4 < from + (n < 32 ? n : 32); b++) {
            uint32_t word[4];

            philox4(word, (uint32_t)b, site, now);
#pragma unroll
            for (int w = 0; w < 4; w++) {
                const int64_t at = b * 4 + w - from;

                if (at >= 0 && at < 32 && uniform_of(word[w]) >= p)
                    bits |= 1u << at;
            }
        }
        kept[i] = bits;
    }
}

#endif
