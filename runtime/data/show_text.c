/* show_text.c - `data tokens`, `data answers` and `data json`: what the readers
 * of text made of it.
 *
 *   data tokens --vocab F [--cap N] TEXT... | --file LINES
 *     The ids of each text on a line of its own, [CLS] and [SEP] included, at
 *     most N of them.  LINES holds JSON objects with a key "text".
 *   data answers TEXT... | --file LINES
 *     The normal form of each answer in quotes on a line of its own, as the VQA
 *     accuracy compares it.  LINES holds JSON objects with a key "raw".
 *   data json FILE...
 *     FILE: ok, N values, depth D
 *   data json --vqa --answers N --vocab F [--tokens N] [--test] FILE...
 *     FILE: N pictures, N questions, N dropped, N tokens, N bytes in memory,
 *     checksum HEX
 *     As SOHO VQA annotations with questions of at most N tokens (16); --test
 *     keeps small pictures and needs no labels.  The checksum is FNV-1a over
 *     all that was read.
 *   data json --captions --vocab F [--tokens N] [--qa | --qa-ans] [--test]
 *       FILE...
 *     The same of SOHO pre-training files; --qa makes sentences of `question`,
 *     too, --qa-ans of `questionAns`. */
#include "runtime/data/data.h"
#include "runtime/data/normalise_answer.h"
#include "runtime/data/show.h"
#include "runtime/data/words_own.h"
#include "runtime/quote.h"
#include "runtime/vfs.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_LIMIT = 1 << 20, VOCABULARY_LIMIT = 1 << 28, USUAL_TOKENS = 16 };

typedef struct Options {
    const char *vocabulary, *lines;
    u32 cap;     /* 0: no limit */
    u32 answers; /* 0: not given */
    u32 tokens;
    int vqa, captions, test;
    CapsExtra extra;
    Words *words;
} Options;

/* ---------------------------------------------------------------- options */

static int
take_count(Err *e, const char *option, const char *text, u32 low, u32 *value)
{
    char *end = NULL;
    long n = text ? strtol(text, &end, 10) : 0;

    FAIL_IF(!end || *end || n < (long)low || n > 1 << 20, e, SOHO_USAGE,
            "data: %s needs a number from %u to %d", option, low, 1 << 20);
    *value = (u32)n;
    return 0;
}

static int
take_path(Err *e, const char *option, const char *text, const char **path)
{
    FAIL_IF(!text, e, SOHO_USAGE, "data: %s needs a file", option);
    *path = text;
    return 0;
}

/* Reads the options in front of the other arguments: *first is the first of
 * those. */
static int
take_options(Err *e, int argc, char **argv, Options *o, int *first)
{
    int i = 1;

    for (; i < argc && !strncmp(argv[i], "--", 2); i++) {
        const char *option = argv[i], *next = argv[i + 1];
        int json = !strcmp(argv[0], "json");
        int answers = !strcmp(argv[0], "answers");

        if (json && !strcmp(option, "--vqa"))
            o->vqa = 1;
        else if (json && !strcmp(option, "--captions"))
            o->captions = 1;
        else if (json && !strcmp(option, "--qa"))
            o->extra = CAPS_QUESTIONS;
        else if (json && !strcmp(option, "--qa-ans"))
            o->extra = CAPS_ANSWERS;
        else if (json && !strcmp(option, "--test"))
            o->test = 1;
        else if (!answers && !strcmp(option, "--vocab"))
            TRY(take_path(e, argv[i++], next, &o->vocabulary));
        else if (!json && !strcmp(option, "--file"))
            TRY(take_path(e, argv[i++], next, &o->lines));
        else if (!json && !answers && !strcmp(option, "--cap"))
            TRY(take_count(e, argv[i++], next, 2, &o->cap));
        else if (json && !strcmp(option, "--tokens"))
            TRY(take_count(e, argv[i++], next, 2, &o->tokens));
        else if (json && !strcmp(option, "--answers"))
            TRY(take_count(e, argv[i++], next, 1, &o->answers));
        else
            return err_set(e, SOHO_USAGE, "data %s: unknown option %s", argv[0],
                           option);
    }
    *first = i;
    return 0;
}

static int
open_words(Err *e, const char *path, Words **words)
{
    u8 *text;
    u64 bytes;

    TRY(vfs_read_file(e, path, VOCABULARY_LIMIT, &text, &bytes));
    words_open(e, path, text, bytes, words);
    free(text);
    return e->code;
}

/* ---------------------------------------------------------- lines of texts */

/* Prints what one text became. */
typedef int Printer(Err *e, const Options *o, const char *text, u64 bytes,
                    FILE *out);

/* The text under `key` in one object of a file; `room` holds TEXT_LIMIT bytes.
 */
static int
print_line(Json *j, const Options *o, const char *key, Printer *print,
           char *room, FILE *out)
{
    u64 n, at = json_at(j);
    int more, found = 0;

    TRY(json_object(j));
    for (;;) {
        TRY(json_next(j, &more));
        if (!more)
            break;
        TRY(json_key_text(j, room, TEXT_LIMIT, &n));
        if (found || !json_is(room, n, key)) {
            TRY(json_skip(j));
            continue;
        }
        found = 1;
        TRY(json_string(j, room, TEXT_LIMIT, &n));
        TRY(print(j->err, o, room, n, out));
    }
    return found ? 0 : json_bad(j, at, "no key \"%s\" in this object", key);
}

static int
print_lines(Err *e, const Options *o, const char *key, Printer *print,
            FILE *out)
{
    char *room = malloc(TEXT_LIMIT);
    Json j;

    if (!room)
        return err_set(e, SOHO_MEMORY, "no memory for a text");
    if (!json_open(&j, e, o->lines))
        while (!e->code && json_more(&j))
            print_line(&j, o, key, print, room, out);
    json_close(&j);
    free(room);
    return e->code;
}

/* ----------------------------------------------------------------- tokens */

static int
print_ids(Err *e, const Options *o, const char *text, u64 bytes, FILE *out)
{
    u32 cap = o->cap ? o->cap : (u32)bytes + 2, n = 0;
    i32 *ids = malloc(cap * sizeof *ids);

    FAIL_IF(!ids, e, SOHO_MEMORY, "no memory for %u ids", cap);
    words_ids(e, o->words, text, bytes, ids, cap, &n);
    for (u32 i = 0; i < n; i++)
        fprintf(out, "%d%c", ids[i], i + 1 < n ? ' ' : '\n');
    free(ids);
    return e->code;
}

int
show_tokens(Err *e, int argc, char **argv, FILE *out)
{
    Options o = {0};
    int i;

    TRY(take_options(e, argc, argv, &o, &i));
    FAIL_IF(!o.vocabulary || (i == argc) != (o.lines != NULL), e, SOHO_USAGE,
            "data tokens: expected --vocab F and either TEXT... or --file "
            "LINES (soho-rt data tokens --help)");
    TRY(open_words(e, o.vocabulary, &o.words));
    if (o.lines)
        print_lines(e, &o, "text", print_ids, out);
    for (; i < argc && !e->code; i++)
        print_ids(e, &o, argv[i], strlen(argv[i]), out);
    words_close(o.words);
    return e->code;
}

/* ---------------------------------------------------------------- answers */

static int
print_answer(Err *e, const Options *o, const char *text, u64 bytes, FILE *out)
{
    Bytes normal = {.n = 0};

    (void)o;
    FAIL_IF(words_check((const u8 *)text, bytes) < bytes, e, SOHO_BAD,
            "an answer that is not UTF-8");
    answer_normalise(text, bytes, &normal);
    if (normal.failed)
        err_set(e, SOHO_MEMORY, "no memory for an answer");
    else
        quote_bytes(out, (const char *)normal.data, normal.n);
    fputc('\n', out);
    bytes_free(&normal);
    return e->code;
}

int
show_answers(Err *e, int argc, char **argv, FILE *out)
{
    Options o = {0};
    int i;

    TRY(take_options(e, argc, argv, &o, &i));
    FAIL_IF((i == argc) != (o.lines != NULL), e, SOHO_USAGE,
            "data answers: expected either TEXT... or --file LINES (soho-rt "
            "data answers --help)");
    if (o.lines)
        print_lines(e, &o, "raw", print_answer, out);
    for (; i < argc && !e->code; i++)
        print_answer(e, &o, argv[i], strlen(argv[i]), out);
    return e->code;
}

/* ------------------------------------------------------------------- json */

static int
show_values(Err *e, const char *path, FILE *out)
{
    Json j;

    if (!json_open(&j, e, path) && !json_skip(&j) && !json_end(&j))
        fprintf(out, "%s: ok, %llu values, depth %u\n", path,
                (unsigned long long)j.nvalue, j.deepest);
    json_close(&j);
    return e->code;
}

/* FNV-1a of 64 bits; the integers go in by their little-endian bytes. */
static u64
mix(u64 sum, const void *data, u64 bytes)
{
    const u8 *s = data;

    for (u64 i = 0; i < bytes; i++)
        sum = (sum ^ s[i]) * 0x100000001b3u;
    return sum;
}

static u64
mix_question(u64 sum, const Vqa *set, const Question *q)
{
    sum = mix(sum, &q->id, sizeof q->id);
    sum = mix(sum, &q->ntoken, sizeof q->ntoken);
    sum = mix(sum, set->token + q->token, q->ntoken * sizeof *set->token);
    sum = mix(sum, &q->nlabel, sizeof q->nlabel);
    if (!q->nlabel)
        return sum;
    sum = mix(sum, set->label + q->label, q->nlabel * sizeof *set->label);
    return mix(sum, set->score + q->label, q->nlabel * sizeof *set->score);
}

static int
show_set(Err *e, const char *path, const Options *o, FILE *out)
{
    u64 sum = 0xcbf29ce484222325u, ntoken = 0;
    Vqa set;

    if (o->captions)
        TRY(caps_open(e, path, o->words, o->tokens, o->extra, !o->test, &set));
    else
        TRY(vqa_open(e, path, o->words, o->tokens, o->answers, NULL, !o->test,
                     &set));
    for (u32 i = 0; i < set.npicture; i++) {
        const Picture *p = &set.picture[i];

        sum = mix(sum, p->file, strlen(p->file) + 1);
        sum = mix(sum, &p->w, sizeof p->w);
        sum = mix(sum, &p->h, sizeof p->h);
        sum = mix(sum, &p->count, sizeof p->count);
        for (u32 k = 0; k < p->count; k++) {
            sum = mix_question(sum, &set, &set.question[p->first + k]);
            ntoken += set.question[p->first + k].ntoken;
        }
    }
    fprintf(out,
            "%s: %u pictures, %u %s, %u dropped, %llu tokens, %llu bytes in "
            "memory, checksum %016llx\n",
            path, set.npicture, set.nquestion,
            o->captions ? "sentences" : "questions", set.dropped,
            (unsigned long long)ntoken, (unsigned long long)vqa_bytes(&set),
            (unsigned long long)sum);
    vqa_close(&set);
    return 0;
}

/* Of several files, one that fails does not hide the others. */
static int
show_json_files(Err *e, int n, char **file, const Options *o, FILE *out)
{
    int bad = 0, code = 0;

    for (int i = 0; i < n; i++) {
        Err one = {0};

        if (!(o->vqa || o->captions ? show_set(&one, file[i], o, out)
                                    : show_values(&one, file[i], out)))
            continue;
        if (n == 1) {
            *e = one;
            return e->code;
        }
        fprintf(stderr, "%s\n", one.text);
        code = code ? code : one.code;
        bad++;
    }
    FAIL_IF(bad, e, code, "%d of %d files cannot be read", bad, n);
    return 0;
}

int
show_json(Err *e, int argc, char **argv, FILE *out)
{
    Options o = {.tokens = USUAL_TOKENS};
    int i;

    TRY(take_options(e, argc, argv, &o, &i));
    FAIL_IF(i == argc || o.vqa + o.captions > 1 ||
                (o.vqa && !(o.answers && o.vocabulary)) ||
                (o.captions && !o.vocabulary),
            e, SOHO_USAGE,
            "data json: expected FILE..., with --vqa also --answers and "
            "--vocab, with --captions also --vocab (soho-rt data json "
            "--help)");
    if (o.vqa || o.captions)
        TRY(open_words(e, o.vocabulary, &o.words));
    show_json_files(e, argc - i, argv + i, &o, out);
    words_close(o.words);
    return e->code;
}
