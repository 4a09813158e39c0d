/* json_file.c - the pull reader on files: the same values and errors as on the
 * same text in memory, wherever a piece ends, and little memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runtime/data/data.h"

enum { PIECE = 1 << 20 }; /* as in runtime/data/json_file.c */

static char path[] = "/tmp/soho-json-XXXXXX";
static int failed;

static void
check(int good, const char *name, const char *why)
{
    if (good)
        printf("ok json-file/%s\n", name);
    else
        printf("not ok json-file/%s: %s\n", name, why);
    failed |= !good;
}

static void
write_file(const char *text, u64 n)
{
    FILE *f = fopen(path, "wb");

    if (!f || fwrite(text, 1, n, f) != n || fclose(f)) {
        printf("not ok json-file/write: cannot write %s\n", path);
        exit(1);
    }
}

/* All values of an array of scalars and of one object, as text in `to`. */
static int
collect(Json *j, char *to, u64 room)
{
    int more = 1, truth;
    char s[64];
    f64 number;
    u64 n;

    *to = 0;
    TRY(json_array(j));
    while (!json_next(j, &more) && more) {
        switch (json_peek(j)) {
        case JSON_STRING:
            TRY(json_string(j, s, sizeof s, &n));
            break;
        case JSON_NUMBER:
            TRY(json_number(j, &number));
            snprintf(s, sizeof s, "%.17g", number);
            break;
        case JSON_BOOL:
            TRY(json_bool(j, &truth));
            snprintf(s, sizeof s, "%d", truth);
            break;
        default:
            TRY(json_skip(j));
            snprintf(s, sizeof s, "skip");
        }
        snprintf(to + strlen(to), room - strlen(to), "%s|", s);
    }
    return more ? j->err->code : json_end(j);
}

static const char tokens[] =
    "\"\\ud83d\\ude00 \xc3\xa9\xf0\x9f\x98\x80\\n\", -12.5e+3, true,false,"
    "18446744073709551615,\"plain text without escapes\",{\"key\":null} ]  ";
/* The same with a fault at the end. */
static const char fault[] = "\"\\ud83d\\ude00\", -1.5e+3, true, \"cut \\x\"]";

/* The file is [, white space with `lines` newlines, and `tail`, which begins
 * at byte `start`. */
static u64
make(char *text, u64 start, u64 lines, const char *tail)
{
    memset(text, ' ', start);
    memset(text + 8, '\n', lines);
    text[0] = '[';
    memcpy(text + start, tail, strlen(tail));
    return start + strlen(tail);
}

/* Compares both readers with the tail around the end of the second piece. */
static void
pieces(const char *tail, const char *name)
{
    char *text = malloc(2 * PIECE + 4096), one[512], other[512];
    u64 wrong = 0;

    for (u64 back = 0; back < strlen(tail) + 4; back++) {
        u64 n = make(text, 2 * PIECE - back, 1000, tail);
        Err a = {0}, b = {0};
        Json memory, file;

        write_file(text, n);
        json_start(&memory, &a, path, (const u8 *)text, n);
        collect(&memory, one, sizeof one);
        if (!json_open(&file, &b, path))
            collect(&file, other, sizeof other);
        json_close(&file);
        wrong += a.code != b.code || strcmp(a.text, b.text) ||
                 strcmp(one, other) || strlen(one) < 8;
    }
    check(!wrong, name, "file and memory read differently");
    free(text);
}

/* An error about a place whose text has been given back. */
static void
far_back(void)
{
    u64 n = 5 * PIECE + 100;
    char *text = malloc(n), room[16];
    Err e = {0};
    Json j;
    u64 length;

    memset(text, 'x', n);
    memcpy(text, "[\n\n\"", 4);
    memcpy(text + n - 2, "\"]", 2);
    write_file(text, n);
    if (!json_open(&j, &e, path) && !json_array(&j))
        json_string(&j, room, sizeof room, &length);
    json_close(&j);
    check(e.code == SOHO_BAD && strstr(e.text, ":3: byte 3: "), "place",
          e.text);
    free(text);
}

static void
missing(void)
{
    Err e = {0};
    Json j;

    check(json_open(&j, &e, "/nowhere/at/all") == SOHO_IO, "missing", e.text);
    json_close(&j);
    e = (Err){0};
    check(json_open(&j, &e, "/tmp") == SOHO_IO, "folder", e.text);
    json_close(&j);
    e = (Err){0};
    write_file("", 0);
    check(!json_open(&j, &e, path) && json_skip(&j) == SOHO_BAD, "empty",
          e.text);
    json_close(&j);
}

/* 64 MiB take less than 8 MiB of memory. */
static void
memory(void)
{
    enum { MIB = 64 };
    char *text = malloc(PIECE), what[ERR_TEXT + 80];
    FILE *f = fopen(path, "wb");
    struct rusage before, after;
    Err e = {0};
    Json j;
    long kib;

    memset(text, '7', PIECE);
    for (int i = 0; i < PIECE; i += 16)
        text[i] = ',';
    for (int i = 0; f && i < MIB; i++) {
        text[0] = i ? ',' : '[';
        fwrite(text, 1, PIECE, f);
    }
    if (f) {
        fputc(']', f);
        fclose(f);
    }
    getrusage(RUSAGE_SELF, &before);
    if (!json_open(&j, &e, path) && !json_skip(&j))
        json_end(&j);
    json_close(&j);
    getrusage(RUSAGE_SELF, &after);
    kib = after.ru_maxrss - before.ru_maxrss;
    snprintf(what, sizeof what, "%ld KiB for a file of %d MiB, %s", kib, MIB,
             e.text);
    check(!e.code && j.nvalue == (u64)MIB * PIECE / 16 + 1 && kib < 8 << 10,
          "memory", what);
    free(text);
}

int
main(void)
{
    int fd = mkstemp(path);

    if (fd < 0)
        return 1;
    close(fd);
    memory(); /* first, as the most that was ever used counts */
    pieces(tokens, "pieces");
    pieces(fault, "faults");
    far_back();
    missing();
    unlink(path);
    return failed;
}
