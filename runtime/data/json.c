/* json.c - a pull reader for JSON (RFC 8259).
 *
 * In: text in memory, up to gigabytes and from anybody.  Out: one value after
 * the other, as the caller asks for them, or SOHO_BAD with the place.  The text
 * is checked in full while it is read: grammar, UTF-8, depth.  Nothing is
 * allocated and nothing recurses; the only state besides the place is one bit
 * per open container. */
#include "runtime/data/json_own.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN = 24 }; /* bytes of the text that a message quotes at most */

/* --------------------------------------------------------------- messages */

/* Lines are counted here only, so that reading need not. */
static u64
line_of(const Json *j, u64 at)
{
    const u8 *p = j->text, *end = j->text + at;
    u64 line = 1;

    if (j->from)
        return stream_line(j->from, at);
    while (p < end && (p = memchr(p, '\n', (size_t)(end - p)))) {
        line++;
        p++;
    }
    return line;
}

int
json_bad(Json *j, u64 at, const char *fmt, ...)
{
    char what[ERR_TEXT / 2];
    va_list args;

    if (j->err->code)
        return j->err->code;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    err_set(j->err, SOHO_BAD, "%s:%llu: byte %llu: ", j->path,
            (unsigned long long)line_of(j, at), (unsigned long long)at);
    j->place = (u32)strlen(j->err->text);
    snprintf(j->err->text + j->place, sizeof j->err->text - j->place, "%s",
             what);
    return SOHO_BAD;
}

static int
all_there(const Json *j)
{
    return !j->from || j->bytes == j->from->bytes;
}

/* Bytes of the token at `at` that a message shows. */
static u64
token_bytes(const Json *j, u64 at)
{
    u64 left = j->bytes - at, n = 1;
    u64 most = left < SHOWN ? left : SHOWN;
    const u8 *s = j->text + at;

    if (strchr("[]{},:", s[0]))
        return 1;
    while (n < most && s[n] >= ' ' && !strchr(",:]} ", s[n]))
        n++;
    return n;
}

int
json_unexpected(Json *j, u64 at, const char *expected)
{
    char shown[4 * SHOWN + 1];

    if (at >= j->bytes && !all_there(j))
        return json_bad(j, at, "expected %s, got more than %d bytes", expected,
                        STREAM_AHEAD);
    if (at >= j->bytes)
        return json_bad(j, at, "expected %s, got the end of the text",
                        expected);
    err_clean(shown, sizeof shown, (const char *)j->text + at,
              token_bytes(j, at));
    return json_bad(j, at, "expected %s, got %s", expected, shown);
}

/* ------------------------------------------------------------------ start */

void
json_start(Json *j, Err *e, const char *path, const u8 *text, u64 bytes)
{
    *j = (Json){.path = path, .text = text, .bytes = bytes, .err = e};
    if (bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        j->at = 3;
}

/* Makes sure that a whole token is there. */
static int
load(Json *j)
{
    TRY(stream_load(j->err, j->from, j->at));
    j->bytes = j->from->loaded;
    return 0;
}

int
json_start_stream(Json *j, Err *e, Stream *from)
{
    TRY(stream_load(e, from, 0));
    json_start(j, e, from->path, from->text, from->loaded);
    j->from = from;
    return 0;
}

int
json_byte(Json *j)
{
    for (;;) {
        if (j->bytes - j->at < STREAM_AHEAD && !all_there(j) && load(j))
            return -1;
        for (; j->at < j->bytes; j->at++) {
            u8 c = j->text[j->at];

            if (c != ' ' && c != '\n' && c != '\r' && c != '\t')
                return c;
        }
        if (all_there(j))
            return -1;
    }
}

int
json_peek(Json *j)
{
    int c = json_byte(j);

    switch (c) {
    case 'n':
        return JSON_NULL;
    case 't':
    case 'f':
        return JSON_BOOL;
    case '"':
        return JSON_STRING;
    case '[':
        return JSON_ARRAY;
    case '{':
        return JSON_OBJECT;
    default:
        if (c == '-' || (c >= '0' && c <= '9'))
            return JSON_NUMBER;
        json_unexpected(j, j->at, "a value");
        return -1;
    }
}

int
json_end(Json *j)
{
    return json_byte(j) < 0 ? 0
                            : json_unexpected(j, j->at, "the end of the text");
}

u64
json_at(Json *j)
{
    json_byte(j);
    return j->at;
}

int
json_more(Json *j)
{
    return json_byte(j) >= 0;
}

/* --------------------------------------------------------------- literals */

/* Takes the word if it stands here; the caller says what it expected. */
static int
take_word(Json *j, const char *word)
{
    u64 n = strlen(word);

    if (j->bytes - j->at < n || memcmp(j->text + j->at, word, n) != 0)
        return 0;
    j->at += n;
    j->nvalue++;
    return 1;
}

int
json_null(Json *j)
{
    json_byte(j);
    return take_word(j, "null") ? 0 : json_unexpected(j, j->at, "null");
}

int
json_bool(Json *j, int *value)
{
    json_byte(j);
    *value = take_word(j, "true");
    if (*value || take_word(j, "false"))
        return 0;
    return json_unexpected(j, j->at, "true or false");
}

/* ------------------------------------------------------------- containers */

static int
in_object(const Json *j)
{
    u32 level = j->depth - 1;

    return j->depth && (j->object[level / 64] >> level % 64 & 1);
}

static int
open_container(Json *j, u8 bracket, const char *expected)
{
    u64 bit = (u64)1 << j->depth % 64;

    if (json_byte(j) != bracket)
        return json_unexpected(j, j->at, expected);
    if (j->depth == JSON_MAX_DEPTH)
        return json_bad(j, j->at, "nested deeper than %d", JSON_MAX_DEPTH);
    if (bracket == '{')
        j->object[j->depth / 64] |= bit;
    else
        j->object[j->depth / 64] &= ~bit;
    j->at++;
    j->nvalue++;
    j->fresh = 1;
    if (++j->depth > j->deepest)
        j->deepest = j->depth;
    return 0;
}

int
json_array(Json *j)
{
    return open_container(j, '[', "an array");
}

int
json_object(Json *j)
{
    return open_container(j, '{', "an object");
}

int
json_next(Json *j, int *more)
{
    int c = json_byte(j), object = in_object(j);

    if (c == (object ? '}' : ']')) {
        j->at++;
        j->depth--;
        j->fresh = 0;
        *more = 0;
        return 0;
    }
    if (!j->fresh) {
        if (c != ',')
            return json_unexpected(j, j->at,
                                   object ? "',' or '}'" : "',' or ']'");
        j->at++;
    }
    j->fresh = 0;
    *more = 1;
    return 0;
}

int
json_key_text(Json *j, char *to, u64 size, u64 *n)
{
    TRY(json_take_string(j, "a key", to, size, n));
    if (json_byte(j) != ':')
        return json_unexpected(j, j->at, "':' after a key");
    j->at++;
    return 0;
}

int
json_key(Json *j, char *to, u64 size)
{
    u64 n, begin = json_at(j);

    TRY(json_key_text(j, to, size, &n));
    if (memchr(to, 0, n))
        return json_bad(j, begin, "expected a key without NUL");
    return 0;
}

int
json_is(const char *key, u64 n, const char *word)
{
    return n == strlen(word) && memcmp(key, word, n) == 0;
}

/* ------------------------------------------------------------------- skip */

static int
skip_word(Json *j)
{
    if (take_word(j, "null") || take_word(j, "true") || take_word(j, "false"))
        return 0;
    return json_unexpected(j, j->at, "a value");
}

/* Takes a scalar, or opens a container. */
static int
enter_value(Json *j)
{
    u64 begin, n;
    int whole, kind = json_peek(j);

    if (kind < 0)
        return j->err->code;
    if (kind == JSON_STRING)
        return json_string(j, NULL, 0, &n);
    if (kind == JSON_NUMBER)
        return json_take_number(j, &begin, &whole);
    if (kind == JSON_ARRAY)
        return json_array(j);
    if (kind == JSON_OBJECT)
        return json_object(j);
    return skip_word(j);
}

int
json_skip(Json *j)
{
    u32 base = j->depth;
    int more;
    u64 n;

    TRY(enter_value(j));
    while (j->depth > base) {
        TRY(json_next(j, &more));
        if (!more)
            continue;
        if (in_object(j))
            TRY(json_key_text(j, NULL, 0, &n));
        TRY(enter_value(j));
    }
    return 0;
}
