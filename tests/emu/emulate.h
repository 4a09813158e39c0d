/* emulate.h - what the files of the emulated driver share. */
#ifndef EMULATE_H
#define EMULATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "soho/plan.h"

#define API __attribute__((visibility("default")))

/* The driver's error codes that are used. */
enum {
    SUCCESS = 0,
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    INVALID_IMAGE = 200,
    INVALID_HANDLE = 400,
    NOT_FOUND = 500,
    LAUNCH_FAILED = 719,
    CAPTURE_UNSUPPORTED = 900
};

/* One thing that a stream does: at once, or when the graph that recorded it is
 * launched. */
typedef struct Work {
    int (*run)(const struct Work *w);
    void *at, *from; /* copies: where to, where from; kernels: the function */
    uint64_t bytes, value;
    uint32_t grid, block;
    const void *row;    /* library: PlanGemm or PlanConv */
    uint64_t word[256]; /* arguments */
} Work;

/* memory.c: device memory is host memory between guards. */
bool memory_holds(const void *at, uint64_t bytes); /* inside one allocation? */

/* stream.c: does the work, or records it. */
int stream_add(void *stream, const Work *w);
bool stream_records(void);
void emu_trace(const char *call, uint64_t a, uint64_t b); /* EMU_TRACE */
void emu_say(const char *what, const char *why);          /* to stderr */

/* reference.c */
int reference_gemm(const Work *w);
int reference_conv(const Work *w);

#endif
