/* caps.c - pre-training files: what is read from them, every rule that a file
 * can break, and that the text of a large one is not kept in memory. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK_PART "caps/"
#include "check.h"
#include "runtime/data/data.h"
#include "runtime/vfs.h"

enum { TOKENS = 6 };

static char path[] = "/tmp/soho-caps-XXXXXX";
static Words *words;

static int
open_text(Err *e, const char *text, CapsExtra extra, int train, Vqa *set)
{
    FILE *f = fopen(path, "wb");

    *e = (Err){0};
    if (!f || fputs(text, f) < 0 || fclose(f)) {
        printf("not ok caps/file: cannot write %s\n", path);
        exit(1);
    }
    return caps_open(e, path, words, TOKENS, extra, train, set);
}

#define SIDES "\"height\":64,\"width\":48"
#define ITEM(file, rest)                                                       \
    "{\"file_name\":\"" file "\",\"image_id\":1,\"labels\":[1,\"dog\"],"       \
    "" SIDES "," rest "}"

static void
reads(void)
{
    static const char text[] =
        "[" ITEM("d/a.jpg", "\"captions\":[\"is it\",\"is is is is is "
                            "is\"]") ",{\"captions\":[\"it\"],\"file_"
                                     "name\":\"small.png\",\"width\":31,"
                                     "\"height\":400},{\"captions\":["
                                     "\"two\"],\"file_name\":\"b.png\"}"
                                     "," ITEM("c.png", "\"captions\":[]") "]\n";
    Vqa s;
    Err e;

    if (open_text(&e, text, CAPS_ALONE, 1, &s)) {
        check(0, "reads", e.text);
        return;
    }
    check(s.npicture == 2 && s.nquestion == 3 && s.dropped == 1, "counts",
          "2 pictures, 3 captions, 1 dropped expected");
    check(!strcmp(s.picture[0].file, "d/a.jpg") && s.picture[0].w == 48 &&
              s.picture[0].h == 64 && s.picture[0].count == 2 &&
              s.picture[1].w == 0 && s.picture[1].first == 2,
          "pictures", "a field differs");
    check(s.question[0].ntoken == 4 && s.question[1].ntoken == TOKENS &&
              s.question[2].token == 4 + TOKENS && s.question[2].image == 1 &&
              s.token[1] == 5 && s.token[2] == 6 &&
              s.token[s.question[2].token + 1] == 7,
          "tokens", "4, at most 6 and 3 ids expected");
    vqa_close(&s);
    check(!open_text(&e, text, CAPS_ALONE, 0, &s) && s.npicture == 3 &&
              !s.dropped,
          "small-kept", "evaluation must keep small pictures");
    vqa_close(&s);
}

/* Questions and their answers as strings and as lists; without questionAns, or
 * with null there, an item has its captions alone. */
static void
asks(void)
{
    static const char both[] = "\"question\":[\"it\",\"is\"],\"captions\":[],"
                               "\"questionAns\":[\"is is\"]",
                      one[] = "\"questionAns\":\"is it two\",\"captions\":"
                              "[\"it\"],\"question\":\"is it\"",
                      none[] = "\"question\":[\"it\"],\"captions\":[\"two\"]",
                      null[] = ",\"questionAns\":null";
    char text[1024];
    static const struct {
        const char *name;
        CapsExtra extra;
        u32 pictures, sentences, second; /* ids of the first item's second */
    } want[] = {
        {"alone", CAPS_ALONE, 3, 3, 3},
        {"questions", CAPS_QUESTIONS, 4, 6, 4},
        {"answers", CAPS_ANSWERS, 4, 5, 5},
    };

    snprintf(text, sizeof text,
             "[" ITEM("a.jpg", "%s") "," ITEM("b.jpg", "%s") "," ITEM(
                 "c.jpg", "%s") "," ITEM("d.jpg", "%s%s") "]",
             one, both, none, none, null);
    for (u32 i = 0; i < countof(want); i++) {
        Vqa s;
        Err e;
        int good = !open_text(&e, text, want[i].extra, 1, &s);

        check(good && s.npicture == want[i].pictures &&
                  s.nquestion == want[i].sentences &&
                  s.question[1].ntoken == want[i].second,
              want[i].name, good ? "sentences differ" : e.text);
        vqa_close(&s);
    }
}

static void
refuses(void)
{
    static const struct {
        const char *name, *text, *says;
    } bad[] = {
        {"object", "{\"data\":[]}", "1: byte 0: expected an array, got {"},
        {"empty", "[]", "no caption to read"},
        {"no-captions", "[{\"file_name\":\"a\"}]", "item 0: no captions here"},
        {"no-file", "[{\"captions\":[\"it\"]}]", "item 0: no file_name here"},
        {"captions-text", "[{\"file_name\":\"a\",\"captions\":\"it\"}]",
         "expected an array"},
        {"caption-number", "[{\"file_name\":\"a\",\"captions\":[1]}]",
         "expected a string"},
        {"twice", "[{\"file_name\":\"a\",\"file_name\":\"b\"}]",
         "the key file_name stands here twice"},
        {"path", "[{\"file_name\":\"../a\"}]", "empty part, '.' or '..'"},
        {"side", "[{\"file_name\":\"a\",\n\"height\":-1}]",
         ":2: byte 28: item 0: expected an integer from 0"},
        {"question-number",
         "[" ITEM("a", "\"captions\":[],\"question\":[1],"
                       "\"questionAns\":[]") "]",
         "expected a string, got 1"},
        {"no-question",
         "[" ITEM("a", "\"captions\":[],\"questionAns\":[\"it\"]") "]",
         "item 0: questionAns, but no question here"},
        {"question-nul",
         "[" ITEM("a", "\"captions\":[],\"question\":\"a\\u0000\"") "]",
         "a text with a NUL inside"},
        {"utf8", "[{\"file_name\":\"a\",\"captions\":[\"\xff\"]}]",
         "expected UTF-8"},
        {"more", "[{\"file_name\":\"a\",\"captions\":[\"it\"]}] 1",
         "expected the end of the text"},
        {"cut", "[{\"file_name\":\"a\",\"captions\":[\"it\"]}",
         "got the end of the text"},
    };

    for (u32 i = 0; i < countof(bad); i++) {
        Vqa s;
        Err e;

        check(open_text(&e, bad[i].text, CAPS_QUESTIONS, 1, &s) == SOHO_BAD &&
                  strstr(e.text, bad[i].says),
              bad[i].name, e.text);
    }
}

/* ---------------------------------------------------------- large files */

enum { ITEMS = 200000, FILLER = 400 };

/* Resident bytes of this process. */
static u64
resident(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    if (f && fscanf(f, "%*u %lu", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return pages * (u64)sysconf(_SC_PAGESIZE);
}

/* About 90 MB, most of it in a field that nobody asks for; `end` closes it. */
static u64
write_large(const char *end)
{
    static char filler[FILLER + 1];
    FILE *f = fopen(path, "wb");
    u64 bytes = 0;

    memset(filler, 'x', FILLER);
    for (u32 i = 0; f && i < ITEMS; i++)
        bytes += (u64)fprintf(f,
                              "%s{\"file_name\":\"%u\",\"url\":\"%s\","
                              "\"captions\":[\"it is\"]}\n",
                              i ? "," : "[", i, filler);
    if (!f || fputs(end, f) < 0 || fclose(f))
        return 0;
    return bytes;
}

static u64 most;
static i64 (*real_pread)(int fd, void *to, u64 n, u64 offset);

/* Looks at the memory whenever a piece of the file is read. */
static i64
watching(int fd, void *to, u64 n, u64 offset)
{
    u64 now = resident();

    most = now > most ? now : most;
    return real_pread(fd, to, n, offset);
}

static i64
failing(int fd, void *to, u64 n, u64 offset)
{
    if (offset < 20 << 20)
        return real_pread(fd, to, n, offset);
    errno = EIO;
    return -1;
}

/* A file that another process cuts short meanwhile. */
static i64
shrinking(int fd, void *to, u64 n, u64 offset)
{
    return offset < 20 << 20 ? real_pread(fd, to, n, offset) : 0;
}

static void
large(void)
{
    Vfs own = *vfs;
    const Vfs *before = vfs;
    u64 bytes = write_large("]"), start = resident();
    char why[128];
    Vqa s;
    Err e = {0};

    real_pread = own.pread;
    own.pread = watching;
    vfs = &own;
    check(bytes && !caps_open(&e, path, words, TOKENS, CAPS_ALONE, 1, &s) &&
              s.npicture == ITEMS,
          "large-reads", e.text);
    snprintf(why, sizeof why, "%llu bytes of text, index %llu, grew by %llu",
             (unsigned long long)bytes, (unsigned long long)vqa_bytes(&s),
             (unsigned long long)(most - start));
#ifdef __SANITIZE_ADDRESS__
    printf("skip caps/large-is-not-kept: a sanitizer owns the memory\n");
#else
    check(most - start < vqa_bytes(&s) * 3 / 2 + (12u << 20),
          "large-is-not-kept", why);
#endif
    vqa_close(&s);
    own.pread = failing;
    check(caps_open(&e, path, words, TOKENS, CAPS_ALONE, 1, &s) == SOHO_IO,
          "large-read-error", e.text);
    e = (Err){0};
    own.pread = shrinking;
    check(caps_open(&e, path, words, TOKENS, CAPS_ALONE, 1, &s) == SOHO_BAD &&
              strstr(e.text, "truncated"),
          "large-cut-short", e.text);
    e = (Err){0};
    vfs = before;
    write_large(",1]");
    check(caps_open(&e, path, words, TOKENS, CAPS_ALONE, 1, &s) == SOHO_BAD &&
              strstr(e.text, ":200001: byte "),
          "large-line", e.text);
}

int
main(void)
{
    static const char list[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nis\nit\n"
                               "two\n";
    Err e = {0};
    int fd = mkstemp(path);

    if (fd < 0 ||
        words_open(&e, "vocab", (const u8 *)list, sizeof list - 1, &words)) {
        printf("not ok caps/opens: %s\n", e.text);
        return 1;
    }
    close(fd);
    reads();
    asks();
    refuses();
    large();
    words_close(words);
    unlink(path);
    return failed;
}
