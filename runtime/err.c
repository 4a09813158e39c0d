/* err.c - setting, locating and cleaning error texts.
 *
 * In: printf forms and bytes of any origin.  Out: one line of UTF-8 without
 * control characters that a terminal could obey. */
#include "runtime/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int
err_set(Err *e, int code, const char *fmt, ...)
{
    va_list args;

    if (e->code)
        return e->code; /* the first cause wins */
    e->code = code;
    va_start(args, fmt);
    vsnprintf(e->text, sizeof e->text, fmt, args);
    va_end(args);
    return code;
}

/* Puts "where: " at byte `at` of the text; what no longer fits falls off. */
static void
insert(Err *e, size_t at, const char *fmt, va_list args)
{
    char where[ERR_TEXT];
    size_t n, keep = strlen(e->text);

    at = at < keep ? at : keep;
    keep -= at;
    vsnprintf(where, sizeof where - 2, fmt, args);
    strcat(where, ": ");
    n = strlen(where);
    if (n > sizeof e->text - 1 - at)
        n = sizeof e->text - 1 - at;
    if (keep > sizeof e->text - 1 - at - n)
        keep = sizeof e->text - 1 - at - n;
    memmove(e->text + at + n, e->text + at, keep);
    memcpy(e->text + at, where, n);
    e->text[at + n + keep] = 0;
}

int
err_at(Err *e, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    insert(e, 0, fmt, args);
    va_end(args);
    return e->code;
}

int
err_in(Err *e, size_t n, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    insert(e, n, fmt, args);
    va_end(args);
    return e->code;
}

void
err_clear(Err *e)
{
    e->code = 0;
    e->text[0] = 0;
}

/* Bytes of the printable UTF-8 character at s[0..n), 0 if there is none:
 * control characters (C0, DEL, C1), surrogates, overlong forms. */
static size_t
printable(const u8 *s, size_t n)
{
    static const u32 least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = s[0] < 0x80             ? 1
                    : (s[0] & 0xe0) == 0xc0 ? 2
                    : (s[0] & 0xf0) == 0xe0 ? 3
                    : (s[0] & 0xf8) == 0xf0 ? 4
                                            : 0;
    u32 c;

    if (length == 1)
        return s[0] >= 0x20 && s[0] != 0x7f;
    if (length == 0 || length > n)
        return 0;
    c = s[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3fu);
    }
    if (c < least[length] || c < 0xa0 || c > 0x10ffff ||
        (c >= 0xd800 && c < 0xe000))
        return 0;
    return length;
}

char *
err_clean(char *out, size_t size, const char *s, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    const u8 *in = (const u8 *)s;
    size_t at = 0, i = 0;
    size_t cut = 0; /* the last place where "..." still fits */

    while (i < n) {
        size_t length = printable(in + i, n - i);
        size_t need = length ? length : 4;

        if (at + need + 1 > size) {
            snprintf(out + cut, size - cut, "...");
            return out;
        }
        if (length) {
            memcpy(out + at, in + i, length);
        } else {
            char shown[4] = {'\\', 'x', hex[in[i] >> 4], hex[in[i] & 15]};
            memcpy(out + at, shown, 4);
        }
        at += need;
        i += length ? length : 1;
        if (at + 4 <= size)
            cut = at;
    }
    out[at] = 0;
    return out;
}
