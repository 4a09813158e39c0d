/* prelude.h - what every CUDA kernel may use: functions.h, the argument block,
 * sums and maxima over a warp or a block, and the counter generator.
 *
 * The same text is compiled by NVRTC for a GPU and, behind emu.h, by g++ for
 * the tests.  Arguments are those of the CPU's kernels: an array of 8-byte
 * words, here passed by value.  Everything that threads share goes through
 * SHARED, SYNC and the warp_ and block_ functions; results depend neither on
 * the number of blocks nor on the order in which threads run.
 *
 * BLOCK  threads of a block, a multiple of 32     ARGS  words of the arguments
 *
 * Several instances are compiled in one go: a function beside NAME is static
 * and renamed by `#define word LOCAL(word)`; every macro of an instance is
 * undefined behind it. */
#ifndef SOHO_PRELUDE_H
#define SOHO_PRELUDE_H

#ifdef __CUDACC_RTC__ /* no system header is there */
typedef signed char int8_t;
typedef unsigned char uint8_t;
typedef short int16_t;
typedef unsigned short uint16_t;
typedef int int32_t;
typedef unsigned uint32_t;
typedef long long int64_t;
typedef unsigned long long uint64_t;
#define INFINITY __int_as_float(0x7f800000)
#define NAN      __int_as_float(0x7fffffff)
#define M_PI     3.14159265358979323846

#define INLINE                    static __forceinline__
#define SHARED(type, name, count) __shared__ type name[count]
#define SYNC()                    __syncthreads()
/* All that the launch asked for beside SHARED arrays; one in a kernel. */
#define SHARED_DYNAMIC(type, name, count)                                      \
    extern __shared__ uint4 shared_dynamic[];                                  \
    type *const name = (type *)shared_dynamic
#define ENTRY(name)                                                            \
    extern "C" __global__ void __launch_bounds__(BLOCK)                        \
        name(const __grid_constant__ SohoArgs<ARGS> a)
/* One whose shared memory lets few blocks run at once: registers are there, for
 * two of them (attention_dx by one block at a time: 28 % slower on an H100). */
#define ENTRY_FEW(name)                                                        \
    extern "C" __global__ void __launch_bounds__(BLOCK, 2)                     \
        name(const __grid_constant__ SohoArgs<ARGS> a)
#endif

#define PASTE2(a, b) a##_##b
#define PASTE(a, b)  PASTE2(a, b)
#define LOCAL(word)  PASTE(NAME, word)

#define SOHO_CUDA 1
#include "kernel.h"

#include "functions.h"

/* ---------------------------------------------------------------- arguments */

/* A device address, of whatever the kernel says. */
struct SohoPointer {
    void *at;

    template <typename T>
    operator T *() const
    {
        return static_cast<T *>(at);
    }
};

union SohoArg {
    SohoPointer p;
    int64_t i;
};

template <int N> struct SohoArgs {
    SohoArg word[N];

    const SohoArg &
    operator[](int i) const
    {
        return word[i];
    }
};

/* Every item 0..n-1 once, whatever the number of blocks. */
#define FOR_EACH(i, n)                                                         \
    for (int64_t i = (int64_t)blockIdx.x * BLOCK + threadIdx.x; i < (n);       \
         i += (int64_t)gridDim.x * BLOCK)

/* The same with numbers of a kernel's own: INDEX is uint32_t where no operand
 * has 2^31 elements, for a GPU divides 64 bits slowly. */
#define FOR_INDEX(i, n)                                                        \
    for (INDEX i = (INDEX)blockIdx.x * BLOCK + threadIdx.x; i < (n);           \
         i += (INDEX)gridDim.x * BLOCK)

/* The same for warps. */
#define FOR_EACH_WARP(i, n)                                                    \
    for (int64_t i = ((int64_t)blockIdx.x * BLOCK + threadIdx.x) / WARP;       \
         i < (n); i += (int64_t)gridDim.x * BLOCK / WARP)

/* What one thread does for all; nobody waits for it. */
#define ONCE if (blockIdx.x == 0 && threadIdx.x == 0)

/* ELEMENT(0) is f32, ELEMENT(1) a half; value_of() reads either, put() writes
 * it rounded. */
typedef float Element0;
typedef uint16_t Element1;
#define ELEMENT2(half) Element##half
#define ELEMENT(half)  ELEMENT2(half)

INLINE float
value_of(float x)
{
    return x;
}

INLINE float
value_of(uint16_t bits)
{
    return half_value(bits);
}

INLINE void
put(float *to, float x)
{
    *to = x;
}

INLINE void
put(uint16_t *to, float x)
{
    *to = half_bits(half_near(x));
}

/* Neighbours in memory that a thread moves at once, 16 bytes at most. */
template <typename T, int N>
struct alignas(N * sizeof(T) < 16 ? N * sizeof(T) : 16) Vector {
    T at[N];
};

template <int N, typename T>
INLINE Vector<T, N>
load_vector(const T *from)
{
    return *reinterpret_cast<const Vector<T, N> *>(from);
}

template <typename T, int N>
INLINE void
save_vector(T *to, const Vector<T, N> &v)
{
    *reinterpret_cast<Vector<T, N> *>(to) = v;
}

/* Elements of `rank` dimensions, which begin at word `first`. */
template <typename Args>
INLINE int64_t
count_of(const Args &a, int first, int rank)
{
    int64_t n = 1;

    for (int i = 0; i < rank; i++)
        n *= a[first + i].i;
    return n;
}

/* ------------------------------------------------------------ what is shared
 * Butterflies: each lane adds the same pairs in the same order, so all get the
 * same bits.  Every thread of the warp, or of the block, has to take part. */

enum { WARP = 32 };

INLINE float
warp_sum(float x)
{
    for (int far = WARP / 2; far; far /= 2)
        x += __shfl_xor_sync(0xffffffffu, x, far);
    return x;
}

INLINE uint32_t
warp_or(uint32_t x)
{
    for (int far = WARP / 2; far; far /= 2)
        x |= __shfl_xor_sync(0xffffffffu, x, far);
    return x;
}

INLINE float
warp_max(float x)
{
    for (int far = WARP / 2; far; far /= 2) {
        float y = __shfl_xor_sync(0xffffffffu, x, far);

        x = y > x ? y : x;
    }
    return x;
}

/* Index of the first maximum of n numbers; NaN counts as the maximum.  Lanes
 * look at every 32nd number; of two that are alike the earlier one wins. */
INLINE int64_t
warp_first_max(const float *x, int64_t n)
{
    int64_t at = threadIdx.x % WARP;
    float best = at < n ? x[at] : -INFINITY;

    at = at < n ? at : n;
    for (int64_t i = at + WARP; i < n && best == best; i += WARP)
        if (!(x[i] <= best)) {
            best = x[i];
            at = i;
        }
    for (int far = WARP / 2; far; far /= 2) {
        float other = __shfl_xor_sync(0xffffffffu, best, far);
        int64_t place = __shfl_xor_sync(0xffffffffu, at, far);
        bool nan = best != best, larger = other != other || other > best;
        bool alike = nan ? other != other : other == best;

        if (alike ? place < at : !nan && larger) {
            best = other;
            at = place;
        }
    }
    return at;
}

#define block_sum(x) block_fold<BLOCK, false>(x)
#define block_max(x) block_fold<BLOCK, true>(x)

/* Each warp's result meets in shared memory, and each warp folds them again. */
template <int THREADS, bool MAX>
INLINE float
block_fold(float x)
{
    SHARED(float, warps, WARP);
    int lane = (int)threadIdx.x % WARP;

    x = MAX ? warp_max(x) : warp_sum(x);
    if (lane == 0)
        warps[threadIdx.x / WARP] = x;
    SYNC();
    x = lane < THREADS / WARP ? warps[lane] : MAX ? -INFINITY : 0.0f;
    SYNC();
    return MAX ? warp_max(x) : warp_sum(x);
}

/* ------------------------------------------------------------- randomness
 * Element i of a site at step t is word i%4 of Philox4x32-10 (Salmon et al.,
 * 2011) with counter (i/4, 0, site, t) and the run's seed as key. */

INLINE void
philox4(uint32_t word[4], uint32_t block, uint32_t site, const SohoStep *step)
{
    uint32_t c0 = block, c1 = 0, c2 = site, c3 = step->t;
    uint32_t k0 = step->seed[0], k1 = step->seed[1];

    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)c0 * 0xD2511F53u;
        uint64_t b = (uint64_t)c2 * 0xCD9E8D57u;

        c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)b;
        c3 = (uint32_t)a;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    word[0] = c0, word[1] = c1, word[2] = c2, word[3] = c3;
}

INLINE float
uniform_of(uint32_t word)
{
    return (float)(int32_t)(word >> 8) * 0x1p-24f;
}

/* The uniform number in [0,1), a multiple of 2^-24, of element i of a site. */
INLINE float
draw(int64_t i, uint32_t site, const SohoStep *step)
{
    uint32_t word[4];

    philox4(word, (uint32_t)(i / 4), site, step);
    return uniform_of(i & 2 ? (i & 1 ? word[3] : word[2])
                            : (i & 1 ? word[1] : word[0]));
}

#endif
