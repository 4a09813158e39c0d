/* functions.h - what the templates of every target compute with, in one text.
 * The prelude that includes this defines INLINE.
 *
 * Float functions have no branches and no calls: loops over them become vectors
 * on a CPU, and each target gives the same bits where its multiply-adds do.
 * Their polynomials were fitted by us (Chebyshev points, coefficients rounded
 * to float).  NaN passes through, infinities give the limit.  Largest errors
 * against libm in double, which tests/templates/prelude.c asserts (an ulp is at
 * most 1.2e-7 of the value):
 *
 * - exp, log, sqrt 1.1 ulp; sin, cos 1.6 ulp; softplus 2 ulp
 * - erf, sigmoid 3 ulp; gelu 4e-7 of the value; gelu_slope 2.1e-7 absolute */
#ifndef SOHO_FUNCTIONS_H
#define SOHO_FUNCTIONS_H

INLINE uint32_t
bits_of(float x)
{
    union {
        float f;
        uint32_t u;
    } v = {x};

    return v.u;
}

INLINE float
float_of(uint32_t bits)
{
    union {
        uint32_t u;
        float f;
    } v = {bits};

    return v.f;
}

/* bf16: the nearest number whose lower half is 0, of two the even one. */
INLINE float
bf16_near(float x)
{
    uint32_t u = bits_of(x);
    uint32_t near = (u + 0x7fffu + (u >> 16 & 1)) & 0xffff0000u;

    return x == x ? float_of(near) : NAN;
}

/* Such a number as it is stored, and back: the upper half. */
INLINE uint16_t
bf16_bits(float x)
{
    return (uint16_t)(bits_of(x) >> 16);
}

INLINE float
bf16_value(uint16_t bits)
{
    return float_of((uint32_t)bits << 16);
}

/* f16 as IEEE 754 has it: 5 bits of exponent, 10 behind the point. */
INLINE uint16_t
f16_bits(float x)
{
#ifdef __CUDACC_RTC__
    uint16_t bits;

    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x));
    return bits;
#else
    uint32_t u = bits_of(x), sign = u >> 16 & 0x8000u;

    u &= 0x7fffffffu;
    if (u > 0x7f800000u)
        return 0x7fff;
    if (u >= 0x477ff000u) /* rounds to 2^16 or more */
        return (uint16_t)(sign | 0x7c00u);
    if (u < 0x38800000u) /* a multiple of 2^-24, which 0.5 rounds to */
        return (uint16_t)(sign | (bits_of(float_of(u) + 0.5f) - 0x3f000000u));
    u += 0xfffu + (u >> 13 & 1);
    return (uint16_t)(sign | ((u >> 13) - ((127 - 15) << 10)));
#endif
}

INLINE float
f16_value(uint16_t bits)
{
#ifdef __CUDACC_RTC__
    float x;

    asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits));
    return x;
#else
    uint32_t sign = (uint32_t)(bits & 0x8000u) << 16, u = bits & 0x7fffu;
    float small = (float)u * 0x1p-24f; /* subnormal */

    if (u < 0x400u)
        return float_of(sign | bits_of(small));
    u = (u << 13) + ((u < 0x7c00u ? 127 - 15 : 255 - 31) << 23);
    return float_of(sign | u);
#endif
}

/* A plan's numbers in 16 bits; with HALF_F16, which stands at the head of the
 * file that includes all kernels, f16. */
#ifdef HALF_F16
#define half_near(x)     f16_value(f16_bits(x))
#define half_bits(x)     f16_bits(x)
#define half_value(bits) f16_value(bits)
#else
#define half_near(x)     bf16_near(x)
#define half_bits(x)     bf16_bits(x)
#define half_value(bits) bf16_value(bits)
#endif

/* Adding this rounds to the nearest integer, which then stands in the low bits
 * of the sum; good for |x| < 2^22. */
#define ROUND 0x1.8p23f

INLINE float
sqrt_f32(float x)
{
    return sqrtf(x);
}

INLINE float
rsqrt_f32(float x)
{
#ifdef __CUDACC_RTC__
    return rsqrtf(x); /* one instruction, 2 ulp */
#else
    return 1.0f / sqrtf(x);
#endif
}

/* e^x = 2^k e^r with |r| <= ln(2)/2.  Results below 2^-125 are 0: subnormal
 * numbers would make whole vectors ten times slower, and the exponentials of
 * masked scores are of that kind. */
INLINE float
exp_f32(float x)
{
    float t, k, r, p;

    t = x < -87.0f ? -87.0f : x;
    t = t > 89.0f ? 89.0f : t;
    r = t;
    t = fmaf(t, 0x1.715476p+0f, ROUND);
    k = t - ROUND;
    r = fmaf(k, -0x1.62e43p-1f, r);
    r = fmaf(k, 0x1.05c61p-29f, r);
    p = fmaf(0x1.6d117cp-10f, r, 0x1.120be2p-7f);
    p = fmaf(p, r, 0x1.555518p-5f);
    p = fmaf(p, r, 0x1.5554dcp-3f);
    p = fmaf(p, r, 0.5f);
    p = fmaf(r * r, p, r) + 1.0f;
    p = (p + p) * float_of((bits_of(t) - bits_of(ROUND) + 126) << 23);
    return x < -86.6f ? 0.0f : p;
}

/* ln x = e ln 2 + ln m with m in [sqrt(1/2), sqrt(2)). */
INLINE float
log_f32(float x)
{
    float tiny = x < 0x1p-126f ? 1.0f : 0.0f;
    float y = x < 0x1p-126f ? x * 0x1p23f : x;
    int32_t e = (int32_t)(bits_of(y) - 0x3f3504f3u) >> 23;
    float f = float_of(bits_of(y) - ((uint32_t)e << 23)) - 1.0f;
    float k = (float)e - 23.0f * tiny, p;

    p = fmaf(0x1.1d8ea6p-4f, f, -0x1.d635bcp-4f);
    p = fmaf(p, f, 0x1.dea282p-4f);
    p = fmaf(p, f, -0x1.fcf4c6p-4f);
    p = fmaf(p, f, 0x1.23d21ap-3f);
    p = fmaf(p, f, -0x1.555b4ap-3f);
    p = fmaf(p, f, 0x1.999d5ap-3f);
    p = fmaf(p, f, -0x1.fffffcp-3f);
    p = fmaf(p, f, 0x1.555554p-2f);
    p = fmaf(p, f, -0.5f);
    p = fmaf(f * f, p, fmaf(k, -0x1.05c61p-29f, f));
    p = fmaf(k, 0x1.62e43p-1f, p);
    p = x < INFINITY ? p : x;
    p = x == 0.0f ? -INFINITY : p;
    return x < 0.0f ? NAN : p;
}

/* e^(-z^2/2); z*z is taken in two parts, as its rounding error is multiplied
 * by the result's exponent. */
INLINE float
bell_f32(float z)
{
    float s = z * z, low = fmaf(z, z, -s), e = exp_f32(-0.5f * s);

    return fmaf(e, -0.5f * low, e);
}

/* The normal distribution's tail P(Z > z) for 0 <= z <= 14, given
 * bell = e^(-z^2/2): bell times a polynomial in 1/(1 + 0.3 z). */
INLINE float
tail_f32(float z, float bell)
{
    float t = 1.0f / fmaf(0.3f, z, 1.0f), p;

    p = fmaf(-0x1.5757fp-6f, t, 0x1.d3ff9cp-4f);
    p = fmaf(p, t, -0x1.dc35b8p-3f);
    p = fmaf(p, t, 0x1.949558p-3f);
    p = fmaf(p, t, -0x1.58f028p-4f);
    p = fmaf(p, t, 0x1.945258p-4f);
    p = fmaf(p, t, 0x1.3d836cp-4f);
    p = fmaf(p, t, 0x1.c44618p-4f);
    p = fmaf(p, t, 0x1.e9adb8p-4f);
    p = fmaf(p, t, 0x1.ea3db4p-4f);
    return bell * (t * p);
}

/* erf x: odd polynomial below 0.75, tail of the distribution above. */
INLINE float
erf_f32(float x)
{
    float a = fabsf(x), s = x * x, z, p, far;

    z = a * 0x1.6a09e6p+0f;
    z = z > 14.0f ? 14.0f : z;
    far = fmaf(-2.0f, tail_f32(z, bell_f32(z)), 1.0f);
    p = fmaf(-0x1.623bfp-11f, s, 0x1.4f3d08p-8f);
    p = fmaf(p, s, -0x1.b7aaap-6f);
    p = fmaf(p, s, 0x1.ce2ae2p-4f);
    p = fmaf(p, s, -0x1.81273ap-2f);
    p = fmaf(p, s, 0x1.20dd74p+0f);
    return a < 0.75f ? x * p : copysignf(far, x);
}

/* x P(Z < x), GELU in its erf form. */
INLINE float
gelu_f32(float x)
{
    float a = fabsf(x), z = a > 14.0f ? 14.0f : a;
    float tail = tail_f32(z, bell_f32(z));
    float y = x < -14.0f ? -14.0f : x;

    return y * (x > 0.0f ? 1.0f - tail : tail);
}

/* d gelu / dx = P(Z < x) + x e^(-x^2/2) / sqrt(2 pi). */
INLINE float
gelu_slope_f32(float x)
{
    float a = fabsf(x), z = a > 14.0f ? 14.0f : a;
    float bell = bell_f32(z), tail = tail_f32(z, bell);
    float density = 0x1.988454p-2f * (z * bell);

    return x > 0.0f ? 1.0f - tail + density : tail - density;
}

INLINE float
sigmoid_f32(float x)
{
    float e = exp_f32(-fabsf(x)), d = 1.0f / (1.0f + e);

    return x < 0.0f ? e * d : d;
}

/* ln(1 + e^x) = max(x, 0) + ln(1 + e), e = e^-|x|; what 1 + e loses is put
 * back to first order. */
INLINE float
softplus_f32(float x)
{
    float e = exp_f32(-fabsf(x)), u = 1.0f + e;
    float rest = log_f32(u) + (e - (u - 1.0f)) / u;

    return x > 0.0f ? x + rest : rest;
}

/* sin(x + quarter * pi/2) for |x| <= 1e5: the angle minus the nearest multiple
 * of pi/2, which says which polynomial and which sign. */
INLINE float
turn_f32(float x, uint32_t quarter)
{
    float t = fmaf(x, 0x1.45f306p-1f, ROUND), k = t - ROUND;
    uint32_t q = bits_of(t) + quarter;
    float r, s, even, odd;

    r = fmaf(k, -0x1.921fb6p+0f, x);
    r = fmaf(k, 0x1.777a5cp-25f, r);
    r = fmaf(k, 0x1.ee59dap-50f, r);
    s = r * r;
    odd = fmaf(0x1.6dbbeep-19f, s, -0x1.a013a2p-13f);
    odd = fmaf(odd, s, 0x1.11110ep-7f);
    odd = fmaf(odd, s, -0x1.555556p-3f);
    odd = fmaf(r * s, odd, r);
    even = fmaf(0x1.9bd67p-16f, s, -0x1.6c12cep-10f);
    even = fmaf(even, s, 0x1.555554p-5f);
    even = fmaf(s * s, even, fmaf(-0.5f, s, 1.0f));
    return float_of(bits_of(q & 1 ? even : odd) ^ (q & 2) << 30);
}

INLINE float
sin_f32(float x)
{
    return turn_f32(x, 0);
}

INLINE float
cos_f32(float x)
{
    return turn_f32(x, 1);
}

/* -------------------------------------------------------- other functions */

INLINE int64_t
clamp_i64(int64_t x, int64_t low, int64_t high)
{
    return x < low ? low : x > high ? high : x;
}

/* What makes a gradient of this norm at most `limit` long; 0: any length. */
INLINE double
clip_of(double norm, double limit)
{
    return limit > 0 && norm + 1e-6 > limit ? limit / (norm + 1e-6) : 1.0;
}

/* The sum of two random words' 16-bit halves, less its mean: close to a normal
 * distribution with a standard deviation of 65536 / sqrt(3).  There is no libm
 * in it, so every implementation gets the same bits. */
INLINE double
sum_of_halves(uint32_t v, uint32_t w)
{
    uint32_t sum = (v & 0xffff) + (v >> 16) + (w & 0xffff) + (w >> 16);

    return (double)((int32_t)sum - 131070);
}

/* 2 pi times the share of a line's n numbers up to and including `at`. */
INLINE float
turn_at(const float *line, int64_t n, int64_t stride, int64_t at)
{
    float sum = 0.0f, all = 0.0f;

    for (int64_t i = 0; i < n; i++) {
        all += line[i * stride];
        sum += i <= at ? line[i * stride] : 0.0f;
    }
    return sum / (all + 1e-6f) * 2.0f * 0x1.921fb6p+1f;
}

#endif
