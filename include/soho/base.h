/* base.h - short integer names and the few inline helpers that both programs
 * use.  Everything here is total: no allocation, no errors. */
#ifndef SOHO_BASE_H
#define SOHO_BASE_H

#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t i32;
typedef int64_t i64;
typedef float f32;
typedef double f64;

#define SOHO_VERSION "0.1"

#define countof(a) (sizeof(a) / sizeof *(a))

/* Exit codes of both programs, and the error codes inside the runtime. */
enum {
    SOHO_OK = 0,
    SOHO_USAGE = 2,     /* wrong command line */
    SOHO_BAD = 3,       /* bad input: Lua, shape, file content, mismatch */
    SOHO_MEMORY = 4,    /* out of memory */
    SOHO_DEVICE = 5,    /* no GPU, or a CPU below the plan's instruction set */
    SOHO_IO = 6,        /* cannot open, read, write; disk full */
    SOHO_NUMERICS = 7,  /* training cannot go on: not finite */
    SOHO_BUG = 70,      /* our own fault */
    SOHO_STOPPED = 75   /* stopped by a signal, resumable */
};

/* The smallest multiple of `a` (a power of two) that is at least n. */
static inline u64
align_up(u64 n, u64 a)
{
    return (n + a - 1) & ~(a - 1);
}

static inline i64
min_i64(i64 a, i64 b)
{
    return a < b ? a : b;
}

static inline i64
max_i64(i64 a, i64 b)
{
    return a > b ? a : b;
}

#endif
