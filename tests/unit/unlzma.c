/* unlzma.c - members packed by LZMA: an archive of Python's zipfile, the same
 * damaged in every place, and streams made here by liblzma. */
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define CHECK_PART "unlzma/"
#include "check.h"
#include "runtime/data/data.h"
#include "runtime/data/zip_own.h"
#include "runtime/vfs.h"

/* Members t/a (four times the text) and e (nothing), with end markers. */
static const u8 made[] = {
    0x50, 0x4b, 0x03, 0x04, 0x3f, 0x00, 0x02, 0x00, 0x0e, 0x00, 0x00, 0x00,
    0x21, 0x00, 0x1d, 0x6c, 0xf7, 0x55, 0x3a, 0x00, 0x00, 0x00, 0xd8, 0x00,
    0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x74, 0x2f, 0x61, 0x09, 0x04, 0x05,
    0x00, 0x5d, 0x00, 0x00, 0x80, 0x00, 0x00, 0x3b, 0x9a, 0x08, 0x48, 0x69,
    0xea, 0x1d, 0xef, 0xba, 0x4a, 0xf6, 0x77, 0xba, 0xd8, 0x88, 0xdd, 0x1c,
    0x77, 0xa1, 0x33, 0xa3, 0x3e, 0x29, 0x69, 0x93, 0x85, 0x22, 0xc6, 0x16,
    0x30, 0x68, 0xfe, 0x73, 0x30, 0xa0, 0x89, 0xa2, 0x7a, 0x0d, 0x59, 0x29,
    0xbe, 0x03, 0xff, 0xfe, 0xcb, 0x90, 0x00, 0x50, 0x4b, 0x03, 0x04, 0x3f,
    0x00, 0x02, 0x00, 0x0e, 0x00, 0x00, 0x00, 0x21, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x13, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00,
    0x00, 0x65, 0x09, 0x04, 0x05, 0x00, 0x5d, 0x00, 0x00, 0x80, 0x00, 0x00,
    0x83, 0xff, 0xfb, 0xff, 0xff, 0xc0, 0x00, 0x00, 0x00, 0x50, 0x4b, 0x01,
    0x02, 0x3f, 0x03, 0x3f, 0x00, 0x02, 0x00, 0x0e, 0x00, 0x00, 0x00, 0x21,
    0x00, 0x1d, 0x6c, 0xf7, 0x55, 0x3a, 0x00, 0x00, 0x00, 0xd8, 0x00, 0x00,
    0x00, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x80, 0x01, 0x00, 0x00, 0x00, 0x00, 0x74, 0x2f, 0x61, 0x50, 0x4b,
    0x01, 0x02, 0x3f, 0x03, 0x3f, 0x00, 0x02, 0x00, 0x0e, 0x00, 0x00, 0x00,
    0x21, 0x00, 0x00, 0x00, 0x00, 0x00, 0x13, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x80, 0x01, 0x5b, 0x00, 0x00, 0x00, 0x65, 0x50, 0x4b, 0x05,
    0x06, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x02, 0x00, 0x60, 0x00, 0x00,
    0x00, 0x8d, 0x00, 0x00, 0x00, 0x00, 0x00,
};
static const char said[] = "what color is the triangle? "
                           "what color is the circle? ";

/* Where fields of member t/a stand in the archive. */
enum {
    CRC = 14,
    SIZE = 22,
    HEAD = 33,       /* of the LZMA data */
    DICTIONARY = 38, /* 4 bytes */
    CENTRAL = 141,
    CENTRAL_CRC = CENTRAL + 16,
    CENTRAL_SIZE = CENTRAL + 24
};

static char path[] = "/tmp/soho-unlzma-XXXXXX";
static char text[256]; /* of t/a */

static void
write_archive(const u8 *data, u64 n)
{
    FILE *f = fopen(path, "wb");

    if (f && fwrite(data, 1, n, f) == n && !fclose(f))
        return;
    printf("not ok unlzma/file: cannot write %s\n", path);
    exit(1);
}

/* ---------------------------------------------------------------- archives */

/* 1: t/a of the archive reads as it should, 0: it is refused with `words`,
 * -1: anything else. */
static int
verdict(const u8 *data, u64 n, const char *words, Err *e)
{
    Zip *zip = NULL;
    u8 *got = NULL;
    u64 bytes = 0;
    int v = -1;

    write_archive(data, n);
    *e = (Err){0};
    if (!zip_open_at(e, path, &zip) && !zip_read(e, zip, "t/a", &got, &bytes))
        v = bytes == strlen(text) && !memcmp(got, text, bytes) ? 1 : -1;
    else if ((e->code == SOHO_BAD || e->code == SOHO_IO) &&
             strstr(e->text, path) && strstr(e->text, words))
        v = 0;
    free(got);
    zip_close_at(zip);
    return v;
}

static void
whole(void)
{
    Zip *zip = NULL;
    u8 *got = NULL;
    u64 bytes = 1;
    Err e;

    check(verdict(made, sizeof made, "", &e) == 1, "python", e.text);
    check(!zip_open_at(&e, path, &zip) &&
              !zip_read(&e, zip, "e", &got, &bytes) && !bytes,
          "empty-member", e.text);
    free(got);
    zip_close_at(zip);
}

static void
damaged(void)
{
    u8 bent[sizeof made];
    int good = 1;
    u32 read = 0;
    Err e;

    for (u64 n = 1; n < sizeof made; n++)
        good &= verdict(made, n, "", &e) == 0;
    check(good, "cut-archive", "an archive cut short");
    memcpy(bent, made, sizeof made);
    for (u64 bit = 0; bit < 8 * sizeof made; bit++) {
        int v;

        bent[bit / 8] ^= (u8)(1 << bit % 8);
        v = verdict(bent, sizeof bent, "", &e);
        bent[bit / 8] ^= (u8)(1 << bit % 8);
        good &= v >= 0;
        read += v == 1;
    }
    check(good && read, "flipped-bits", "an archive with a flipped bit");
}

/* Sets a field of 4 bytes. */
static void
put_u32(u8 *at, u32 v)
{
    for (int i = 0; i < 4; i++)
        at[i] = (u8)(v >> 8 * i);
}

static void
refused(const char *name, const u8 *data, const char *words)
{
    Err e;

    check(verdict(data, sizeof made, words, &e) == 0, name, e.text);
}

static void
lies(void)
{
    static const struct {
        const char *name, *words;
        u32 size;
    } lie[] = {{"size-less", "member t/a: LZMA data damaged", 215},
               {"size-more", "member t/a: LZMA data damaged", 217},
               {"size-much-more", "member t/a: LZMA data damaged", 200 << 20},
               {"size-too-much", "larger than 256 MiB", 300 << 20}};
    u8 bent[sizeof made];

    for (u32 i = 0; i < countof(lie); i++) {
        memcpy(bent, made, sizeof made);
        put_u32(bent + SIZE, lie[i].size);
        put_u32(bent + CENTRAL_SIZE, lie[i].size);
        refused(lie[i].name, bent, lie[i].words);
    }
    memcpy(bent, made, sizeof made);
    bent[CRC] ^= 1;
    bent[CENTRAL_CRC] ^= 1;
    refused("wrong-crc", bent, "member t/a: CRC error");
    memcpy(bent, made, sizeof made);
    bent[HEAD + 2] = 6;
    refused("properties-length", bent, "LZMA properties of 6 bytes");
    bent[HEAD + 2] = 5;
    bent[HEAD + 4] = 8 + 9 * 4; /* lc 8, lp 4: more than liblzma takes */
    refused("properties-unknown", bent, "liblzma does not know");
    bent[HEAD + 4] = 225;
    refused("properties-wrong", bent, "LZMA properties 225");
}

/* A dictionary of 4 GiB for 216 bytes, with room for 64 MiB. */
static void
bomb(void)
{
    u8 bent[sizeof made];
    struct rlimit limit, less;
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    Err e;

#ifdef __SANITIZE_ADDRESS__
    printf("skip unlzma/dictionary-bomb: a sanitizer owns the memory\n");
    fclose(f);
    return;
#endif
    if (!f || fscanf(f, "%lu", &pages) != 1 || getrlimit(RLIMIT_AS, &limit)) {
        check(0, "dictionary-bomb", "cannot limit the memory");
        return;
    }
    fclose(f);
    memcpy(bent, made, sizeof made);
    put_u32(bent + DICTIONARY, UINT32_MAX);
    less = limit;
    less.rlim_cur = pages * 4096 + (64 << 20);
    setrlimit(RLIMIT_AS, &less);
    check(verdict(bent, sizeof bent, "", &e) == 1, "dictionary-bomb", e.text);
    setrlimit(RLIMIT_AS, &limit);
    put_u32(bent + DICTIONARY, 0);
    check(verdict(bent, sizeof bent, "", &e) == 1, "dictionary-of-none",
          e.text);
}

/* ----------------------------------------------------------------- streams */

/* Hands out data[0..n), at most `step` bytes at a time; then fails if it
 * should. */
typedef struct Stream {
    const u8 *data;
    u64 n, at, step;
    int fails;
} Stream;

static i64
hand_out(Err *e, void *context, void *to, u64 n)
{
    Stream *s = context;

    n = n < s->step ? n : s->step;
    n = n < s->n - s->at ? n : s->n - s->at;
    memcpy(to, s->data + s->at, n);
    s->at += n;
    if (n || !s->fails)
        return (i64)n;
    err_set(e, SOHO_IO, "the disk is gone");
    return -1;
}

enum { LONG = 3 << 20, SMALL_DICTIONARY = 4096, ROOM = LONG + (1 << 16) };

/* Packs data[0..n) without an end marker; returns the packed bytes. */
static u64
pack(const u8 *data, u64 n, u32 dictionary, u8 *to)
{
    lzma_options_lzma o;
    lzma_filter filter[] = {{LZMA_FILTER_LZMA1EXT, &o},
                            {LZMA_VLI_UNKNOWN, NULL}};
    u64 used = 0;
    const u8 head[] = {9, 20, 5, 0};

    lzma_lzma_preset(&o, 1);
    o.dict_size = dictionary;
    o.lc = 2;
    o.lp = 1;
    o.ext_flags = 0;
    lzma_set_ext_size(o, n);
    memcpy(to, head, sizeof head);
    to[4] = (u8)((o.pb * 5 + o.lp) * 9 + o.lc);
    put_u32(to + 5, dictionary);
    if (lzma_raw_buffer_encode(filter, NULL, data, n, to + 9, &used,
                               ROOM - 9) != LZMA_OK)
        check(0, "pack", "liblzma does not encode");
    return used + 9;
}

static int
unpacks(Err *e, Stream *s, const u8 *data, u64 n, u8 *to)
{
    *e = (Err){0};
    s->at = 0;
    memset(to, 0, n);
    return !unlzma(e, hand_out, s, to, n) && !memcmp(to, data, n);
}

static void
streams(void)
{
    u8 *data = malloc(LONG + 1), *packed = malloc(ROOM), *to = malloc(LONG + 1);
    Stream s = {.data = packed, .step = 7777};
    int good = 1;
    Err e;

    for (u32 i = 0, x = 1; i < LONG; i++) {
        x = x * 1664525u + 1013904223u;
        data[i] = i % 5000 < 4000 && i > 4096 ? data[i - 4096] : (u8)(x >> 26);
    }
    s.n = pack(data, LONG, SMALL_DICTIONARY, packed);
    check(unpacks(&e, &s, data, LONG, to), "long-small-dictionary", e.text);
    s.n = pack(data, LONG, 8 << 20, packed);
    check(unpacks(&e, &s, data, LONG, to), "long-large-dictionary", e.text);
    s.n = pack(data, 300, SMALL_DICTIONARY, packed);
    s.step = 1;
    check(unpacks(&e, &s, data, 300, to), "byte-by-byte", e.text);
    for (u64 n = s.n; n-- > 0;) {
        s.n = n;
        good &= !unpacks(&e, &s, data, 300, to) && e.code == SOHO_BAD &&
                strstr(e.text, "truncated");
    }
    check(good, "cut-stream", e.text);
    s.n = 20;
    s.fails = 1;
    check(!unpacks(&e, &s, data, 300, to) && e.code == SOHO_IO &&
              strstr(e.text, "the disk"),
          "read-error", e.text);
    free(data);
    free(packed);
    free(to);
}

int
main(void)
{
    int fd = mkstemp(path);

    if (fd < 0) {
        printf("not ok unlzma: no file %s\n", path);
        return 1;
    }
    vfs->close(fd);
    for (int i = 0; i < 4; i++)
        strcat(text, said);
    whole();
    damaged();
    lies();
    bomb();
    streams();
    remove(path);
    return failed;
}
