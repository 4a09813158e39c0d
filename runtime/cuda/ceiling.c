/* ceiling.c - what a GPU can do at most: how fast it copies, and multiplies
 * large matrices of each type; what soho-rt bench compares steps with.
 *
 * In: an open run, whose act arena is overwritten; what lies there, the numbers
 * of the last phase, is multiplied.  Out: bytes and operations per second, each
 * the best of a few rounds. */
#include "runtime/cuda/gpu.h"

enum { ROUNDS = 5, TIMES = 4, WORKSPACE = 32 << 20, LARGEST = 8192 };

/* Milliseconds of what `call` puts on the stream. */
typedef int Call(Err *e, Run *run, Gpu *gpu, const PlanGemm *row);

static int
best_of(Err *e, Run *run, Gpu *gpu, Call *call, const PlanGemm *row, f64 *best)
{
    void *event[2] = {NULL, NULL};
    f32 ms;

    *best = 0;
    for (int i = 0; i < 2; i++)
        DRIVER(event_create(&event[i], 0), "an event");
    for (int i = 0; i <= ROUNDS; i++) { /* the first warms up */
        DRIVER(event_record(event[0], gpu->stream), "an event");
        TRY(call(e, run, gpu, row));
        DRIVER(event_record(event[1], gpu->stream), "an event");
        DRIVER(event_wait(event[1]), "the device");
        DRIVER(event_between(&ms, event[0], event[1]), "an event");
        if (i && (*best == 0 || (f64)ms < *best))
            *best = (f64)ms;
    }
    for (int i = 0; i < 2; i++)
        DRIVER(event_destroy(event[i]), "an event");
    return 0;
}

static int
copy_half(Err *e, Run *run, Gpu *gpu, const PlanGemm *row)
{
    u64 half = run->arena_bytes[AR_act] / 2 & ~(u64)255;

    (void)row;
    DRIVER(copy(gpu->arena[AR_act] + half, gpu->arena[AR_act], half,
                gpu->stream),
           "a copy");
    return 0;
}

/* c, a and b of a row lie one after the other, the workspace behind them. */
static int
multiply(Err *e, Run *run, Gpu *gpu, const PlanGemm *row)
{
    u64 matrix = (u64)(row->n * row->n) * sizeof(f32);
    DevicePtr at[4];

    (void)run;
    for (u32 i = 0; i < 4; i++)
        at[i] = gpu->arena[AR_act] + i * matrix;
    return gpu->lib.product(e, &gpu->lib, row, at, TIMES, gpu->stream);
}

/* The largest square matrices of which three have room; 0: none. */
static i64
side_for(const Run *run, const Gpu *gpu)
{
    u64 room = run->arena_bytes[AR_act];
    i64 n = gpu->arch == ARCH_emu ? 64 : LARGEST;

    while (n >= 64 && 3 * (u64)(n * n) * sizeof(f32) + WORKSPACE > room &&
           gpu->arch != ARCH_emu)
        n /= 2;
    return n < 64 || 3 * (u64)(n * n) * sizeof(f32) > room ? 0 : n;
}

static int
product_rate(Run *run, Gpu *gpu, i64 n, u8 type, u32 post, f64 *rate)
{
    PlanGemm row = {.nb = {1, 1},
                    .m = n,
                    .n = n,
                    .k = n,
                    .a_stride = {0, 0, n, 1},
                    .b_stride = {0, 0, n, 1},
                    .c_stride = {0, 0, n, 1},
                    .post = post,
                    .dtype = {type, type, type, type},
                    .scratch = gpu->arch == ARCH_emu ? 0 : WORKSPACE};
    f64 ms;

    TRY(best_of(&run->err, run, gpu, multiply, &row, &ms));
    *rate = ms > 0 ? 2e3 * TIMES * (f64)n * (f64)n * (f64)n / ms : 0;
    return 0;
}

int
gpu_ceiling(Run *run, RunCeiling *c)
{
    Gpu *gpu = run->own;
    i64 n = side_for(run, gpu);
    u64 half = run->arena_bytes[AR_act] / 2 & ~(u64)255;
    f64 ms;

    if (half) {
        TRY(best_of(&run->err, run, gpu, copy_half, NULL, &ms));
        c->bytes = ms > 0 ? 2e3 * (f64)half / ms : 0;
    }
    if (!n || !gpu->lib.product)
        return 0;
    TRY(product_rate(run, gpu, n, DT_f32, 0, &c->f32));
    TRY(product_rate(run, gpu, n, DT_f32, POST_tf32, &c->tf32));
    return product_rate(run, gpu, n, DT_bf16, 0, &c->half);
}
