/* cublaslt.c - how rows of the plan become products as cuBLASLt takes them: a
 * straight product over the shape found, against one over the row's strides. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#define CHECK_PART "cublaslt/"
#include "tests/unit/check.h"
#include "runtime/cuda/cublaslt.h"

enum { ROOM = 1 << 16 };

static f32 a[ROOM], b[ROOM], c[ROOM], d[ROOM];

static void
by_row(const PlanGemm *g)
{
    for (i64 p = 0; p < g->nb[0]; p++)
        for (i64 q = 0; q < g->nb[1]; q++)
            for (i64 i = 0; i < g->m; i++)
                for (i64 j = 0; j < g->n; j++) {
                    f64 sum = 0;

                    for (i64 k = 0; k < g->k; k++)
                        sum += (f64)a[p * g->a_stride[0] + q * g->a_stride[1] +
                                      i * g->a_stride[2] + k * g->a_stride[3]] *
                               (f64)b[p * g->b_stride[0] + q * g->b_stride[1] +
                                      k * g->b_stride[2] + j * g->b_stride[3]];
                    c[p * g->c_stride[0] + q * g->c_stride[1] +
                      i * g->c_stride[2] + j * g->c_stride[3]] = (f32)sum;
                }
}

/* Element (i,j) of a matrix with contiguous columns, or of its transpose. */
static f64
at(const f32 *x, i64 i, i64 j, u8 turned, i64 ld)
{
    return (f64)(turned ? x[i * ld + j] : x[j * ld + i]);
}

static void
by_shape(const GemmShape *s)
{
    const f32 *operand[] = {NULL, a, b};

    for (i64 t = 0; t < s->times; t++)
        for (i64 q = 0; q < s->batch; q++) {
            const f32 *left =
                operand[s->left] + t * s->left_jump + q * s->left_step;
            const f32 *right =
                operand[s->right] + t * s->right_jump + q * s->right_step;
            f32 *to = d + t * s->d_jump + q * s->d_step;

            for (i64 i = 0; i < s->rows; i++)
                for (i64 j = 0; j < s->columns; j++) {
                    f64 sum = 0;

                    for (i64 k = 0; k < s->inner; k++)
                        sum += at(left, i, k, s->left_turned, s->left_ld) *
                               at(right, k, j, s->right_turned, s->right_ld);
                    to[j * s->d_ld + i] = (f32)sum;
                }
        }
}

static void
try(const char *name, PlanGemm g, i64 calls)
{
    GemmShape s;

    for (u32 i = 0; i < ROOM; i++) {
        a[i] = (f32)(i * 7 % 31) - 15;
        b[i] = (f32)(i * 5 % 29) - 14;
        c[i] = d[i] = 0;
    }
    if (!gemm_shape(&g, &s)) {
        check(0, name, "no shape");
        return;
    }
    by_row(&g);
    by_shape(&s);
    check(!memcmp(c, d, sizeof c), name, "another product");
    if (s.times != calls)
        check(0, name, "another number of calls");
}

#define ROW(...)                                                               \
    (PlanGemm)                                                                 \
    {                                                                          \
        .nb = {1, 1}, .m = 5, .n = 7, .k = 3, __VA_ARGS__                      \
    }

int
main(void)
{
    PlanGemm g;
    GemmShape s;

    try("plain",
        ROW(.a_stride = {0, 0, 3, 1}, .b_stride = {0, 0, 7, 1},
            .c_stride = {0, 0, 7, 1}),
        1);
    try("a-turned",
        ROW(.a_stride = {0, 0, 1, 5}, .b_stride = {0, 0, 7, 1},
            .c_stride = {0, 0, 7, 1}),
        1);
    try("b-turned",
        ROW(.a_stride = {0, 0, 3, 1}, .b_stride = {0, 0, 1, 3},
            .c_stride = {0, 0, 7, 1}),
        1);
    try("c-turned",
        ROW(.a_stride = {0, 0, 3, 1}, .b_stride = {0, 0, 7, 1},
            .c_stride = {0, 0, 1, 5}),
        1);
    try("wide-rows",
        ROW(.a_stride = {0, 0, 11, 1}, .b_stride = {0, 0, 13, 1},
            .c_stride = {0, 0, 17, 1}),
        1);
    g = ROW(.a_stride = {0, 0, 3, 1}, .b_stride = {0, 0, 1, 1},
            .c_stride = {0, 0, 1, 1});
    g.n = 1;
    try("a-vector", g, 1);
    /* heads of attention: q and k are parts of wider rows */
    g = (PlanGemm){.nb = {2, 4},
                   .m = 6,
                   .n = 6,
                   .k = 8,
                   .a_stride = {6 * 96, 8, 96, 1},
                   .b_stride = {6 * 96, 8, 1, 96},
                   .c_stride = {4 * 36, 36, 6, 1}};
    try("heads", g, 2);
    g.a_stride[0] = g.b_stride[0] = 4 * 48;
    g.a_stride[1] = g.b_stride[1] = 48;
    g.a_stride[2] = 8, g.b_stride[3] = 8;
    try("one-batch", g, 1);
    g = ROW(.a_stride = {0, 0, 6, 2}, .b_stride = {0, 0, 7, 1},
            .c_stride = {0, 0, 7, 1});
    check(!gemm_shape(&g, &s), "scattered", "found a shape");
    return failed;
}
