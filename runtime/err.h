/* err.h - the one error contract of the runtime.
 *
 * A function that can fail takes an `Err *` and returns int: 0, or one of the
 * SOHO_* codes of base.h.  The text says what went wrong, where (file and
 * line, byte offset, member, tensor, question id), what was expected and what
 * was found, and what to do next.  Strings that came from a file are passed
 * through err_clean() before they are printed, so that no terminal escape is
 * echoed.  Nothing in the library prints or exits. */
#ifndef SOHO_ERR_H
#define SOHO_ERR_H

#include "soho/base.h"

enum { ERR_TEXT = 1024 };

typedef struct Err {
    int code;            /* 0 or SOHO_* */
    char text[ERR_TEXT]; /* one line, no newline at the end */
} Err;

/* Sets code and text (printf form) and returns code.  A set error is kept:
 * the first cause wins. */
int err_set(Err *e, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "where: " in front of the text of an error that is already set, and
 * returns its code. */
int err_at(Err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The same behind the first `n` bytes of the text. */
int err_in(Err *e, size_t n, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

void err_clear(Err *e);

/* Copies at most size-1 bytes of s[0..n) with control bytes, DEL and invalid
 * UTF-8 shown as \xNN, cut with "..." where it does not fit; returns out. */
char *err_clean(char *out, size_t size, const char *s, size_t n);

#define TRY(call)                                                              \
    do {                                                                       \
        int try_code_ = (call);                                                \
        if (try_code_)                                                         \
            return try_code_;                                                  \
    } while (0)

#define FAIL_IF(cond, e, ...)                                                  \
    do {                                                                       \
        if (cond)                                                              \
            return err_set(e, __VA_ARGS__);                                    \
    } while (0)

#endif
