/* planread.h - what planread.c, planrows.c and planverify.c share. */
#ifndef SOHO_PLANREAD_H
#define SOHO_PLANREAD_H

#include "runtime/run.h"

/* Counts that no honest plan comes near; they bound the reader's time. */
enum {
    PLAN_LIMIT = 1 << 26, /* bytes of the file */
    PLAN_MAX_BUFFERS = 1 << 17,
    PLAN_MAX_PHASES = 1 << 10,
    PLAN_MAX_ARGS = 256 /* of one step */
};

typedef struct Reader {
    Err *e;
    const char *path;
    Plan *plan;
    u64 text_bytes; /* of STRINGS */
} Reader;

/* SOHO_BAD: "PATH: SECTION row N: ..." */
int plan_refuse(const Reader *r, u32 section, u64 row, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* CHECK(r, STEPS, i, what < n, "gemm %u of %u", what, n) */
#define CHECK(r, section, row, ok, ...)                                        \
    do {                                                                       \
        if (!(ok))                                                             \
            return plan_refuse(r, SEC_##section, row, __VA_ARGS__);            \
    } while (0)

/* Every row of every section by itself, and its indices into others. */
int plan_rows(const Reader *r);

/* One argument of a library call: what it is for, how it is accessed, and how
 * many bytes from the argument's offset on the call touches. */
typedef struct Operand {
    const char *what;
    u32 mode; /* ACCESS_* */
    u64 bytes;
} Operand;
enum { MAX_OPERANDS = 6 };

/* planlib.c: the arguments that a library step must have; rows are checked
 * first. */
int plan_gemm_row(const Reader *r, u32 i);
int plan_conv_row(const Reader *r, u32 i);
u32 plan_operands(const Plan *plan, const PlanStep *step, Operand *operand);

#endif
