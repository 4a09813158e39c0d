/* emu.h - CUDA kernels on the host, for tests: the text that NVRTC compiles is
 * compiled by g++ behind this header, and behaves as on a GPU.
 *
 * Each CUDA thread is a fiber; blocks run one after another.  A thread gives
 * way where it waits for others, and the schedule (forward, backward, random)
 * decides who goes on, so that what a missing barrier leaves to chance comes
 * out.  Shared arrays belong to a block and begin as NaN.  What a GPU leaves
 * undefined is reported: threads that wait at different barriers, lanes that a
 * warp operation names but that do not come.
 *
 * emu_launch() is what the emulated driver calls (tests/emu/driver.cpp). Fibers
 * switch by x86-64's calling convention of Linux. */
#ifndef SOHO_EMU_H
#define SOHO_EMU_H

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <sys/mman.h>

namespace emu
{

enum { MOST_THREADS = 1024, LANES = 32, STACK = 64 << 10, MOST_ARRAYS = 32 };
enum { SHARED_BYTES = 227 << 10 };
enum State { READY, AT_BARRIER, IN_WARP, DONE };

struct Index {
    unsigned x, y, z;
};

struct Fiber {
    void *stack; /* where it stopped */
    State state;
    int line; /* of the barrier or warp operation it waits at */
};

/* A warp operation: lanes leave a value and take another lane's once all that
 * the mask names have come.  Two generations, as the fast may already come to
 * the next one. */
struct Warp {
    uint64_t value[2][LANES];
    uint32_t mask, arrived, alive, generation;
};

struct Array {
    const void *key;
    void *at;
};

struct Block {
    Fiber fiber[MOST_THREADS];
    Warp warp[MOST_THREADS / LANES];
    Array array[MOST_ARRAYS];
    int threads, current, alive, waiting, arrays;
    size_t shared; /* bytes of the arrays */
    unsigned index, blocks, seed;
    void (*kernel)(const void *);
    const void *args;
    char *stacks;
    void *main; /* where emu_launch stopped */
    char error[200];
};

static Block b;

/* ------------------------------------------------------------------ fibers */

extern "C" void emu_switch(void **from, void *to);
asm(".text\n"
    ".type emu_switch,@function\n"
    "emu_switch:\n"
    "push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15\n"
    "mov %rsp,(%rdi)\n"
    "mov %rsi,%rsp\n"
    "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp\n"
    "ret\n"
    ".size emu_switch,.-emu_switch\n");

/* Ends the launch; the fibers are given up where they stand. */
[[noreturn]] static void
fail(const char *format, int x = 0, int y = 0, int z = 0)
{
    void *nowhere;
    int n = snprintf(b.error, sizeof b.error, "block %u thread %d: ", b.index,
                     b.current);

    snprintf(b.error + n, sizeof b.error - (size_t)n, format, x, y, z);
    emu_switch(&nowhere, b.main);
    abort();
}

/* The next thread that can run, by the schedule; -1: none. */
static int
next_ready()
{
    int n = b.threads, start = b.current, step = 1;

    if (b.seed == 1)
        step = n - 1;
    if (b.seed > 1) {
        b.seed = (b.seed * 1664525u + 1013904223u) | 2;
        start = (int)((b.seed >> 8) % (unsigned)n);
    }
    for (int k = 0, i = start; k < n; k++) {
        i = (i + step) % n;
        if (b.fiber[i].state == READY)
            return i;
    }
    return -1;
}

/* Lets others run until this thread is ready again. */
static void
give_way()
{
    int from = b.current, to = next_ready(), barrier = 0, warp = 0;

    if (to == from)
        return;
    if (to < 0) {
        for (int i = 0; i < b.threads; i++) {
            barrier += b.fiber[i].state == AT_BARRIER;
            warp += b.fiber[i].state == IN_WARP;
        }
        fail("deadlock: %d threads wait at a barrier, %d in a warp operation, "
             "%d have ended",
             barrier, warp, b.threads - barrier - warp);
    }
    b.current = to;
    emu_switch(&b.fiber[from].stack, b.fiber[to].stack);
}

/* ---------------------------------------------------------------- barriers */

static void
open_barrier()
{
    b.waiting = 0;
    for (int i = 0; i < b.threads; i++)
        if (b.fiber[i].state == AT_BARRIER)
            b.fiber[i].state = READY;
}

static void
barrier(int line)
{
    Fiber *own = &b.fiber[b.current];

    for (int i = 0; b.waiting && i < b.threads; i++)
        if (b.fiber[i].state == AT_BARRIER) {
            if (b.fiber[i].line != line)
                fail("waits at the barrier of line %d, thread %d at that of "
                     "line %d",
                     line, i, b.fiber[i].line);
            break;
        }
    own->state = AT_BARRIER;
    own->line = line;
    if (++b.waiting == b.alive)
        open_barrier();
    give_way();
}

/* --------------------------------------------------------- warp operations */

/* Leaves x, waits for the lanes of the mask; their values, by lane. */
static const uint64_t *
exchange(uint32_t mask, uint64_t x, int line)
{
    Warp *w = &b.warp[b.current / LANES];
    int lane = b.current % LANES, first = b.current - lane;
    uint32_t generation = w->generation % 2;

    if (!(mask >> lane & 1))
        fail("line %d: a warp operation without its own lane", line);
    if (mask & ~w->alive)
        fail("line %d: a warp operation names lanes that have ended", line);
    if (w->arrived && w->mask != mask)
        fail("line %d: lanes name different masks", line);
    w->mask = mask;
    w->arrived |= 1u << lane;
    w->value[generation][lane] = x;
    if (w->arrived != mask) {
        b.fiber[b.current].state = IN_WARP;
        b.fiber[b.current].line = line;
        give_way();
        return w->value[generation];
    }
    w->arrived = 0;
    w->generation++;
    for (int i = 0; i < LANES; i++)
        if (mask >> i & 1)
            b.fiber[first + i].state = READY;
    return w->value[generation];
}

template <typename T>
static T
shuffle_xor(uint32_t mask, T x, int far, int line)
{
    uint64_t word = 0;
    int from = (b.current % LANES) ^ far;
    T y;

    static_assert(sizeof x <= sizeof word, "a shuffle of more than 8 bytes");
    memcpy(&word, &x, sizeof x);
    word = exchange(mask, word, line)[from];
    if (!(mask >> from & 1))
        fail("line %d: reads lane %d, which the mask does not name", line,
             from);
    memcpy(&y, &word, sizeof y);
    return y;
}

/* What every lane of the warp leaves. */
static void
all_lanes(uint64_t to[LANES], uint64_t x, int line)
{
    memcpy(to, exchange(~0u, x, line), LANES * sizeof *to);
}

/* ----------------------------------------------------------- shared memory */

/* The block's array of that key: given to the first thread that comes here. */
static void *
shared(const void *key, size_t bytes)
{
    for (int i = 0; i < b.arrays; i++)
        if (b.array[i].key == key)
            return b.array[i].at;
    b.shared += bytes;
    if (b.arrays == MOST_ARRAYS || b.shared > SHARED_BYTES)
        fail("%d bytes of shared memory, a GPU has %d", (int)b.shared,
             SHARED_BYTES);
    b.array[b.arrays] = {key, malloc(bytes)};
    return memset(b.array[b.arrays++].at, 0xff, bytes);
}

/* ----------------------------------------------------------------- launches */

/* What a fiber does. */
static void
thread_main()
{
    b.kernel(b.args);
    Fiber *own = &b.fiber[b.current];
    Warp *w = &b.warp[b.current / LANES];
    void *nowhere;

    own->state = DONE;
    w->alive &= ~(1u << b.current % LANES);
    if (w->arrived && w->mask & ~w->alive)
        fail("ends, and its warp waits for it");
    if (--b.alive == 0)
        emu_switch(&nowhere, b.main);
    if (b.waiting == b.alive)
        open_barrier();
    give_way();
    abort();
}

static void
start_block(unsigned index)
{
    b.index = index;
    b.alive = b.threads;
    b.waiting = b.arrays = 0;
    b.shared = 0;
    for (int i = 0; i < b.threads; i += LANES) {
        int rest = b.threads - i;

        b.warp[i / LANES].arrived = b.warp[i / LANES].generation = 0;
        b.warp[i / LANES].alive = rest >= LANES ? ~0u : (1u << rest) - 1;
    }
    for (int i = 0; i < b.threads; i++) {
        void **top = (void **)(b.stacks + (size_t)(i + 1) * STACK) - 2;

        *top = (void *)thread_main; /* where the first switch returns to */
        b.fiber[i].stack = top - 6; /* after six registers */
        b.fiber[i].state = READY;
    }
    b.current = b.seed == 1 ? b.threads - 1 : 0;
}

} /* namespace emu */

/* Runs a kernel; NULL, or what went wrong, good until the next launch.  seed 0:
 * threads go on in order, 1: backward, others: at random. */
extern "C" __attribute__((visibility("default"))) const char *
emu_launch(void (*kernel)(const void *), unsigned blocks, unsigned threads,
           const void *args, unsigned seed)
{
    using namespace emu;

    if (!b.stacks)
        b.stacks = (char *)mmap(
            nullptr, (size_t)MOST_THREADS * STACK, PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (b.stacks == MAP_FAILED || threads < 1 || threads > MOST_THREADS)
        return "no memory for the stacks, or too many threads";
    b.kernel = kernel;
    b.args = args;
    b.threads = (int)threads;
    b.blocks = blocks;
    b.seed = seed;
    b.error[0] = 0;
    for (unsigned i = 0; i < blocks && !b.error[0]; i++) {
        start_block(i);
        emu_switch(&b.main, b.fiber[b.current].stack);
        for (int k = 0; k < b.arrays; k++)
            free(b.array[k].at);
    }
    return b.error[0] ? b.error : nullptr;
}

/* ------------------------------------------------------- what kernels may use
 */

#define threadIdx                     (emu::Index{(unsigned)emu::b.current, 0, 0})
#define blockIdx                      (emu::Index{emu::b.index, 0, 0})
#define gridDim                       (emu::Index{emu::b.blocks, 1, 1})
#define SYNC()                        emu::barrier(__LINE__)
#define __ffs(x)                      __builtin_ffs(x)
#define __shfl_xor_sync(mask, x, far) emu::shuffle_xor(mask, x, far, __LINE__)
#define warp_all(to, x)               emu::all_lanes(to, x, __LINE__)

#define INLINE static inline __attribute__((always_inline))
#define SHARED(type, name, count)                                              \
    static const char name##_key = 0;                                          \
    type *const name = (type *)emu::shared(&name##_key, sizeof(type) * (count))
#define SHARED_DYNAMIC(type, name, count) SHARED(type, name, count)
#define ENTRY(name)                                                            \
    static void PASTE(name, body)(const SohoArgs<ARGS> &a);                    \
    extern "C" __attribute__((visibility("default"))) void name(               \
        const void *words)                                                     \
    {                                                                          \
        PASTE(name, body)(*(const SohoArgs<ARGS> *)words);                     \
    }                                                                          \
    static void PASTE(name, body)(const SohoArgs<ARGS> &a)
#define ENTRY_FEW(name) ENTRY(name)

#endif
