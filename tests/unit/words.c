/* words.c - the tokenizer with a vocabulary of a few words, rule by rule, and
 * the vocabularies that are refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_PART "words/"
#include "check.h"
#include "runtime/data/data.h"

/* Special tokens at other places than in BERT's file: ids come from it. */
static const char vocabulary[] =
    "[MASK]\n[PAD]\n[CLS]\n[SEP]\n[UNK]\n"           /* 0..4 */
    "what\nis\na\ncat\n?\n"                          /* 5..9 */
    "un\n##aff\n##able\n##a\nunder\n"                /* 10..14 */
    "\xe7\x8c\xab\ncafe\n[\n]\nmask\n"               /* 15..19, cat in Han */
    "\xcf\x83\n\xe1\x84\x92\n##\xe1\x85\xa1\n$\ni\n" /* 20..24, sigma, jamo */
    "##\xe3\x80\xae\n\xe2\x80\x94\n##\xf0\x9d\x85\xa5\nx\n"; /* 25..28 */

static Words *
open_words(Err *e, const char *text, u64 n)
{
    Words *words;

    *e = (Err){0};
    words_open(e, "v.txt", (const u8 *)text, n, &words);
    return words;
}

/* Compares ids without [CLS] and [SEP] with `want`, ended by -1. */
static int
gives(const Words *w, const char *text, u64 n, const i32 *want)
{
    char *copy = malloc(n + 1);
    i32 ids[400];
    Err e = {0};
    u32 count = 0, k = 0;
    int good;

    memcpy(copy, text, n);
    good = !words_ids(&e, w, copy, n, ids, countof(ids), &count);
    free(copy);
    while (want[k] >= 0)
        k++;
    return good && count == k + 2 && ids[0] == 2 && ids[count - 1] == 3 &&
           !memcmp(ids + 1, want, k * sizeof *want);
}

static void
rules(const Words *w)
{
    static const struct {
        const char *name, *text;
        i32 want[8];
    } row[] = {
        {"plain", "what is a cat?", {5, 6, 7, 8, 9, -1}},
        {"empty", "", {-1}},
        {"blanks", " \t\n\xc2\xa0\xe3\x80\x80\x1c\xe2\x80\xa8", {-1}},
        {"blanks-between",
         "what\x1fis\xe2\x80\x83"
         "a",
         {5, 6, 7, -1}},
        {"lower-case", "WHAT Is", {5, 6, -1}},
        {"pieces", "unaffable", {10, 11, 12, -1}},
        {"longest-first", "undera", {14, 13, -1}},
        {"unknown-whole", "unaffzable a", {4, 7, -1}},
        {"accents", "caf\xc3\xa9 cafe\xcc\x81", {16, 16, -1}},
        {"han-alone",
         "a\xe7\x8c\xab"
         "a",
         {7, 15, 7, -1}},
        {"punctuation", "a?a", {7, 9, 7, -1}},
        {"ascii-symbol", "a$a", {7, 23, 7, -1}},
        {"dash",
         "a\xe2\x80\x94"
         "a",
         {7, 26, 7, -1}},
        {"sigma-stays", "\xce\xa3 \xce\xa3", {20, 20, -1}},
        {"hangul", "\xed\x95\x98", {21, 22, -1}},
        {"dotted-i", "\xc4\xb0", {24, -1}},
        {"control-stays", "what\x01", {4, -1}},
        {"zero-width-stays",
         "wh\xe2\x80\x8b"
         "at",
         {4, -1}},
        {"special", "a[MASK]a[SEP][PAD]", {7, 0, 7, 3, 1, -1}},
        {"special-lower", "[mask]", {17, 19, 18, -1}},
        {"special-broken", "[MASK", {17, 19, -1}},
        {"special-nested", "[[UNK]]", {17, 4, 18, -1}},
        {"mark-only", "\xcc\x81", {-1}},
        /* U+302E (class 224) and U+1D165 (216) change places */
        {"order", "x\xe3\x80\xae\xf0\x9d\x85\xa5", {28, 27, 25, -1}},
        {"unicode-14-mark", "a\xe0\xbb\x8e", {4, -1}}, /* U+0ECE: in 15 */
        {"unicode-14", "a\xf0\x91\xac\x80", {4, -1}},  /* U+11B00 came in 15 */
    };

    for (u32 i = 0; i < countof(row); i++)
        check(gives(w, row[i].text, strlen(row[i].text), row[i].want),
              row[i].name, "other ids");
    check(gives(w, "what\0", 5, (const i32[]){4, -1}), "nul-stays",
          "a NUL must stay in its word");
}

/* 100 characters are a word, 101 are unknown; counted after decomposition. */
static void
long_words(const Words *w)
{
    char text[303];
    i32 ids[128];
    Err e = {0};
    u32 n;

    memset(text, 'a', sizeof text);
    words_ids(&e, w, text, 100, ids, countof(ids), &n);
    check(n == 102 && ids[1] == 7 && ids[2] == 13 && ids[100] == 13, "long-100",
          "100 characters must be pieces");
    words_ids(&e, w, text, 101, ids, countof(ids), &n);
    check(n == 3 && ids[1] == 4, "long-101", "101 characters must be [UNK]");
    for (u32 i = 0; i < 100; i++)
        memcpy(text + 3 * i, "a\xcc\x81", 3);
    words_ids(&e, w, text, 300, ids, countof(ids), &n);
    check(n == 102, "long-marks", "dropped marks must not count");
}

static void
limits(const Words *w)
{
    i32 ids[17];
    Err e = {0};
    u32 n;

    ids[16] = 77;
    words_ids(&e, w, "a a a a a a a a a a a a a a a a a unaffable", 43, ids, 16,
              &n);
    check(n == 16 && ids[14] == 7 && ids[15] == 3 && ids[16] == 77, "cut",
          "16 ids with [SEP] last expected");
    words_ids(&e, w, "a unaffable", 11, ids, 4, &n);
    check(n == 4 && ids[2] == 10 && ids[3] == 3, "cut-in-word",
          "the cut may fall between pieces");
    check(words_ids(&e, w, "a \xff", 3, ids, 16, &n) == SOHO_BAD &&
              strstr(e.text, "0xff at byte 2"),
          "bad-utf8", e.text);
}

static void
vocabularies(void)
{
    static const struct {
        const char *name, *text, *message;
    } row[] = {
        {"empty", "\n\r\n", "v.txt: the vocabulary is empty"},
        {"no-unk", "[PAD]\n[CLS]\n[SEP]\n[MASK]\n", "no line [UNK]"},
        {"twice", "[PAD]\na\nb\na\n", "v.txt:4: the same word as in line 2"},
        {"blank", "[PAD]\n\na\n", "v.txt:2: expected a word"},
        {"utf8", "[PAD]\na\xff\n",
         "v.txt:2: expected UTF-8, got byte 0xff at "
         "byte 7"},
    };
    static const char crlf[] = "\xef\xbb\xbf[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]"
                               "\r\n[MASK]\r\ncat\r\n\r\n";
    Words *w;
    Err e;

    for (u32 i = 0; i < countof(row); i++) {
        w = open_words(&e, row[i].text, strlen(row[i].text));
        check(!w && e.code == SOHO_BAD && strstr(e.text, row[i].message),
              row[i].name, e.text);
        words_close(w);
    }
    w = open_words(&e, "a\0b\n", 4);
    check(!w && strstr(e.text, "byte 0"), "nul", e.text);
    w = open_words(&e, crlf, sizeof crlf - 1);
    check(w && words_count(w) == 6 && !strcmp(words_text(w, 5), "cat") &&
              !words_text(w, 6) && words_pad(w) == 0,
          "crlf", "6 words expected, the last one cat");
    words_close(w);
}

/* Random bytes from a nasty alphabet: ids or an error, never a crash. */
static void
damage(const Words *w)
{
    static const char *const part[] = {
        "[MASK]",
        "[",
        "a",
        "un",
        "\xcc\x81",
        "\xe3\x80\xae",
        "\xff",
        "\xe7",
        "\xe7\x8c\xab",
        " ",
        "?",
        "\xf0\x9d\x85\xa5",
        "\xed\x95\x98",
        "\x01",
    };
    u64 state = 1;
    int good = 1;

    for (int round = 0; round < 20000; round++) {
        char text[256];
        i32 ids[16];
        Err e = {0};
        u32 n = 0, bytes = 0;

        for (int k = 0; k < 20; k++) {
            const char *p;

            state = state * 6364136223846793005u + 1442695040888963407u;
            p = part[(state >> 40) % countof(part)];
            memcpy(text + bytes, p, strlen(p));
            bytes += (u32)strlen(p);
        }
        if (words_ids(&e, w, text, bytes, ids, countof(ids), &n))
            good &= e.code == SOHO_BAD && e.text[0];
        else
            good &= n >= 2 && n <= 16 && ids[0] == 2 && ids[n - 1] == 3;
    }
    check(good, "damage", "neither ids nor an error");
}

int
main(void)
{
    Err e;
    Words *w = open_words(&e, vocabulary, sizeof vocabulary - 1);

    check(w && words_count(w) == 29 && words_pad(w) == 1, "open", e.text);
    if (!w)
        return 1;
    rules(w);
    long_words(w);
    limits(w);
    damage(w);
    words_close(w);
    vocabularies();
    return failed;
}
