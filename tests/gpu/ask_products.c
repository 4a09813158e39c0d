/* ask_products.c - what cuBLASLt offers on this device: which epilogues it has
 * for the products of a feed-forward layer, and how exact its GELU is. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cuda/cublaslt_own.h"
#include "tests/gpu/ask.h"

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
    CublasLt *lt;
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
    LtAlgo found; /* the first */
    DevicePtr at[4];
    bool good;
} Product;

static void
describe(Product *p, int type, i64 m, i64 n, i64 k, i32 epilogue, Turned t)
{
    enum { DGELU = 192 };
    const CublasLt *lt = p->lib->lt;
    i64 ld = m;
    u64 most = WORKSPACE;
    void *preference = NULL;
    int count = 0;

    for (u64 i = 0; i < countof(p->at); i++)
        p->at[i] = p->lib->ask->room + (i << 29);
    p->good =
        !lt->MatmulDescCreate(&p->desc, LT_COMPUTE_F32, LT_F32) &&
        !lt->MatmulDescSetAttribute(p->desc, LT_TURN_A, &t.a, 4) &&
        !lt->MatmulDescSetAttribute(p->desc, LT_TURN_B, &t.b, 4) &&
        !lt->MatmulDescSetAttribute(p->desc, LT_EPILOGUE, &epilogue, 4) &&
        (epilogue == 1 || epilogue == DGELU ||
         !lt->MatmulDescSetAttribute(p->desc, LT_BIAS, &p->at[3], 8)) &&
        (!(epilogue & 128) ||
         (!lt->MatmulDescSetAttribute(p->desc, LT_AUX, &p->at[2], 8) &&
          !lt->MatmulDescSetAttribute(p->desc, LT_AUX_LD, &ld, 8))) &&
        !lt->MatrixLayoutCreate(&p->a, type, (u64)(t.a ? k : m),
                                (u64)(t.a ? m : k), t.a ? k : m) &&
        !lt->MatrixLayoutCreate(&p->b, type, (u64)(t.b ? n : k),
                                (u64)(t.b ? k : n), t.b ? n : k) &&
        !lt->MatrixLayoutCreate(&p->d, type, (u64)m, (u64)n, m) &&
        !lt->MatmulPreferenceCreate(&preference) &&
        !lt->MatmulPreferenceSetAttribute(preference, LT_WORKSPACE, &most,
                                          sizeof most) &&
        !lt->MatmulAlgoGetHeuristic(lt->handle, p->desc, p->a, p->b, p->d, p->d,
                                    preference, 1, &p->found, &count) &&
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

    return p->lib->lt->Matmul(p->lib->lt->handle, p->desc, &one, p->at[0], p->a,
                              p->at[1], p->b, &zero, d, p->d, d, p->d,
                              &p->found, scratch, WORKSPACE, a->stream);
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
    static char path[] = "ask";
    const Plan none = {.path = path};
    Library lib = {.ask = a};
    Err e = {0};

    if (cublaslt_open(&e, &none, &lib.lt)) {
        printf("%s\n", e.text);
    } else {
        ask_epilogues(&lib);
        ask_gelu(&lib);
    }
    cublaslt_close(lib.lt);
}
