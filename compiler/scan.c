/* scan.c - words, numbers, strings, types, values and places of the one text
 * form.  In: a line of parse.c.  Out: checked values; nothing is trusted. */
#include <math.h>
#include <stdarg.h>

#include "compiler/scan.h"

static const i64 MOST_BYTES = (i64)1 << 40; /* of one tensor */

bool
scan_fail(Reader *r, const char *fmt, ...)
{
    char text[300];
    va_list ap;

    if (r->bad)
        return false;
    r->bad = true;
    int rest = r->end - r->s > 40 ? 40 : (int)(r->end - r->s);

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    diag_err(format("%s:%u", r->name, r->line), "%s, at \"%.*s\"", text, rest,
             r->s);
    return false;
}

/* ----------------------------------------------------------------- tokens */

static void
skip(Reader *r)
{
    while (r->s < r->end && *r->s == ' ')
        r->s++;
}

char
scan_peek(Reader *r)
{
    skip(r);
    return r->s < r->end ? *r->s : 0;
}

bool
scan_take(Reader *r, char c)
{
    if (scan_peek(r) != c)
        return false;
    r->s++;
    return true;
}

static bool
is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '@';
}

bool
name_good(const char *s)
{
    u64 n = strlen(s);

    if (n == 0 || n > PLAN_NAME || s[0] == '.' || s[n - 1] == '.' ||
        strstr(s, ".."))
        return false;
    while (*s)
        if (!is_name_char(*s++))
            return false;
    return true;
}

bool
place_good(const char *s)
{
    for (;; s += 3) {
        const char *start = s;

        while (is_name_char(*s) || *s == '/' || *s == '-')
            s++;
        if (s == start)
            return false;
        if (*s == ':') {
            u64 digits = strspn(++s, "0123456789");

            if (!digits || digits > 9)
                return false;
            s += digits;
        }
        if (!*s)
            return true;
        if (strncmp(s, " < ", 3))
            return false;
    }
}

/* A name: letters, digits, _ and dots (@ in the names of phases). */
bool
scan_word(Reader *r, const char **out)
{
    const char *s;

    skip(r);
    for (s = r->s; s < r->end && is_name_char(*s); s++)
        ;
    *out = intern_n(r->s, (u64)(s - r->s));
    if (!name_good(*out))
        return scan_fail(
            r, "a name of 1 to %d letters, digits, _ and dots expected",
            PLAN_NAME);
    r->s = s;
    return true;
}

bool
scan_number(Reader *r, f64 *out)
{
    char text[48];
    char *end;
    u64 n = 0;

    skip(r);
    while (r->s + n < r->end && n + 1 < sizeof text &&
           strchr("0123456789+-.einfa", r->s[n]))
        n++;
    memcpy(text, r->s, n);
    text[n] = 0;
    *out = strtod(text, &end);
    if (!n || *end)
        return scan_fail(r, "a number expected");
    r->s += n;
    return true;
}

bool
scan_integer(Reader *r, i64 least, i64 most, i64 *out)
{
    const char *start = r->s;
    f64 v;

    if (!scan_number(r, &v))
        return false;
    if (!(v >= (f64)least && v <= (f64)most) || v != floor(v)) {
        r->s = start;
        return scan_fail(r, "an integer from %lld to %lld expected",
                         (long long)least, (long long)most);
    }
    *out = (i64)v;
    return true;
}

static int
hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* After a backslash: the byte it stands for, or -1. */
static int
escaped(Reader *r)
{
    char c = r->s < r->end ? *r->s++ : 0;

    if (c == '"' || c == '\\')
        return c;
    if (c == 'x' && r->end - r->s >= 2 && hex(r->s[0]) >= 0 &&
        hex(r->s[1]) >= 0) {
        r->s += 2;
        return hex(r->s[-2]) << 4 | hex(r->s[-1]);
    }
    return -1;
}

bool
scan_string(Reader *r, const char **out)
{
    char text[4096];
    u64 n = 0;
    int c;

    if (!scan_take(r, '"'))
        return scan_fail(r, "a string expected");
    while (r->s < r->end && *r->s != '"') {
        c = (u8)*r->s++;
        if (c == '\\')
            c = escaped(r);
        if (c <= 0 || n + 1 >= sizeof text)
            return scan_fail(r,
                             "a string of at most %zu characters without \\x00 "
                             "expected",
                             sizeof text - 1);
        text[n++] = (char)c;
    }
    if (!scan_take(r, '"'))
        return scan_fail(r, "the end of a string expected");
    *out = intern_n(text, n);
    return true;
}

bool
scan_bytes(Reader *r, u8 *out, u64 n)
{
    skip(r);
    if ((u64)(r->end - r->s) < 2 * n)
        return scan_fail(r, "%llu hex digits expected",
                         (unsigned long long)(2 * n));
    for (u64 i = 0; i < n; i++, r->s += 2) {
        int hi = hex(r->s[0]), lo = hex(r->s[1]);

        if (hi < 0 || lo < 0)
            return scan_fail(r, "a hex digit expected");
        out[i] = (u8)(hi << 4 | lo);
    }
    return true;
}

bool
scan_list(Reader *r, f64 *out, u32 *n)
{
    *n = 0;
    if (!scan_take(r, '['))
        return scan_fail(r, "a list expected");
    if (scan_take(r, ']'))
        return true;
    do {
        if (*n == MAX_LIST)
            return scan_fail(r, "at most %d numbers in a list", MAX_LIST);
        if (!scan_number(r, &out[(*n)++]))
            return false;
    } while (scan_take(r, ','));
    return scan_take(r, ']') || scan_fail(r, "the end of a list expected");
}

bool
scan_one_of(Reader *r, const char *what, const char *const *names, u32 n,
            u32 *out)
{
    const char *start = r->s, *w;

    if (!scan_word(r, &w))
        return false;
    for (u32 i = 0; i < n; i++)
        if (!strcmp(names[i], w)) {
            *out = i;
            return true;
        }
    r->s = start;
    return scan_fail(r, "a %s expected", what);
}

bool
scan_place(Reader *r, const char **out)
{
    *out = "";
    if (!scan_take(r, ';'))
        return scan_peek(r) == 0 ||
               scan_fail(r, "the end of the line expected");
    skip(r);
    *out = intern_n(r->s, (u64)(r->end - r->s));
    if (!place_good(*out))
        return scan_fail(r, "places FILE:LINE < FILE:LINE ... expected");
    r->s = r->end;
    return true;
}

bool
scan_end(Reader *r)
{
    return scan_peek(r) == 0 || scan_fail(r, "the end of the line expected");
}

/* ------------------------------------------------------------ types, values */

bool
scan_type(Reader *r, Type *t)
{
    static const char *const dtype[] = {
#define X(name, bytes) #name,
        SOHO_DTYPES(X)
#undef X
    };
    i64 bytes, dim;
    u32 d = 0;

    *t = (Type){0};
    if (!scan_one_of(r, "dtype", dtype, NDTYPE, &d))
        return false;
    t->dtype = (u8)d;
    bytes = (i64)dtype_bytes(d);
    if (!scan_take(r, '['))
        return scan_fail(r, "a shape expected");
    while (!scan_take(r, ']')) {
        if (t->rank == MAX_RANK)
            return scan_fail(r, "at most %d dimensions", MAX_RANK);
        if ((t->rank && !scan_take(r, ',')) ||
            !scan_integer(r, 1, MAX_DIM, &dim))
            return scan_fail(r, "a shape expected");
        bytes *= dim;
        if (bytes > MOST_BYTES)
            return scan_fail(r, "a tensor of at most %lld bytes expected",
                             (long long)MOST_BYTES);
        t->dim[t->rank++] = (i32)dim;
    }
    return true;
}

/* The digits of a node or output below n. */
static bool
count(Reader *r, u32 least, u32 n, u32 *out)
{
    const char *s = r->s;
    u64 v = 0;

    while (s < r->end && *s >= '0' && *s <= '9' && v < n)
        v = v * 10 + (u64)(*s++ - '0');
    if (s == r->s || v < least || v >= n)
        return scan_fail(r, "a value %%0 to %%%u of an earlier node expected",
                         r->f->nnode - 1);
    r->s = s;
    *out = (u32)v;
    return true;
}

bool
scan_value(Reader *r, Val *out)
{
    u32 node, k = 0;

    if (!r->f || !r->f->nnode || !scan_take(r, '%'))
        return scan_fail(r, "a value of an earlier node expected");
    if (!count(r, 0, r->f->nnode, &node))
        return false;
    if (r->s < r->end && *r->s == '.') {
        r->s++;
        if (!count(r, 1, r->f->node[node].nout, &k))
            return false;
    }
    *out = VAL(node, k);
    return true;
}

/* "word=" of one of the fields, then its value; each at most once. */
static bool
field(Reader *r, const Field *fields, u32 n, u32 *seen)
{
    const char *w;
    i64 v;
    u32 i = 0;

    if (!scan_word(r, &w) || !scan_take(r, '='))
        return scan_fail(r, "an attribute expected");
    while (i < n && strcmp(fields[i].name, w))
        i++;
    if (i == n || *seen >> i & 1)
        return scan_fail(r, "attribute %s is unknown here, or there twice", w);
    *seen |= 1u << i;
    switch (fields[i].type) {
    case 'f':
        return scan_number(r, fields[i].to);
    case 's':
        return scan_string(r, fields[i].to);
    case 'l':
        return scan_list(r, fields[i].to, fields[i].count);
    case 'n':
        return scan_integer(r, 0, (i64)1 << 50, fields[i].to);
    default:
        if (!scan_integer(r, -1, MAX_DIM, &v))
            return false;
        *(i32 *)fields[i].to = (i32)v;
        return true;
    }
}

bool
scan_fields(Reader *r, const Field *fields, u32 n)
{
    u32 seen = 0;

    while (scan_peek(r) && scan_peek(r) != ';')
        if (!field(r, fields, n, &seen))
            return false;
    return true;
}
