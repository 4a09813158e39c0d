/* ask_products.c - what cuBLASLt offers on this device: which epilogues it has
 * for the products of a feed-forward layer, and how exact its GELU is. */
#include <dlfcn.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tests/gpu/ask.h"

/* Functions of cuBLASLt 12 and 13: int cublasLtNAME(arguments). */
#define LT(X)                                                                  \
    X(Create, (void **handle))                                                 \
    X(MatmulDescCreate, (void **desc, int compute, int scale))                 \
    X(MatmulDescSetAttribute,                                                  \
      (void *desc, int name, const void *value, size_t bytes))                 \
    X(MatrixLayoutCreate,                                                      \
      (void **layout, int type, u64 rows, u64 columns, i64 ld))                \
    X(MatmulPreferenceCreate, (void **preference))                             \
    X(MatmulPreferenceSetAttribute,                                            \
      (void *preference, int name, const void *value, size_t bytes))           \
    X(MatmulAlgoGetHeuristic,                                                  \
      (void *handle, void *desc, void *a, void *b, void *c, void *d,           \
       void *preference, int most, void *found, int *n))                       \
    X(Matmul, (void *handle, void *desc, const void *alpha, DevicePtr a,       \
               void *la, DevicePtr b, void *lb, const void *beta, DevicePtr c, \
               void *lc, DevicePtr d, void *ld, const void *algo,              \
               DevicePtr workspace, size_t bytes, void *stream))

enum { WORKSPACE = 32 << 20 };

static const struct {
    const char *name;
    i32 epilogue;
} epilogues[] = {{"none", 1},       {"BIAS", 4},
                 {"GELU_BIAS", 36}, {"GELU_AUX_BIAS", 164},
                 {"DGELU", 192},    {"DGELU_BGRAD", 208},
                 {"BGRADA", 256},   {"BGRADB", 512}};

typedef struct Library {
    const Ask *ask;
    void *handle;
#define X(name, args) int(*name) args;
    LT(X)
#undef X
} Library;

/* How a [m,k] and b [k,n] lie: 1 transposed, or 0 with columns contiguous. */
typedef struct Turned {
    const char *name;
    i32 a, b;
} Turned;

static const Turned layouts[] = {
    {"TN", 1, 0}, {"NN", 0, 0}, {"NT", 0, 1}, {"TT", 1, 1}};

/* d [m,n] = epilogue(a [m,k] b [k,n]), columns of d contiguous. */
typedef struct Product {
    const Library *lib;
    void *desc, *a, *b, *d;
    u64 found[16]; /* algorithm, first, and what it needs */
    DevicePtr at[4];
    bool good;
} Product;

static void
describe(Product *p, int type, i64 m, i64 n, i64 k, i32 epilogue, Turned t)
{
    enum { DGELU = 192 };
    const Library *lib = p->lib;
    i64 ld = m;
    u64 most = WORKSPACE;
    void *preference = NULL;
    int count = 0;

    for (u64 i = 0; i < countof(p->at); i++)
        p->at[i] = lib->ask->room + (i << 29);
    p->good =
        !lib->MatmulDescCreate(&p->desc, LT_COMPUTE_F32, LT_F32) &&
        !lib->MatmulDescSetAttribute(p->desc, LT_TURN_A, &t.a, 4) &&
        !lib->MatmulDescSetAttribute(p->desc, LT_TURN_B, &t.b, 4) &&
        !lib->MatmulDescSetAttribute(p->desc, LT_EPILOGUE, &epilogue, 4) &&
        (epilogue == 1 || epilogue == DGELU ||
         !lib->MatmulDescSetAttribute(p->desc, LT_BIAS, &p->at[3], 8)) &&
        (!(epilogue & 128) ||
         (!lib->MatmulDescSetAttribute(p->desc, LT_AUX, &p->at[2], 8) &&
          !lib->MatmulDescSetAttribute(p->desc, LT_AUX_LD, &ld, 8))) &&
        !lib->MatrixLayoutCreate(&p->a, type, (u64)(t.a ? k : m),
                                 (u64)(t.a ? m : k), t.a ? k : m) &&
        !lib->MatrixLayoutCreate(&p->b, type, (u64)(t.b ? n : k),
                                 (u64)(t.b ? k : n), t.b ? n : k) &&
        !lib->MatrixLayoutCreate(&p->d, type, (u64)m, (u64)n, m) &&
        !lib->MatmulPreferenceCreate(&preference) &&
        !lib->MatmulPreferenceSetAttribute(preference, LT_WORKSPACE, &most,
                                           sizeof most) &&
        !lib->MatmulAlgoGetHeuristic(lib->handle, p->desc, p->a, p->b, p->d,
                                     p->d, preference, 1, p->found, &count) &&
        count > 0;
}

static int
multiply(void *own)
{
    const Product *p = own;
    const Ask *a = p->lib->ask;
    const f32 one = 1, zero = 0;
    const DevicePtr d = a->room + ((u64)4 << 29);
    const DevicePtr scratch = a->room + ((u64)5 << 29);

    return p->lib->Matmul(p->lib->handle, p->desc, &one, p->at[0], p->a,
                          p->at[1], p->b, &zero, d, p->d, d, p->d, p->found,
                          scratch, WORKSPACE, a->stream);
}

/* One epilogue in every layout: "TN 0.0404 ms". */
static void
ask_epilogue(const Library *lib, const char *word, int type, u32 i)
{
    u32 found = 0;

    printf("product 3072x5120x768, %s, %s:", word, epilogues[i].name);
    for (u32 k = 0; k < countof(layouts); k++) {
        Product p = {.lib = lib};
        f64 ms;

        describe(&p, type, 3072, 5120, 768, epilogues[i].epilogue, layouts[k]);
        ms = p.good ? ask_time(lib->ask, multiply, &p) : -1;
        if (ms >= 0)
            printf(" %s %.4f ms", layouts[k].name, ms);
        found += ms >= 0;
    }
    printf(found ? "\n" : " in no layout\n");
}

static void
ask_epilogues(const Library *lib)
{
    static const struct {
        const char *name;
        int type;
    } types[] = {{"bf16", LT_BF16}, {"f32", LT_F32}};

    for (u32 t = 0; t < countof(types); t++)
        for (u32 i = 0; i < countof(epilogues); i++)
            ask_epilogue(lib, types[t].name, types[t].type, i);
}

/* GELU of n numbers of -6 to 6, as f32: the product with the identity. */
static void
ask_gelu(const Library *lib)
{
    enum { SIDE = 128 };
    static f32 unit[SIDE * SIDE], x[SIDE * SIDE], y[SIDE * SIDE], none[SIDE];
    const Ask *a = lib->ask;
    const Driver *d = a->driver;
    const u64 bytes = sizeof x;
    Product p = {.lib = lib};
    f64 erf_most = 0, tanh_most = 0;

    for (int i = 0; i < SIDE * SIDE; i++) {
        unit[i] = i / SIDE == i % SIDE;
        x[i] = (f32)(12.0 * i / (SIDE * SIDE) - 6);
    }
    describe(&p, LT_F32, SIDE, SIDE, SIDE, 36, layouts[0]);
    if (!p.good || d->upload(p.at[0], unit, bytes, a->stream) ||
        d->upload(p.at[1], x, bytes, a->stream) ||
        d->upload(p.at[3], none, sizeof none, a->stream) || multiply(&p) ||
        d->download(y, a->room + ((u64)4 << 29), bytes, a->stream) ||
        d->stream_wait(a->stream)) {
        printf("GELU of cuBLASLt: there is none in f32\n");
        return;
    }
    for (int i = 0; i < SIDE * SIDE; i++) {
        f64 v = x[i], inner = sqrt(2 / M_PI) * (v + 0.044715 * v * v * v);

        erf_most = fmax(erf_most, fabs(y[i] - v / 2 * (1 + erf(v / sqrt(2)))));
        tanh_most = fmax(tanh_most, fabs(y[i] - v / 2 * (1 + tanh(inner))));
    }
    printf("GELU of cuBLASLt, f32, -6 to 6: at most %.2e from the erf form, "
           "%.2e from the tanh form\n",
           erf_most, tanh_most);
}

void
ask_products(const Ask *a)
{
    static const char *const file[] = {"libcublasLt.so.13",
                                       "libcublasLt.so.12"};
    Library lib = {.ask = a};
    void *library = NULL, *at;
    bool good = true;

    for (u32 i = 0; i < countof(file) && !library; i++)
        library = dlopen(file[i], RTLD_NOW | RTLD_LOCAL);
#define X(name, args)                                                          \
    at = library ? dlsym(library, "cublasLt" #name) : NULL;                    \
    good = good && at;                                                         \
    memcpy(&lib.name, &at, sizeof at);
    LT(X)
#undef X
    if (!good || lib.Create(&lib.handle)) {
        printf("cuBLASLt is not there or does not start\n");
        return;
    }
    ask_epilogues(&lib);
    ask_gelu(&lib);
}
