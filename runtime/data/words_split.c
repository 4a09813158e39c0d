/* words_split.c - from text to the words that WordPiece looks up.
 *
 * In: valid UTF-8.  Out: words in lower case, without accents, punctuation and
 * CJK characters each a word of their own.
 *
 * BERT's reference runs over the whole text once per rule; here one character
 * after the other goes through all of them.  Two facts make that the same:
 * white space and punctuation are starters, so canonical order never moves a
 * mark across them; and words of more than WORD_CHARS characters are unknown
 * whatever they hold, so no buffer has to be longer.  Characters are those of
 * Unicode 14, which the reference knew. */
#include "runtime/data/words_own.h"

#include <utf8proc.h>

typedef struct Range {
    u32 first, last;
} Range;

/* Blank for Python's str.split(): more than Unicode's separators. */
static const Range spaces[] = {
    {0x09, 0x0d},     {0x1c, 0x20},     {0x85, 0x85},     {0xa0, 0xa0},
    {0x1680, 0x1680}, {0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f},
    {0x205f, 0x205f}, {0x3000, 0x3000},
};

/* ASCII that BERT calls punctuation although Unicode calls some of it symbol */
static const Range ascii_punctuation[] = {
    {0x21, 0x2f},
    {0x3a, 0x40},
    {0x5b, 0x60},
    {0x7b, 0x7e},
};

/* The ideographs that stand alone; kana and hangul do not. */
static const Range cjk[] = {
    {0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0xf900, 0xfaff},
    {0x20000, 0x2a6df}, {0x2a700, 0x2b73f}, {0x2b740, 0x2b81f},
    {0x2b820, 0x2ceaf}, {0x2f800, 0x2fa1f},
};

/* Marks and punctuation that utf8proc 2.8 (Unicode 15) knows and Unicode 14 did
 * not: they were unassigned. */
static const Range after_14[] = {
    {0x0ece, 0x0ece},   {0x10efd, 0x10eff}, {0x11241, 0x11241},
    {0x11b00, 0x11b09}, {0x11f00, 0x11f4f}, {0x13439, 0x13455},
    {0x1e08f, 0x1e08f}, {0x1e4ec, 0x1e4ef},
};

static int
within(u32 c, const Range *range, u32 n)
{
    u32 low = 0;

    while (low < n) {
        u32 middle = (low + n) / 2;

        if (c > range[middle].last)
            low = middle + 1;
        else if (c < range[middle].first)
            n = middle;
        else
            return 1;
    }
    return 0;
}

#define WITHIN(c, ranges) within(c, ranges, countof(ranges))

int
words_space(u32 c)
{
    return WITHIN(c, spaces);
}

static int
is_punctuation(u32 c)
{
    utf8proc_category_t kind;

    if (c < 0x80)
        return WITHIN(c, ascii_punctuation);
    kind = utf8proc_category((utf8proc_int32_t)c);
    return kind >= UTF8PROC_CATEGORY_PC && kind <= UTF8PROC_CATEGORY_PO &&
           !WITHIN(c, after_14);
}

/* ------------------------------------------------------------------ words */

/* A character of the word that is being gathered. */
typedef struct Letter {
    u32 code;
    u32 class; /* canonical combining class; 0 is a starter */
} Letter;

typedef struct Split {
    WordSink *sink;
    void *context;
    Letter letter[WORD_CHARS];
    u32 n;        /* letters, WORD_CHARS + 1 for a word that is too long */
    u32 sortable; /* letters behind the last starter begin here */
    int stopped;
} Split;

static void
flush(Split *s)
{
    char word[WORD_BYTES];
    i32 n = 0;

    if (s->n > WORD_CHARS)
        n = WORD_LONG;
    else
        for (u32 i = 0; i < s->n; i++)
            n += (i32)utf8proc_encode_char((utf8proc_int32_t)s->letter[i].code,
                                           (utf8proc_uint8_t *)word + n);
    if (s->n && !s->stopped)
        s->stopped = s->sink(s->context, word, n);
    s->n = s->sortable = 0;
}

/* Adds a character of the decomposed text; marks are kept in the canonical
 * order of their classes, equal ones in the order of the text. */
static void
add_letter(Split *s, u32 c, u32 class)
{
    u32 i = s->n;

    if (i >= WORD_CHARS) {
        s->n = WORD_CHARS + 1;
        return;
    }
    for (; class && i > s->sortable && s->letter[i - 1].class > class; i--)
        s->letter[i] = s->letter[i - 1];
    s->letter[i] = (Letter){c, class};
    s->n++;
    if (!class)
        s->sortable = s->n;
}

static void
add_decomposed(Split *s, u32 c)
{
    const utf8proc_property_t *p = utf8proc_get_property((utf8proc_int32_t)c);
    u32 class = (u32)p->combining_class;
    int known = !WITHIN(c, after_14);

    if (known && p->category == UTF8PROC_CATEGORY_MN) {
        if (!class)
            s->sortable = s->n; /* dropped, but marks do not pass it */
    } else if (is_punctuation(c)) {
        flush(s);
        add_letter(s, c, 0);
        flush(s);
    } else {
        add_letter(s, c, known ? class : 0);
    }
}

static void
add_character(Split *s, u32 c)
{
    utf8proc_int32_t part[8]; /* canonical decompositions have up to 4 */
    int alone, last = 0;
    utf8proc_ssize_t n;

    /* No character but U+0130 has a lower case of two, and the second is a
     * mark that would be dropped. */
    c = (u32)utf8proc_tolower((utf8proc_int32_t)c);
    if (words_space(c)) {
        flush(s);
        return;
    }
    alone = WITHIN(c, cjk);
    if (alone)
        flush(s);
    n = utf8proc_decompose_char((utf8proc_int32_t)c, part, countof(part),
                                UTF8PROC_DECOMPOSE, &last);
    for (utf8proc_ssize_t i = 0; i < n; i++)
        add_decomposed(s, (u32)part[i]);
    if (alone)
        flush(s);
}

void
words_split(const u8 *text, u64 bytes, WordSink *sink, void *context)
{
    Split s = {.sink = sink, .context = context};
    u64 at = 0;

    while (at < bytes && !s.stopped) {
        u8 c = text[at];

        if (c >= 0x80) {
            utf8proc_int32_t code;

            at += (u64)utf8proc_iterate(text + at,
                                        (utf8proc_ssize_t)(bytes - at), &code);
            add_character(&s, (u32)code);
        } else {
            at++;
            if (c >= 'a' && c <= 'z') /* most of any question */
                add_letter(&s, c, 0);
            else
                add_character(&s, c);
        }
    }
    flush(&s);
}

u64
words_check(const u8 *s, u64 n)
{
    utf8proc_int32_t code;
    u64 at = 0;

    while (at < n) {
        utf8proc_ssize_t length = 1;

        if (s[at] >= 0x80)
            length =
                utf8proc_iterate(s + at, (utf8proc_ssize_t)(n - at), &code);
        if (length <= 0)
            return at;
        at += (u64)length;
    }
    return n;
}
