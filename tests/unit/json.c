/* json.c - the pull reader: what it accepts, what it refuses and where, what
 * it decodes, and that no damaged text leads it astray. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_PART "json/"
#include "check.h"
#include "runtime/data/data.h"

/* Reads text[0..n) whole; the copy ends with the text, so that a sanitizer
 * sees a read behind it. */
static int
parse(Err *e, const char *text, u64 n, u64 *values, u32 *deepest)
{
    u8 *copy = malloc(n ? n : 1);
    Json j;

    *e = (Err){0};
    memcpy(copy, text, n);
    json_start(&j, e, "f", copy, n);
    if (!json_skip(&j))
        json_end(&j);
    *values = j.nvalue;
    *deepest = j.deepest;
    free(copy);
    return e->code;
}

static int
reads(const char *text)
{
    u64 values;
    u32 deepest;
    Err e;

    return parse(&e, text, strlen(text), &values, &deepest);
}

static const char *const accepted[] = {
    "0",
    "-0",
    "-1.5e+3",
    "1E9",
    "\"\"",
    " [ ] ",
    "{}",
    "\t{\"a\":[1,{\"a\":null}]}\r\n",
    "true",
    "[[],[[]]]",
    "\"\\u00e9\\/\"",
    "\"\\ud83d\\ude00\"",
    "[0e1]",
    "\xef\xbb\xbf[1]",
    "\"\xf0\x9f\x98\x80\xc3\xa9\"",
    "\"\x7f\"",
    "\"\\u0000\"",
    "{\"a\":1,\"a\":2}",
    "\"\\ud800\"",
};
static const char *const refused[] = {
    "",
    " ",
    "01",
    "1.",
    ".5",
    "+1",
    "-",
    "1e",
    "1e+",
    "- 1",
    "nul",
    "True",
    "NaN",
    "Infinity",
    "'a'",
    "\"",
    "\"\\\"",
    "\"\\x41\"",
    "\"\\u12g4\"",
    "\"\\u123",
    "\"\t\"",
    "\"\x1f\"",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1",
    "[",
    "]",
    "{",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{a:1}",
    "{1:1}",
    "{\"a\" 1}",
    "[1}",
    "{\"a\":1]",
    "1 2",
    "[]]",
    "// c\n1",
    "\"\x80\"",
    "\"\xc3\"",
    "\"\xc0\xaf\"",
    "\"\xed\xa0\x80\"",
    "\"\xf4\x90\x80\x80\"",
    "\"\xe0\x80\xaf\"",
    "\"\xff\"",
    "\xef\xbb",
};

static void
grammar(void)
{
    char why[80] = "";
    u32 wrong = 0;

    for (u32 i = 0; i < countof(accepted); i++)
        if (reads(accepted[i]) && ++wrong)
            snprintf(why, sizeof why, "refused %s", accepted[i]);
    check(!wrong, "accepts", why);
    wrong = 0;
    for (u32 i = 0; i < countof(refused); i++)
        if (reads(refused[i]) != SOHO_BAD && ++wrong)
            snprintf(why, sizeof why, "accepted %s", refused[i]);
    check(!wrong, "refuses", why);
}

static void
depth(void)
{
    char text[2 * JSON_MAX_DEPTH + 3];
    u32 deepest, n = JSON_MAX_DEPTH;
    u64 values;
    Err e;

    memset(text, '[', n);
    memset(text + n, ']', n);
    check(!parse(&e, text, 2 * n, &values, &deepest) && deepest == n &&
              values == n,
          "deepest", "512 levels were not read");
    memset(text, '[', n + 1);
    memset(text + n + 1, ']', n + 1);
    check(parse(&e, text, 2 * n + 2, &values, &deepest) == SOHO_BAD &&
              strstr(e.text, "f:1: byte 512: nested deeper than 512"),
          "too-deep", e.text);
}

static void
places(void)
{
    static const struct {
        const char *text, *message;
    } row[] = {
        {"[1,\n 2,\r\n x]", "f:3: byte 10: expected a value, got x"},
        {"[1 2]", "f:1: byte 3: expected ',' or ']', got 2"},
        {"{\"a\" 1}", "f:1: byte 5: expected ':' after a key, got 1"},
        {"{\"a\":1\n", "f:2: byte 7: expected ',' or '}', got the end of the "
                       "text"},
        {"\"a\x1b[31mb\"", "f:1: byte 2: expected no control character in a "
                           "string, got \\x1b"},
        {"[\"\\q\"]", "expected an escape"},
        {"[1] 2", "f:1: byte 4: expected the end of the text, got 2"},
    };
    char why[ERR_TEXT] = "";
    u64 values;
    u32 deepest;
    Err e;

    for (u32 i = 0; i < countof(row); i++) {
        parse(&e, row[i].text, strlen(row[i].text), &values, &deepest);
        if (!strstr(e.text, row[i].message))
            memcpy(why, e.text, sizeof why);
    }
    check(!why[0], "says-where", why);
}

/* A text cut anywhere is an error, whatever was read before. */
static void
cuts(void)
{
    static const char text[] =
        "{\"a\":[1.5e-3,true,null,\"\\u00e9\\n\xc3\xa9\"],\"b\":{\"c\":false}}";
    u64 values, n = sizeof text - 1, wrong = 0;
    u32 deepest;
    Err e;

    for (u64 i = 0; i < n; i++)
        wrong += parse(&e, text, i, &values, &deepest) != SOHO_BAD;
    check(!wrong, "cut", "a part of a text was accepted");
    check(!parse(&e, text, n, &values, &deepest) && values == 8 && deepest == 2,
          "counts", "8 values, 2 levels expected");
}

static void
numbers(void)
{
    static const struct {
        const char *text;
        i64 low, high, value;
        int code;
    } row[] = {
        {"-0", 0, 1, 0, 0},
        {"9223372036854775807", INT64_MIN, INT64_MAX, INT64_MAX, 0},
        {"-9223372036854775808", INT64_MIN, INT64_MAX, INT64_MIN, 0},
        {"9223372036854775808", INT64_MIN, INT64_MAX, 0, SOHO_BAD},
        {"-9223372036854775809", INT64_MIN, INT64_MAX, 0, SOHO_BAD},
        {"36893488147419103242", 0, 12, 0, SOHO_BAD}, /* 2^65+10 */
        {"4294967296", 0, 12, 0, SOHO_BAD},
        {"-1", 0, 12, 0, SOHO_BAD},
        {"1.0", 0, 12, 0, SOHO_BAD},
        {"1e0", 0, 12, 0, SOHO_BAD},
        {"\"1\"", 0, 12, 0, SOHO_BAD},
        {"12", 0, 12, 12, 0},
    };
    int good = 1;

    for (u32 i = 0; i < countof(row); i++) {
        Err e = {0};
        Json j;
        i64 value = 0;

        json_start(&j, &e, "f", (const u8 *)row[i].text, strlen(row[i].text));
        good &=
            json_integer(&j, row[i].low, row[i].high, &value) == row[i].code &&
            (row[i].code || value == row[i].value);
    }
    check(good, "integers", "a limit does not hold");
}

static void
big_numbers(void)
{
    static const char text[] = "[18446744073709551615,18446744073709551616,"
                               "9007199254740993,0.1,1e400]";
    Err e = {0};
    Json j;
    int more, good;
    u64 a = 0, b = 0;
    f64 d = 0;

    json_start(&j, &e, "f", (const u8 *)text, sizeof text - 1);
    good = !json_array(&j) && !json_next(&j, &more) && !json_u64(&j, &a) &&
           !json_next(&j, &more) && json_u64(&j, &b) == SOHO_BAD;
    check(good && a == ~(u64)0, "u64", "2^64-1 must be read, 2^64 refused");
    err_clear(&e);
    good = !json_next(&j, &more) && !json_u64(&j, &b) &&
           !json_next(&j, &more) && !json_number(&j, &d) &&
           !json_next(&j, &more) && json_number(&j, &d) == SOHO_BAD;
    check(good && b == 9007199254740993u, "exact", "2^53+1 lost its last bit");
}

static void
strings(void)
{
    static const char text[] = "[\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9"
                               "\\u20ac\\ud83d\\ude00\\ude00\\ud800x\\u0000z\","
                               "\"1234567\",\"12345678\"]";
    static const char want[] = "a\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac"
                               "\xf0\x9f\x98\x80\xef\xbf\xbd\xef\xbf\xbdx\0z";
    char to[64] = {0}, small[8];
    Err e = {0};
    Json j;
    int more;
    u64 n = 0;

    json_start(&j, &e, "f", (const u8 *)text, sizeof text - 1);
    json_array(&j);
    json_next(&j, &more);
    json_string(&j, to, sizeof to, &n);
    check(!e.code && n == sizeof want - 1 && !memcmp(to, want, sizeof want),
          "escapes", "decoded to something else");
    json_next(&j, &more);
    json_string(&j, small, sizeof small, &n);
    check(!e.code && n == 7 && !strcmp(small, "1234567"), "fits",
          "7 bytes and the 0 must fit into 8");
    json_next(&j, &more);
    check(json_string(&j, small, sizeof small, &n) == SOHO_BAD &&
              strstr(e.text, "at most 7 bytes, got 8"),
          "too-long", e.text);
}

static void
keys(void)
{
    static const char text[] = "{\"ab\":true,\"a\\u0000b\":false}";
    char key[16];
    Err e = {0};
    Json j;
    int more = 0, value = 0, good;

    json_start(&j, &e, "f", (const u8 *)text, sizeof text - 1);
    good = !json_object(&j) && !json_next(&j, &more) && more &&
           !json_key(&j, key, sizeof key) && !strcmp(key, "ab") &&
           json_peek(&j) == JSON_BOOL && !json_bool(&j, &value) && value;
    check(good, "walk", e.text);
    json_next(&j, &more);
    check(json_key(&j, key, sizeof key) == SOHO_BAD, "key-with-nul",
          "a NUL inside a key was accepted");
}

/* Texts with a few bytes changed: any verdict, but no crash, no endless loop,
 * and an error always has a text. */
static void
damage(void)
{
    static const char seed[] =
        "{\"data\":[{\"a\":\"\\u00e9\\ud83d\\ude00 \xc3\xa9\",\"b\":-1.5e+9},"
        "[[],{},true,false,null,\"\\\\\"]],\"c\":18446744073709551615}";
    static const char alphabet[] = "[]{},:\"\\u0d8e+-.tfn \n\x01\xc3\xff";
    u64 state = 1, values, wrong = 0;
    u32 deepest;
    Err e;

    for (int round = 0; round < 20000; round++) {
        char text[sizeof seed];

        memcpy(text, seed, sizeof seed);
        for (int k = 0; k < 3; k++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            text[(state >> 33) % (sizeof seed - 1)] =
                alphabet[(state >> 50) % (sizeof alphabet - 1)];
        }
        parse(&e, text, sizeof seed - 1, &values, &deepest);
        wrong += (e.code && e.code != SOHO_BAD) || !e.code != !e.text[0];
    }
    check(!wrong, "damage", "an error without a text or of another code");
}

int
main(void)
{
    grammar();
    depth();
    places();
    cuts();
    numbers();
    big_numbers();
    strings();
    keys();
    damage();
    return failed;
}
