/* json_scalar.c - the numbers and strings of JSON.
 *
 * In: text at the place of a value.  Out: the number, or the string with its
 * escapes decoded and its UTF-8 checked. */
#include "runtime/data/json_own.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_MAX = 1024 }; /* characters of a number that is asked for */

/* ---------------------------------------------------------------- numbers */

/* The byte at `at`, 0 at the end of the text. */
static u8
byte_at(Json *j, u64 at)
{
    return at < j->ready || json_load(j) ? j->text[at] : 0;
}

static int
is_digit(Json *j, u64 at)
{
    u8 c = byte_at(j, at);

    return c >= '0' && c <= '9';
}

static u64
skip_digits(Json *j, u64 at)
{
    while (is_digit(j, at))
        at++;
    return at;
}

int
json_take_number(Json *j, u64 *begin, int *whole)
{
    u64 at;

    at = *begin = json_at(j);
    *whole = 1;
    if (byte_at(j, at) == '-')
        at++;
    if (!is_digit(j, at))
        return json_unexpected(j, *begin, "a number");
    at = j->text[at] == '0' ? at + 1 : skip_digits(j, at);
    if (byte_at(j, at) == '.') {
        *whole = 0;
        if (!is_digit(j, ++at))
            return json_unexpected(j, at, "a digit after the point");
        at = skip_digits(j, at);
    }
    if ((byte_at(j, at) | 0x20) == 'e') {
        *whole = 0;
        at++;
        if (byte_at(j, at) == '+' || byte_at(j, at) == '-')
            at++;
        if (!is_digit(j, at))
            return json_unexpected(j, at, "a digit of the exponent");
        at = skip_digits(j, at);
    }
    j->at = at;
    j->nvalue++;
    return 0;
}

int
json_number(Json *j, f64 *value)
{
    char digits[NUMBER_MAX + 1];
    locale_t c; /* a host program may have set a decimal comma */
    u64 begin, n;
    int whole;

    TRY(json_take_number(j, &begin, &whole));
    n = j->at - begin;
    if (n > NUMBER_MAX)
        return json_bad(j, begin, "a number of %llu characters, at most %d",
                        (unsigned long long)n, NUMBER_MAX);
    memcpy(digits, j->text + begin, n);
    digits[n] = 0;
    c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    FAIL_IF(!c, j->err, SOHO_MEMORY, "%s: no memory for a locale", j->path);
    *value = strtod_l(digits, NULL, c);
    freelocale(c);
    if (!isfinite(*value))
        return json_unexpected(j, begin, "a finite number");
    return 0;
}

/* Sign and magnitude of an integer; `expected` is for the message. */
static int
take_integer(Json *j, const char *expected, int *negative, u64 *size)
{
    int whole, c = json_byte(j);
    u64 begin, at;

    if (c >= 0 && c != '-' && !is_digit(j, j->at))
        return json_unexpected(j, j->at, expected);
    TRY(json_take_number(j, &begin, &whole));
    *negative = j->text[begin] == '-';
    *size = 0;
    if (!whole)
        return json_unexpected(j, begin, expected);
    for (at = begin + (u64)*negative; at < j->at; at++) {
        u64 digit = (u64)(j->text[at] - '0');

        if (__builtin_mul_overflow(*size, 10, size) ||
            __builtin_add_overflow(*size, digit, size))
            return json_unexpected(j, begin, expected);
    }
    return 0;
}

int
json_integer(Json *j, i64 low, i64 high, i64 *value)
{
    char expected[80];
    u64 at, size;
    int negative;

    snprintf(expected, sizeof expected, "an integer from %lld to %lld",
             (long long)low, (long long)high);
    at = json_at(j);
    TRY(take_integer(j, expected, &negative, &size));
    if (size > (u64)INT64_MAX + (u64)negative)
        return json_unexpected(j, at, expected);
    *value = (i64)(negative ? 0 - size : size);
    if (*value < low || *value > high)
        return json_unexpected(j, at, expected);
    return 0;
}

int
json_u64(Json *j, u64 *value)
{
    static const char expected[] = "an integer from 0 to 2^64-1";
    int negative;
    u64 at;

    at = json_at(j);
    TRY(take_integer(j, expected, &negative, value));
    return negative && *value ? json_unexpected(j, at, expected) : 0;
}

/* ---------------------------------------------------------------- strings */

/* Where a decoded string goes; to == NULL only checks it. */
typedef struct Sink {
    char *to;
    u64 size, n;
} Sink;

/* First byte of s[0..end) that needs a look: quote, backslash, control
 * character, or the start of a longer UTF-8 sequence.  Eight bytes at a time;
 * the tests are exact for the lowest byte that they report. */
static const u8 *
plain_run(const u8 *s, const u8 *end)
{
    const u64 ones = 0x0101010101010101, high = 0x8080808080808080;
    u64 x, quote, back;

    for (; end - s >= 8; s += 8) {
        memcpy(&x, s, 8);
        quote = x ^ ones * '"';
        back = x ^ ones * '\\';
        if ((x | (x - ones * 0x20) | (quote - ones) | (back - ones)) & high)
            break;
    }
    while (s < end && *s >= 0x20 && *s < 0x80 && *s != '"' && *s != '\\')
        s++;
    return s;
}

/* Length of the UTF-8 sequence at s (first byte >= 0x80), 0 if it is none. */
static u64
utf8_length(const u8 *s, u64 left)
{
    u64 n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;

    if (s[0] < 0xc2 || s[0] > 0xf4 || left < n)
        return 0;
    for (u64 i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0; /* overlong, surrogate, beyond U+10FFFF */
    return n;
}

static void
put(Sink *sink, const void *bytes, u64 n)
{
    if (sink->to && sink->n + n < sink->size)
        memcpy(sink->to + sink->n, bytes, n);
    sink->n += n; /* counts on, so that the caller sees what did not fit */
}

static void
put_code(Sink *sink, u32 c)
{
    u8 s[4];
    u64 n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    if (n == 1) {
        s[0] = (u8)c;
    } else {
        for (u64 i = n; i-- > 1; c >>= 6)
            s[i] = (u8)(0x80 | (c & 0x3f));
        s[0] = (u8)(0xf00 >> n | c);
    }
    put(sink, s, n);
}

/* The four hexadecimal digits at `at`, -1 if they are none. */
static i32
hex4(const Json *j, u64 at)
{
    i32 value = 0;

    if (j->ready - at < 4)
        return -1;
    for (u64 i = at; i < at + 4; i++) {
        u8 c = j->text[i], lower = c | 0x20;

        if (c >= '0' && c <= '9')
            value = value << 4 | (c - '0');
        else if (lower >= 'a' && lower <= 'f')
            value = value << 4 | (lower - 'a' + 10);
        else
            return -1;
    }
    return value;
}

/* \uXXXX, j->at behind the u; a pair of surrogates is one character. */
static int
take_unicode(Json *j, Sink *sink)
{
    i32 c, low;

    json_have(j, 10); /* XXXX\uXXXX */
    c = hex4(j, j->at);
    if (c < 0)
        return json_unexpected(j, j->at, "four hexadecimal digits");
    j->at += 4;
    if (c < 0xd800 || c > 0xdfff) {
        put_code(sink, (u32)c);
        return 0;
    }
    low = -1;
    if (c < 0xdc00 && j->ready - j->at >= 6 && j->text[j->at] == '\\' &&
        j->text[j->at + 1] == 'u')
        low = hex4(j, j->at + 2);
    if (low >= 0xdc00 && low <= 0xdfff) {
        j->at += 6;
        put_code(sink,
                 0x10000 + ((u32)(c - 0xd800) << 10) + (u32)(low - 0xdc00));
    } else {
        put_code(sink, 0xfffd);
    }
    return 0;
}

static int
take_escape(Json *j, Sink *sink)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *hit;
    u8 c = byte_at(j, j->at + 1);

    if (c == 'u') {
        j->at += 2;
        return take_unicode(j, sink);
    }
    hit = c ? strchr(from, c) : NULL;
    if (!hit)
        return json_unexpected(j, j->at,
                               "an escape \\\" \\\\ \\/ \\b \\f \\n "
                               "\\r \\t or \\uXXXX");
    put(sink, to + (hit - from), 1);
    j->at += 2;
    return 0;
}

/* The rest of a string behind its opening quote. */
static int
take_string(Json *j, Sink *sink)
{
    for (;;) {
        const u8 *end = j->text + j->ready;
        const u8 *s = j->text + j->at, *stop = plain_run(s, end);
        u64 n;

        put(sink, s, (u64)(stop - s));
        j->at += (u64)(stop - s);
        if (stop == end && json_load(j))
            continue;
        if (stop == end)
            return json_unexpected(j, j->at, "the closing quote of a string");
        if (*stop == '"') {
            j->at++;
            return 0;
        }
        if (*stop == '\\') {
            TRY(take_escape(j, sink));
            continue;
        }
        if (*stop < 0x20)
            return json_unexpected(j, j->at,
                                   "no control character in a string");
        json_have(j, 4);
        n = utf8_length(stop, j->ready - j->at);
        if (!n)
            return json_unexpected(j, j->at, "UTF-8");
        put(sink, stop, n);
        j->at += n;
    }
}

int
json_take_string(Json *j, const char *expected, char *to, u64 size, u64 *n)
{
    Sink sink = {to, size, 0};
    u64 begin;

    if (json_byte(j) != '"')
        return json_unexpected(j, j->at, expected);
    begin = j->at++;
    TRY(take_string(j, &sink));
    if (!to)
        return 0;
    if (sink.n >= size)
        return json_bad(j, begin, "expected %s of at most %llu bytes, got %llu",
                        expected, (unsigned long long)size - 1,
                        (unsigned long long)sink.n);
    to[sink.n] = 0;
    *n = sink.n;
    return 0;
}

int
json_string(Json *j, char *to, u64 size, u64 *n)
{
    TRY(json_take_string(j, "a string", to, size, n));
    j->nvalue++;
    return 0;
}
