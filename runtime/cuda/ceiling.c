/* ceiling.c - what a GPU can do at most: how fast it copies, and multiplies
 * large matrices of each type; what soho-rt bench compares steps with.
 *
 * In: an open run.  Out: bytes and operations per second, each the best of a
 * few rounds, in memory of its own that is given back; what is multiplied are
 * the weights, over and over, for zeros would be faster. */
#include "runtime/cuda/gpu.h"

enum { ROUNDS = 5, TIMES = 4, WORKSPACE = 32 << 20 };

/* Memory for three square matrices of `side` f32, and a workspace. */
typedef struct Room {
    DevicePtr at;
    u64 matrix; /* bytes */
    i64 side;
} Room;

/* Milliseconds of what `call` puts on the stream. */
typedef int Call(Err *e, Run *run, Gpu *gpu, const Room *room,
                 const PlanGemm *row);

static int
best_of(Run *run, const Room *room, Call *call, const PlanGemm *row, f64 *best)
{
    Gpu *gpu = run->own;
    Err *e = &run->err;
    void *event[2] = {NULL, NULL};
    f32 ms;

    *best = 0;
    for (int i = 0; i < 2; i++)
        DRIVER(event_create(&event[i], 0), "an event");
    for (int i = 0; i <= ROUNDS; i++) { /* the first warms up */
        DRIVER(event_record(event[0], gpu->stream), "an event");
        TRY(call(e, run, gpu, room, row));
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
copy_matrix(Err *e, Run *run, Gpu *gpu, const Room *room, const PlanGemm *row)
{
    (void)row;
    DRIVER(copy(room->at + room->matrix, room->at, room->matrix, gpu->stream),
           "a copy");
    return 0;
}

static int
multiply(Err *e, Run *run, Gpu *gpu, const Room *room, const PlanGemm *row)
{
    DevicePtr at[4];

    (void)run;
    for (u32 i = 0; i < 4; i++)
        at[i] = room->at + i * room->matrix;
    return gpu->lib.product(e, &gpu->lib, row, at, TIMES, gpu->stream);
}

static int
product_rate(Run *run, const Room *room, u8 type, u32 post, f64 *rate)
{
    const Gpu *gpu = run->own;
    i64 n = room->side;
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

    TRY(best_of(run, room, multiply, &row, &ms));
    *rate = ms > 0 ? 2e3 * TIMES * (f64)n * (f64)n * (f64)n / ms : 0;
    return 0;
}

static int
measure(Run *run, const Room *room, RunCeiling *c)
{
    const Gpu *gpu = run->own;
    f64 ms;

    TRY(best_of(run, room, copy_matrix, NULL, &ms));
    c->bytes = ms > 0 ? 2e3 * (f64)room->matrix / ms : 0;
    if (!gpu->lib.product)
        return 0;
    TRY(product_rate(run, room, DT_f32, 0, &c->f32));
    TRY(product_rate(run, room, DT_f32, POST_tf32, &c->tf32));
    return product_rate(run, room, DT_bf16, 0, &c->half);
}

/* Weights, or zeros where there are none. */
static int
fill(Err *e, Run *run, Gpu *gpu, const Room *room)
{
    u64 have = run->arena_bytes[AR_param], all = 3 * room->matrix;

    DRIVER(fill_bytes(room->at, 0, all, gpu->stream), "a room");
    for (u64 at = 0; have && at < all; at += have)
        DRIVER(copy(room->at + at, gpu->arena[AR_param],
                    have < all - at ? have : all - at, gpu->stream),
               "a room");
    return 0;
}

int
gpu_ceiling(Run *run, RunCeiling *c)
{
    Gpu *gpu = run->own;
    Err *e = &run->err;
    Room room = {.side = gpu->arch == ARCH_emu ? 64 : 8192};
    int code;

    room.matrix = (u64)(room.side * room.side) * sizeof(f32);
    DRIVER(alloc(&room.at, 3 * room.matrix + WORKSPACE), "the ceilings' room");
    code = fill(e, run, gpu, &room);
    if (!code)
        code = measure(run, &room, c);
    DRIVER(free(room.at), "the ceilings' room");
    return code;
}
