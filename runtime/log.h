/* log.h - what a training run tells: one living line on a terminal, or a line
 * every few seconds elsewhere, and RUN/log.jsonl with one JSON object a line.
 * Nothing that is decided depends on it or on the clock it reads. */
#ifndef SOHO_LOG_H
#define SOHO_LOG_H

#include <limits.h>

#include "runtime/err.h"

typedef struct Log {
    int fd; /* of log.jsonl */
    char path[PATH_MAX];
    u64 bytes;            /* of whole lines in the file */
    int lost;             /* a line could not be written; said once */
    int terminal;         /* stderr is one */
    int drawn;            /* the living line stands there */
    f64 began, shown;     /* seconds: the first call, the last line shown */
    u64 began_t, shown_t; /* micro-batches then */
} Log;

/* Opens RUN/log.jsonl and keeps its first `keep` bytes: what later steps wrote
 * is going to be written again.  SOHO_IO. */
int log_open(Err *e, Log *log, const char *run, u64 keep);
void log_close(Log *log);

/* Adds one line (without newline).  A full disk does not end training. */
void log_line(Log *log, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Says something on stderr, clear of the living line. */
void log_say(Log *log, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* A number of a JSON text: "null" where it is not finite. */
enum { LOG_NUMBER = 32 };
char *log_number(char out[LOG_NUMBER], f64 value);

/* Where the run stands; shown when enough time has gone by, or `now`. */
typedef struct Standing {
    u64 t, total; /* micro-batches; total 0 = unknown */
    u64 step, steps;
    u64 epoch;
    u32 batch;           /* samples of a micro-batch */
    const char *figures; /* "loss 0.1234  score  99.0 %" */
    u32 skipped;         /* updates refused, 0: not shown */
    f64 loss_scale;      /* 0: not shown */
} Standing;
void log_standing(Log *log, const Standing *s, int now);

/* Samples per second since log_open or the first call. */
f64 log_rate(const Log *log, u64 t, u32 batch);

/* Seconds of a clock that never goes back. */
f64 log_clock(void);

#endif
