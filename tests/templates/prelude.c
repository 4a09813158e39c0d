/* prelude.c - the functions of templates/cpu/prelude.h against libm in double,
 * as vectors and at odd sizes; the counter generator against published
 * numbers and against a plain version.  prelude.sh compiles and runs it once
 * per instruction set; argv[1] is the name of the set. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prelude.h"

static const char *set = "";

static void
check(int good, const char *name, const char *fmt, double a, double b)
{
    printf("%s templates/%s-%s", good ? "ok" : "not ok", name, set);
    if (!good) {
        printf(": ");
        printf(fmt, a, b);
    }
    printf("\n");
}

/* ---------------------------------------------------------------- numbers */

/* X(name, formula) */
#define FUNCTIONS(X)                                                           \
    X(exp, exp(x))                                                             \
    X(log, log(x))                                                             \
    X(sqrt, sqrt(x))                                                           \
    X(erf, erf(x))                                                             \
    X(gelu, x * 0.5 * erfc(-x * M_SQRT1_2))                                    \
    X(gelu_slope,                                                              \
      0.5 * erfc(-x * M_SQRT1_2) + x * exp(-0.5 * x * x) * 0.3989422804014327) \
    X(sigmoid, 1 / (1 + exp(-x)))                                              \
    X(softplus, fmax(x, 0) + log1p(exp(-fabs(x))))                             \
    X(sin, sin(x))                                                             \
    X(cos, cos(x))

/* X(name, unit, bound, from, to): the error is at most `bound` of the unit:
 * U one in the last place of the truth, R the truth itself, A one. */
#define RANGES(X)                                                              \
    X(exp, U, 1.1, -86.5, 88.7)                                                \
    X(exp, U, 1.1, -1, 1)                                                      \
    X(log, U, 1.1, 0, 4)                                                       \
    X(log, U, 1.1, 0.5, 2)                                                     \
    X(log, U, 1.1, 1e30, 3e38)                                                 \
    X(log, U, 1.1, 1e-42, 1e-38)                                               \
    X(sqrt, U, 0.51, 0, 100)                                                   \
    X(erf, U, 3, -5, 5)                                                        \
    X(erf, U, 3, 0.7, 0.8)                                                     \
    X(erf, U, 3, -0.01, 0.01)                                                  \
    X(gelu, R, 4.5e-7, -12.5, 8)                                               \
    X(gelu, R, 4.5e-7, -1, 1)                                                  \
    X(gelu_slope, A, 2.5e-7, -20, 20)                                          \
    X(gelu_slope, A, 2.5e-7, -3, 3)                                            \
    X(sigmoid, U, 3, -86.5, 86.5)                                              \
    X(sigmoid, U, 3, -3, 3)                                                    \
    X(softplus, U, 2.1, -86.5, 87)                                             \
    X(softplus, U, 2.1, -3, 3)                                                 \
    X(sin, A, 1e-7, -1e4, 1e4)                                                 \
    X(sin, U, 2, -3.1, 3.1)                                                    \
    X(cos, A, 1e-7, -1e4, 1e4)                                                 \
    X(cos, U, 2, -1.5, 1.5)

/* What infinities, NaN and far arguments give: at -inf, at inf, far below, far
 * above. */
#define LIMITS(X)                                                              \
    X(exp, 0, INFINITY, 0, INFINITY)                                           \
    X(log, NAN, INFINITY, NAN, logf(1e30f))                                    \
    X(sqrt, NAN, INFINITY, NAN, 1e15f)                                         \
    X(erf, -1, 1, -1, 1)                                                       \
    X(gelu, 0, INFINITY, 0, 1e30f)                                             \
    X(gelu_slope, 0, 1, 0, 1)                                                  \
    X(sigmoid, 0, 1, 0, 1)                                                     \
    X(softplus, 0, INFINITY, 0, 1e30f)

typedef void Map(float *restrict y, const float *restrict x, int64_t n);

#define MAP(f, formula)                                                        \
    static void __attribute__((noinline))                                      \
    map_##f(float *restrict y, const float *restrict x, int64_t n)             \
    {                                                                          \
        _Pragma("omp simd") for (int64_t i = 0; i < n; i++) y[i] =             \
            f##_f32(x[i]);                                                     \
    }                                                                          \
    static double truth_##f(double x)                                          \
    {                                                                          \
        return formula;                                                        \
    }
FUNCTIONS(MAP)

typedef enum Unit { U, R, A } Unit;

static double
unit_of(double truth, Unit unit)
{
    float t = fabsf((float)truth);

    if (unit == A)
        return 1;
    if (unit == R)
        return fabs(truth);
    t = t < 0x1p-126f ? 0x1p-126f : t;
    return (double)(nextafterf(t, INFINITY) - t);
}

/* Random arguments in blocks of an odd size. */
static void
accuracy(const char *name, Map *map, double (*truth)(double), Unit unit,
         double bound, double from, double to)
{
    enum { BLOCK = 1013 };
    float x[BLOCK], y[BLOCK];
    double worst = 0, where = 0;
    char what[64];

    for (int b = 0; b < 200; b++) {
        for (int i = 0; i < BLOCK; i++)
            x[i] = (float)(from + (to - from) * (rand() / (RAND_MAX + 1.0)));
        map(y, x, BLOCK);
        for (int i = 0; i < BLOCK; i++) {
            double t = truth(x[i]), e = fabs((double)y[i] - t);

            e /= unit_of(t, unit);
            if (!(e <= worst)) {
                worst = e;
                where = (double)x[i];
            }
        }
    }
    snprintf(what, sizeof what, "%s-from-%g", name, from);
    check(worst <= bound, what, "error %g at %.9g", worst, where);
}

static void
limits(const char *name, Map *map, float below, float above, float far_below,
       float far_above)
{
    float x[5] = {-INFINITY, INFINITY, -1e30f, 1e30f, NAN}, y[5];
    float want[5] = {below, above, far_below, far_above, NAN};
    char what[64];
    int bad = -1;

    map(y, x, 5);
    for (int i = 0; i < 5; i++)
        if (isnan(want[i])
                ? !isnan(y[i])
                : !(fabsf(y[i] - want[i]) <= 1e-6f * fabsf(want[i]) ||
                    y[i] == want[i]))
            bad = i;
    snprintf(what, sizeof what, "%s-limits", name);
    check(bad < 0, what, "at %g it is %g", bad < 0 ? 0 : (double)x[bad],
          bad < 0 ? 0 : (double)y[bad]);
}

/* ------------------------------------------------------------- randomness */

/* Word i of a site, one 64-bit product at a time. */
static uint32_t
word_of(const SohoStep *step, uint32_t site, uint64_t i)
{
    uint32_t c[4] = {(uint32_t)(i / 4), 0, site, step->t};
    uint32_t k[2] = {step->seed[0], step->seed[1]};

    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)0xD2511F53 * c[0],
                 b = (uint64_t)0xCD9E8D57 * c[2];

        c[0] = (uint32_t)(b >> 32) ^ c[1] ^ k[0];
        c[1] = (uint32_t)b;
        c[2] = (uint32_t)(a >> 32) ^ c[3] ^ k[1];
        c[3] = (uint32_t)a;
        k[0] += 0x9E3779B9;
        k[1] += 0xBB67AE85;
    }
    return c[i % 4];
}

/* Random123's known answer for counter and key 0. */
static void
known_answers(void)
{
    static const uint32_t zero[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c,
                                     0x9b00dbd8};
    uint32_t word[PHILOX_GROUP] __attribute__((aligned(PHILOX_BYTES)));
    SohoStep step = {.seed = {0, 0}};

    philox_words(word, 0, 0, &step);
    check(!memcmp(word, zero, sizeof zero), "philox-known-answer",
          "word 0 is %.0f, not %.0f", word[0], zero[0]);
}

/* The first numbers of `head.vqa.2` at step 5 in the PyTorch reference. */
static void
reference(void)
{
    static const float known[7] = {
        0x1.4280fp-2f,  0x1.b95cap-2f,  0x1.7010dp-2f, 0x1.9a197ap-1f,
        0x1.716e8ap-1f, 0x1.07638cp-2f, 0x1.9068dp-2f};
    SohoStep step = {.seed = {0x9abcdef0, 0x12345678}, .t = 5};
    float u[7];

    philox_fill(u, 0, 7, 0x46846fa1, &step);
    check(!memcmp(u, known, sizeof known), "philox-reference",
          "number 0 is %.9g, not %.9g", (double)u[0], (double)known[0]);
}

/* Every start within a block, every short length, and the block counter's
 * wrap. */
static void
fills(void)
{
    enum { MOST = 3 * PHILOX_GROUP };
    static const int64_t base[] = {0, 1 << 20, (int64_t)4 * 0xffffffff - 9};
    SohoStep step = {.seed = {0x12345678, 0x9abcdef0}, .t = 77};
    uint32_t site = 0xdeadbeef;
    float u[MOST + 1];
    int bad = 0, over = 0;

    for (unsigned b = 0; b < 3; b++)
        for (int64_t first = base[b]; first < base[b] + 9; first++)
            for (int64_t n = 0; n < MOST; n += n < 9 ? 1 : 13) {
                u[n] = -1;
                philox_fill(u, first, n, site, &step);
                over |= u[n] != -1;
                for (int64_t i = 0; i < n; i++) {
                    uint32_t w = word_of(&step, site, (uint64_t)(first + i));

                    bad |= u[i] != (float)(w >> 8) * 0x1p-24f;
                }
            }
    check(!bad, "philox-fill", "an element differs", 0, 0);
    check(!over, "philox-fill-length", "it writes past the end", 0, 0);
}

/* bf16: ties to even, overflow, NaN whatever its bits, and back. */
static void
halves(void)
{
    static const struct {
        uint32_t from, to;
    } row[] = {{0x3f800000, 0x3f800000}, {0x3f808000, 0x3f800000},
               {0x3f808001, 0x3f810000}, {0x3f818000, 0x3f820000},
               {0xbf807fff, 0xbf800000}, {0xbf818000, 0xbf820000},
               {0x00000000, 0x00000000}, {0x80000000, 0x80000000},
               {0x7f7fffff, 0x7f800000}, {0xff800000, 0xff800000},
               {0x7f800001, 0x7fc00000}, {0x00018000, 0x00020000}};
    uint32_t wrong = 0, lost = 0;

    for (unsigned i = 0; i < sizeof row / sizeof *row; i++) {
        float y = bf16_near(float_of(row[i].from));

        wrong = bits_of(y) != row[i].to ? row[i].from : wrong;
        if (bits_of(bf16_value(bf16_bits(y))) != bits_of(y))
            lost = row[i].from;
    }
    check(!wrong, "bf16-near", "of bits %.0f", wrong, 0);
    check(!lost, "bf16-stored", "of bits %.0f", lost, 0);
}

int
main(int argc, char **argv)
{
    set = argc > 1 ? argv[1] : "";
#define RANGE(f, unit, bound, from, to)                                        \
    accuracy(#f, map_##f, truth_##f, unit, bound, from, to);
    RANGES(RANGE)
#define LIMIT(f, below, above, far_below, far_above)                           \
    limits(#f, map_##f, below, above, far_below, far_above);
    LIMITS(LIMIT)
    known_answers();
    reference();
    fills();
    halves();
    return 0;
}
