/* log.c - the progress line and the JSON-lines log of a training run.
 *
 * In: where the run stands.  Out: text on stderr, lines of RUN/log.jsonl. */
#include "runtime/log.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runtime/replace.h"
#include "runtime/vfs.h"

static const f64 on_terminal = 0.2, elsewhere = 5; /* seconds between lines */
enum { LOG_FILE = 1 << 30, LOG_TEXT = 1024 };

f64
log_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (f64)now.tv_sec + 1e-9 * (f64)now.tv_nsec;
}

/* Cuts the file to `keep` bytes, which are those of whole lines. */
static int
cut(Err *e, const char *path, u64 keep, u64 *bytes)
{
    u8 *text;

    *bytes = 0;
    if (access(path, F_OK))
        return 0;
    TRY(vfs_read_file(e, path, LOG_FILE, &text, bytes));
    if (*bytes > keep) {
        *bytes = keep;
        replace_file(e, path, text, keep);
    }
    free(text);
    return e->code;
}

int
log_open(Err *e, Log *log, const char *run, u64 keep)
{
    memset(log, 0, sizeof *log);
    log->fd = -1;
    log->terminal = isatty(2);
    FAIL_IF(snprintf(log->path, sizeof log->path, "%s/log.jsonl", run) >=
                (int)sizeof log->path,
            e, SOHO_IO, "%.64s...: path too long", run);
    TRY(cut(e, log->path, keep, &log->bytes));
    log->fd =
        vfs->open(log->path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0666);
    FAIL_IF(log->fd < 0, e, SOHO_IO, "%s: cannot open: %s", log->path,
            strerror(errno));
    return 0;
}

/* The living line goes, so that other text can stand there. */
static void
wipe(Log *log)
{
    if (log->drawn)
        fputs("\r\033[K", stderr);
    log->drawn = 0;
}

void
log_close(Log *log)
{
    wipe(log);
    if (log->fd >= 0)
        vfs->close(log->fd);
    log->fd = -1;
}

void
log_say(Log *log, const char *fmt, ...)
{
    va_list args;

    wipe(log);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

void
log_line(Log *log, const char *fmt, ...)
{
    char text[LOG_TEXT];
    Err e = {0};
    va_list args;
    size_t n;

    va_start(args, fmt);
    vsnprintf(text, sizeof text - 1, fmt, args);
    va_end(args);
    n = strlen(text);
    text[n++] = '\n';
    if (!vfs_write_all(&e, log->fd, log->path, text, n)) {
        log->bytes += n;
        return;
    }
    if (!log->lost)
        log_say(log, "warning: %s; the log is going to lack lines", e.text);
    log->lost = 1;
}

char *
log_number(char out[LOG_NUMBER], f64 value)
{
    if (isfinite(value))
        snprintf(out, LOG_NUMBER, "%.9g", value);
    else
        snprintf(out, LOG_NUMBER, "null");
    return out;
}

f64
log_rate(const Log *log, u64 t, u32 batch)
{
    f64 seconds = log_clock() - log->began;

    return log->began > 0 && seconds > 0
               ? (f64)(t - log->began_t) * batch / seconds
               : 0;
}

/* "1:02:03", "2:03" */
static void
print_time(char *out, size_t size, f64 seconds)
{
    u64 s = (u64)seconds;
    int h = (int)(s / 3600), m = (int)(s / 60 % 60);

    if (h)
        snprintf(out, size, "%d:%02d:%02d", h, m, (int)(s % 60));
    else
        snprintf(out, size, "%d:%02d", m, (int)(s % 60));
}

/* The line itself; speed is that of the time since the last one. */
static void
show(Log *log, const Standing *s, f64 now)
{
    f64 since = now - log->shown;
    f64 rate = since > 0 ? (f64)(s->t - log->shown_t) * s->batch / since : 0;
    f64 all = now - log->began;
    char left[32] = "?", scale[48] = "", skipped[32] = "";

    if (s->total && s->t > log->began_t)
        print_time(left, sizeof left,
                   all * (f64)(s->total - s->t) / (f64)(s->t - log->began_t));
    if (s->loss_scale > 0)
        snprintf(scale, sizeof scale, "scale %g  ", s->loss_scale);
    if (s->skipped)
        snprintf(skipped, sizeof skipped, "skipped %u  ", s->skipped);
    wipe(log);
    fprintf(stderr,
            "step %llu/%llu  epoch %llu  %s  %s%s%.0f samples/s  %s left%s",
            (unsigned long long)s->step, (unsigned long long)s->steps,
            (unsigned long long)s->epoch, s->figures, scale, skipped, rate,
            left, log->terminal ? "" : "\n");
    log->drawn = log->terminal;
    log->shown = now;
    log->shown_t = s->t;
}

void
log_standing(Log *log, const Standing *s, int now)
{
    f64 clock = log_clock();

    if (log->began <= 0) {
        log->began = log->shown = clock;
        log->began_t = log->shown_t = s->t;
        return;
    }
    if (s->t == log->shown_t)
        return;
    if (now || clock - log->shown >= (log->terminal ? on_terminal : elsewhere))
        show(log, s, clock);
}
