/* diag.c - what the compiler says when something is wrong.
 *
 * Three voices: diag_err for the user's model (collected, with the line of the
 * model's file and a caret), die for everything that ends the run at once
 * (files, options, memory), bug for our own faults.  Every text passes through
 * `clean`, because it may quote a file's bytes: no terminal escape gets out.
 *
 *   models/soho.lua:41: error: add: shapes f32[4,768] and f32[4,512] ...
 *       local y = op.add{h, m}
 *                    ^
 *   models/soho.lua:58: called from here
 *       local z = block(x, y)                                              */
#include <stdarg.h>
#include <unistd.h>

#include "compiler/sohoc.h"

enum { MOST_ERRORS = 20, TEXT = 4096, MOST_FILES = 80 };

const char *diag_pass = "";
bool diag_child;

static u32 count;
static const char *folder = "";
static struct Source {
    const char *file, *text;
    u64 bytes;
} source[MOST_FILES];
static u32 nsource;

void
diag_source(const char *file, const char *text, u64 bytes)
{
    if (nsource < MOST_FILES)
        source[nsource++] = (struct Source){file, text, bytes};
}

void
diag_folder(const char *prefix)
{
    folder = prefix;
}

u32
diag_count(void)
{
    return count;
}

static _Noreturn void
leave(int code)
{
    fflush(stderr);
    if (diag_child)
        _exit(code); /* the parent's buffers and handlers are not ours */
    exit(code);
}

/* ------------------------------------------------------------------- text */

/* Bytes of the UTF-8 character at s that a terminal only draws, else 0. */
static u32
drawn(const u8 *s)
{
    static const u32 least[5] = {0, 0x20, 0xa0, 0x800, 0x10000};
    u32 n = s[0] < 0x80       ? 1
            : s[0] >> 5 == 6  ? 2
            : s[0] >> 4 == 14 ? 3
            : s[0] >> 3 == 30 ? 4
                              : 0;
    u32 c = n == 1 ? s[0] : n ? s[0] & (0x7fu >> n) : 0;

    for (u32 i = 1; i < n; i++) {
        if (s[i] >> 6 != 2)
            return 0;
        c = c << 6 | (s[i] & 63);
    }
    if (!n || c < least[n] || c == 0x7f || c > 0x10ffff)
        return 0;
    if ((c >= 0xd800 && c < 0xe000) || (c >= 0x2028 && c < 0x202f) ||
        (c >= 0x2066 && c < 0x206a))
        return 0; /* surrogates, line separators, direction changes */
    return n;
}

u64
diag_plain(const char *s, u64 bytes)
{
    u64 i = 0;
    u32 n;

    while (i < bytes && (n = drawn((const u8 *)s + i)) && i + n <= bytes)
        i += n;
    return i;
}

/* s with everything that is not plain text shown as \xNN, cut to `size`. */
static char *
clean(char *out, u64 size, const char *s)
{
    u64 k = 0;

    while (*s && k + 8 < size) {
        u32 n = drawn((const u8 *)s);

        if (n) {
            memcpy(out + k, s, n);
            k += n;
            s += n;
        } else {
            k += (u64)snprintf(out + k, size - k, "\\x%02x", (u8)*s++);
        }
    }
    if (*s) {
        memcpy(out + k, "...", 3);
        k += 3;
    }
    out[k] = 0;
    return out;
}

static void
say(const char *before, const char *fmt, va_list ap)
{
    char raw[TEXT], text[TEXT + 64];

    vsnprintf(raw, sizeof raw, fmt, ap);
    fprintf(stderr, "%s%s\n", before, clean(text, sizeof text, raw));
}

/* ----------------------------------------------------------- source lines */

/* Line `line` of the model's file, copied into out; false if not known. */
static bool
line_of(const char *file, u64 nfile, u32 line, char *out, u64 size)
{
    for (u32 i = 0; i < nsource; i++) {
        const char *s = source[i].text, *end = s + source[i].bytes;
        u64 n = 0;

        if (strlen(source[i].file) != nfile ||
            memcmp(source[i].file, file, nfile))
            continue;
        while (--line && (s = memchr(s, '\n', (u64)(end - s))))
            s++;
        if (!s)
            return false;
        for (; s < end && *s != '\n' && *s != '\r' && n + 1 < size; s++)
            out[n++] = *s == '\t' ? ' ' : *s ? *s : '?';
        out[n] = 0;
        return n != 0;
    }
    return false;
}

/* Where word stands in line as a word of its own, or NULL. */
static const char *
word_in(const char *line, const char *word, u64 n)
{
    static const char *const letters =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

    for (const char *s = line; n && (s = strstr(s, word)); s++)
        if ((s == line || !strchr(letters, s[-1])) &&
            (!s[n] || !strchr(letters, s[n])))
            return s;
    return NULL;
}

/* Column of the caret: an op names itself at the start of its message; in the
 * line it stands as op.NAME or as the operator it is. */
static u64
column(const char *line, const char *message)
{
    static const char *const sign[][2] = {
        {"add", "+"}, {"sub", "-"}, {"mul", "*"}, {"div", "/"}, {"neg", "-"}};
    char word[32];
    u64 n = strcspn(message, ":"), blank = strspn(line, " ");
    const char *at;

    if (n >= sizeof word)
        return blank;
    memcpy(word, message, n);
    word[n] = 0;
    at = word_in(line, word, n);
    for (u32 i = 0; !at && i < countof(sign); i++)
        if (!strcmp(sign[i][0], word))
            at = strstr(line, sign[i][1]);
    return at ? (u64)(at - line) : blank;
}

static void
show_line(const char *place, const char *message)
{
    char line[200], text[1000];
    u64 nfile = strcspn(place, ":");
    u64 blank, col;

    if (place[nfile] != ':' ||
        !line_of(place, nfile, (u32)strtoul(place + nfile + 1, NULL, 10), line,
                 sizeof line))
        return;
    blank = strspn(line, " ");
    if (!line[blank])
        return;
    fprintf(stderr, "    %s\n", clean(text, sizeof text, line + blank));
    if (message) {
        col = column(line, message);
        fprintf(stderr, "    %*s^\n", (int)(col - blank), "");
    }
}

/* "a:1 < b:2" -> the part before " < "; *rest: what follows, or "" */
static const char *
first_place(const char *chain, char *out, u64 size, const char **rest)
{
    const char *cut = strstr(chain, " < ");
    u64 n = cut ? (u64)(cut - chain) : strlen(chain);

    *rest = cut ? cut + 3 : "";
    snprintf(out, size, "%.*s", (int)(n < size ? n : size - 1), chain);
    return out;
}

static void
report(const char *chain, const char *kind, const char *fmt, va_list ap)
{
    char place[300], text[1200], before[1600], message[64];
    const char *rest;
    va_list copy;

    if (!chain || !*chain) {
        snprintf(before, sizeof before, "sohoc: %s", kind);
        say(before, fmt, ap);
        return;
    }
    va_copy(copy, ap);
    vsnprintf(message, sizeof message, fmt, copy);
    va_end(copy);
    first_place(chain, place, sizeof place, &rest);
    snprintf(before, sizeof before, "%s%s: %s", folder,
             clean(text, sizeof text, place), kind);
    say(before, fmt, ap);
    if (!*kind)
        return;
    show_line(place, message);
    while (*rest) {
        first_place(rest, place, sizeof place, &rest);
        fprintf(stderr, "%s%s: called from here\n", folder,
                clean(text, sizeof text, place));
        show_line(place, NULL);
    }
}

void
diag_err(const char *place, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    report(place, "error: ", fmt, ap);
    va_end(ap);
    if (++count >= MOST_ERRORS)
        die(SOHO_BAD, "%u errors: stopped", count);
}

void
diag_note(const char *place, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    report(place, "", fmt, ap);
    va_end(ap);
}

void
die(int code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say("sohoc: ", fmt, ap);
    va_end(ap);
    leave(code);
}

void
bug(const char *fmt, ...)
{
    char before[64];
    va_list ap;

    snprintf(before, sizeof before,
             "sohoc: internal error%s%s: ", *diag_pass ? " in pass " : "",
             diag_pass);
    va_start(ap, fmt);
    say(before, fmt, ap);
    va_end(ap);
    leave(SOHO_BUG);
}
