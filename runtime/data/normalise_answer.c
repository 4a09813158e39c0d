/* normalise_answer.c - answers in the form in which the VQA accuracy compares
 * them.
 *
 * In: UTF-8.  Out: words in lower case with one blank between them, without
 * punctuation and articles, with numbers up to ten as digits and with the
 * apostrophes of contractions.  Step by step what the official evaluation of
 * VQA v2 does, its oddities included: a comma between two digits anywhere makes
 * all punctuation vanish instead of becoming a blank, and only the first 32
 * periods are taken out. */
#include "runtime/data/normalise_answer.h"

#include <string.h>
#include <utf8proc.h>

#include "runtime/data/words_own.h"

enum { PERIODS = 32 };

/* The character at s[0..left), left > 0, and its length; a byte that begins no
 * UTF-8 stands for itself. */
static u64
character(const u8 *s, u64 left, u32 *code)
{
    utf8proc_int32_t c;
    utf8proc_ssize_t n;

    if (*s < 0x80) {
        *code = *s;
        return 1;
    }
    n = utf8proc_iterate(s, (utf8proc_ssize_t)left, &c);
    *code = n > 0 ? (u32)c : *s;
    return n > 0 ? (u64)n : 1;
}

/* ------------------------------------------------------------- punctuation */

static int
is_digit(const u8 *s, u64 left)
{
    u32 c;

    if (!left)
        return 0;
    character(s, left, &c);
    return utf8proc_category((utf8proc_int32_t)c) == UTF8PROC_CATEGORY_ND;
}

/* Is there a digit on both sides of the byte s[i]? */
static int
between_digits(const u8 *s, u64 n, u64 i)
{
    u64 before = i;

    while (before > 0 && i - before < 4) {
        before--;
        if ((s[before] & 0xc0) != 0x80)
            break;
    }
    return before < i && is_digit(s + before, i - before) &&
           is_digit(s + i + 1, n - i - 1);
}

enum { KEEP, BLANK, DROP };

/* What becomes of each byte: punctuation that stands beside a blank anywhere is
 * dropped everywhere. */
static void
judge(const u8 *s, u64 n, u8 fate[256])
{
    static const char punctuation[] = ";/[]\"{}()=+\\_-><@`,?!";
    u8 usual = BLANK;

    memset(fate, KEEP, 256);
    for (u64 i = 0; i < n && usual == BLANK; i++)
        if (s[i] == ',' && between_digits(s, n, i))
            usual = DROP;
    for (const char *p = punctuation; *p; p++)
        fate[(u8)*p] = usual;
    for (u64 i = 0; i < n; i++)
        if (fate[s[i]] &&
            ((i && s[i - 1] == ' ') || (i + 1 < n && s[i + 1] == ' ')))
            fate[s[i]] = DROP;
}

/* Takes out the periods that no digit follows; returns how much is left. */
static u64
drop_periods(u8 *s, u64 n)
{
    u64 kept = 0;
    u32 dropped = 0;

    for (u64 i = 0; i < n; i++)
        if (s[i] == '.' && dropped < PERIODS && !is_digit(s + i + 1, n - i - 1))
            dropped++;
        else
            s[kept++] = s[i];
    return kept;
}

static void
drop_punctuation(const u8 *s, u64 n, Bytes *to)
{
    u8 fate[256];

    judge(s, n, fate);
    if (!bytes_reserve(to, n))
        return;
    for (u64 i = 0; i < n; i++)
        if (fate[s[i]] != DROP)
            to->data[to->n++] = fate[s[i]] == BLANK ? ' ' : s[i];
    to->n = drop_periods(to->data, to->n);
}

/* -------------------------------------------------------------- lower case */

/* Unicode's Cased: letters with a case, and what is written like them. */
static int
is_cased(u32 c)
{
    static const u32 like[][2] = {{0xaa, 0xaa},       {0xba, 0xba},
                                  {0x2160, 0x217f},   {0x24b6, 0x24e9},
                                  {0x1f130, 0x1f149}, {0x1f150, 0x1f169},
                                  {0x1f170, 0x1f189}};
    utf8proc_category_t kind = utf8proc_category((utf8proc_int32_t)c);

    for (u32 i = 0; i < countof(like); i++)
        if (c >= like[i][0] && c <= like[i][1])
            return 1;
    return kind == UTF8PROC_CATEGORY_LU || kind == UTF8PROC_CATEGORY_LL ||
           kind == UTF8PROC_CATEGORY_LT;
}

/* Unicode's Case_Ignorable: marks, and what may stand inside a word. */
static int
is_ignorable(u32 c)
{
    static const u32 inside[] = {'\'',   '.',    ':',    0xb7,   0x387,  0x55f,
                                 0x5f4,  0x2018, 0x2019, 0x2024, 0x2027, 0xfe13,
                                 0xfe52, 0xfe55, 0xff07, 0xff0e, 0xff1a};

    for (u32 i = 0; i < countof(inside); i++)
        if (c == inside[i])
            return 1;
    switch (utf8proc_category((utf8proc_int32_t)c)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
        return 1;
    default:
        return 0;
    }
}

/* Does a letter follow in the word that goes on with s[0..n)? */
static int
letter_follows(const u8 *s, u64 n)
{
    u32 c;

    for (u64 i = 0; i < n;) {
        i += character(s + i, n - i, &c);
        if (!is_ignorable(c))
            return is_cased(c);
    }
    return 0;
}

/* Does the word so far, the end of s[0..n), have a letter in it? */
static int
letter_precedes(const u8 *s, u64 n)
{
    u32 c;

    for (u64 i = n; i > 0; n = i) {
        do
            i--;
        while (i > 0 && (s[i] & 0xc0) == 0x80);
        character(s + i, n - i, &c);
        if (!is_ignorable(c))
            return is_cased(c);
    }
    return 0;
}

static void
add_code(Bytes *to, u32 code)
{
    u8 s[4];

    bytes_add(to, s, (u64)utf8proc_encode_char((utf8proc_int32_t)code, s));
}

/* Unicode's full lower case, which is more than one to one in two places: a
 * dotted capital I becomes two characters, and sigma has a final form. */
static void
lower(const u8 *s, u64 n, Bytes *to)
{
    enum { DOTTED_I = 0x130, DOT_ABOVE = 0x307, SIGMA = 0x3a3, FINAL = 0x3c2 };
    u64 length;
    u32 c;

    for (u64 i = 0; i < n; i += length) {
        length = character(s + i, n - i, &c);
        if (length == 1) { /* ASCII, or no character */
            u8 one = (u8)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);

            bytes_add(to, &one, 1);
        } else if (c == DOTTED_I) {
            add_code(to, 'i');
            add_code(to, DOT_ABOVE);
        } else if (c == SIGMA && letter_precedes(s, i) &&
                   !letter_follows(s + i + length, n - i - length)) {
            add_code(to, FINAL);
        } else {
            add_code(to, (u32)utf8proc_tolower((utf8proc_int32_t)c));
        }
    }
}

/* ------------------------------------------------------------------- words */

static int
is_word(const char *word, u64 n, const char *text)
{
    return n == strlen(text) && !memcmp(word, text, n);
}

/* ^ is an apostrophe that the word lacks, ~ one that it has too many. */
static const char *const contraction[] = {
    "ain^t",          "aren^t",        "can^t",         "could^ve",
    "couldn^t",       "couldn't^ve",   "couldn^t've",   "didn^t",
    "doesn^t",        "don^t",         "hadn^t",        "hadn^t've",
    "hadn't^ve",      "hasn^t",        "haven^t",       "he^d",
    "he^d've",        "he'd^ve",       "he^s",          "how^d",
    "how^ll",         "how^s",         "isn^t",         "it^d",
    "it^d've",        "it'd^ve",       "it^ll",         "ma^am",
    "mightn^t",       "mightn^t've",   "mightn't^ve",   "might^ve",
    "mustn^t",        "must^ve",       "needn^t",       "not^ve",
    "o^clock",        "oughtn^t",      "^ow's'at",      "'ow^s'at",
    "'ow's^at",       "shan^t",        "she^d've",      "she'd^ve",
    "should^ve",      "shouldn^t",     "shouldn^t've",  "shouldn't^ve",
    "somebody~d",     "somebody^d've", "somebody'd^ve", "somebody^ll",
    "somebody^s",     "someone^d",     "someone^d've",  "someone'd^ve",
    "someone^ll",     "someone^s",     "something^d",   "something^d've",
    "something'd^ve", "something^ll",  "that^s",        "there^d",
    "there^d've",     "there'd^ve",    "there^re",      "there^s",
    "they^d",         "they^d've",     "they'd^ve",     "they^ll",
    "they^re",        "they^ve",       "^twas",         "wasn^t",
    "we^d've",        "we'd^ve",       "we^ve",         "weren^t",
    "what^ll",        "what^re",       "what^s",        "what^ve",
    "when^s",         "where^d",       "where^s",       "where^ve",
    "who^d",          "who^d've",      "who'd^ve",      "who^ll",
    "who^s",          "who^ve",        "why^ll",        "why^re",
    "why^s",          "won^t",         "would^ve",      "wouldn^t",
    "wouldn^t've",    "wouldn't^ve",   "y^all",         "y^all'll",
    "y'all^ll",       "y^all'd've",    "y'all^d've",    "y'all'd^ve",
    "you^d",          "you^d've",      "you'd^ve",      "you^ll",
    "you^re",         "you^ve",
};

/* Is the word that contraction, with its apostrophe missing or too many? */
static int
lacks(const char *word, u64 n, const char *form)
{
    u64 mark, skip;

    if (!n || (form[0] != word[0] && form[0] != '^'))
        return 0; /* most of them */
    mark = strcspn(form, "^~");
    skip = form[mark] == '~'; /* the apostrophe in the word */
    if (n != strlen(form) - 1 + skip || memcmp(word, form, mark) ||
        (skip && word[mark] != '\''))
        return 0;
    return !memcmp(word + mark + skip, form + mark + 1, n - mark - skip);
}

static void
add_contracted(const char *word, u64 n, Bytes *to)
{
    for (u32 i = 0; i < countof(contraction); i++) {
        const char *form = contraction[i];
        u64 mark;

        if (!lacks(word, n, form))
            continue;
        mark = strcspn(form, "^~");
        bytes_add(to, form, mark);
        bytes_add(to, "'", form[mark] == '^');
        bytes_add(to, form + mark + 1, strlen(form + mark + 1));
        return;
    }
    bytes_add(to, word, n);
}

/* Adds a word in lower case to the answer that begins at to->data[first]. */
static void
add_word(const char *word, u64 n, u64 first, Bytes *to)
{
    static const char *const article[] = {"a", "an", "the"};
    static const char *const number[] = {"none",  "zero",  "one",  "two",
                                         "three", "four",  "five", "six",
                                         "seven", "eight", "nine", "ten"};

    for (u32 i = 0; i < countof(article); i++)
        if (is_word(word, n, article[i]))
            return;
    if (to->n > first)
        bytes_add(to, " ", 1);
    for (u32 i = 0; i < countof(number); i++)
        if (is_word(word, n, number[i])) {
            bytes_print(to, "%u", i ? i - 1 : 0);
            return;
        }
    add_contracted(word, n, to);
}

static void
add_words(const u8 *s, u64 n, Bytes *to)
{
    u64 first = to->n, start = 0, length;
    u32 c;

    for (u64 i = 0; i < n; i += length) {
        length = character(s + i, n - i, &c);
        if (!words_space(c))
            continue;
        if (i > start)
            add_word((const char *)s + start, i - start, first, to);
        start = i + length;
    }
    if (n > start)
        add_word((const char *)s + start, n - start, first, to);
}

/* ------------------------------------------------------------------- whole */

void
answer_normalise(const char *text, u64 n, Bytes *to)
{
    Bytes plain = {.n = 0}, small = {.n = 0};

    drop_punctuation((const u8 *)text, n, &plain);
    lower(plain.data, plain.n, &small);
    add_words(small.data, small.n, to);
    to->failed |= plain.failed || small.failed;
    bytes_free(&plain);
    bytes_free(&small);
}

void
answer_trim(const char *text, u64 n, Bytes *to)
{
    const u8 *s = (const u8 *)text;
    u64 start = n, end = 0, length;
    u32 c;

    for (u64 i = 0; i < n; i += length) {
        length = character(s + i, n - i, &c);
        if (words_space(c))
            continue;
        start = start < i ? start : i;
        end = i + length;
    }
    if (start >= end || !bytes_reserve(to, end - start))
        return;
    for (u64 i = start; i < end; i++)
        to->data[to->n++] = s[i] == '\n' || s[i] == '\t' ? ' ' : s[i];
}
