/* vqa.c - annotation files: what is read from both forms, and every rule that a
 * file can break, each with its message. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK_PART "vqa/"
#include "check.h"
#include "runtime/data/data.h"

enum { ANSWERS = 3, TOKENS = 6 };

static const char *const answers[ANSWERS] = {"yes", "no", "two"};
static char path[] = "/tmp/soho-vqa-XXXXXX";
static Words *words;

static void
write_file(const char *text, u64 n)
{
    FILE *f = fopen(path, "wb");

    if (!f || fwrite(text, 1, n, f) != n || fclose(f)) {
        printf("not ok vqa/file: cannot write %s\n", path);
        exit(1);
    }
}

static int
open_text(Err *e, const char *text, const char *const *names, int train,
          Vqa *set)
{
    *e = (Err){0};
    write_file(text, strlen(text));
    return vqa_open(e, path, words, TOKENS, ANSWERS, names, train, set);
}

#define LISTS                                                                  \
    "\"ans2label\":{\"two\":2,\"yes\":0,\"no\":1},"                            \
    "\"label2ans\":[\"yes\",\"no\",\"two\"]"
#define Q(id, text, labels, scores)                                            \
    "{\"question\":\"" text "\",\"question_id\":" id ",\"labels\":[" labels    \
    "],\"scores\":[" scores "]}"
#define ITEM(file, w, h, vqa)                                                  \
    "{\"file_name\":\"" file "\",\"image_id\":1,\"height\":" h ",\"width\":" w \
    ",\"vqa\":[" vqa "]}"
#define SET(items) "{\"data\":[" items "]," LISTS "}"
/* One picture with one question, of which one thing is wrong. */
#define ONE(id, text, labels, scores)                                          \
    SET(ITEM("a.jpg", "64", "48", Q(id, text, labels, scores)))

static void
grouped(void)
{
    static const char text[] = "{" LISTS ",\"extra\":[{}],\"data\":[" ITEM(
        "d/a.jpg", "64", "48",
        Q("7", "is it", "1,2", "0.3,1") "," Q(
            "18446744073709551615", "is is is is is is is", "",
            "")) "," ITEM("small.png", "31", "400",
                          Q("9", "is", "0",
                            "1")) ","
                                  "{\"vqa\":[{\"scores\":[0.9],\"labels\":[0],"
                                  "\"question_id\":3,"
                                  "\"question\":\"it\"}],\"width\":32,\"file_"
                                  "name\":\"b.png\","
                                  "\"height\":33}]}";
    Vqa s;
    Err e;
    int good = !open_text(&e, text, answers, 1, &s);

    check(good, "grouped", e.text);
    if (!good)
        return;
    check(s.npicture == 2 && s.nquestion == 3 && s.dropped == 1, "counts",
          "2 pictures, 3 questions, 1 dropped expected");
    check(!strcmp(s.picture[0].file, "d/a.jpg") && s.picture[0].w == 64 &&
              s.picture[0].h == 48 && s.picture[0].count == 2 &&
              !strcmp(s.picture[1].file, "b.png") && s.picture[1].first == 2,
          "pictures", "a field differs");
    check(s.question[0].id == 7 && s.question[1].id == ~(u64)0 &&
              s.question[2].id == 3 && s.question[2].image == 1,
          "questions", "a field differs");
    check(s.question[0].ntoken == 4 && s.question[1].ntoken == TOKENS &&
              s.question[2].token == 4 + TOKENS &&
              s.token[s.question[2].token + 1] == 6,
          "tokens", "4 and at most 6 ids expected");
    check(s.question[0].nlabel == 2 && s.question[1].nlabel == 0 &&
              s.label[1] == 2 && s.score[0] == 0.3f && s.score[1] == 1 &&
              s.label[s.question[2].label] == 0 &&
              s.score[s.question[2].label] == 0.9f,
          "labels",
          "labels or scores differ, or one of a dropped picture "
          "stayed");
    vqa_close(&s);
    check(!open_text(&e, text, answers, 0, &s) && s.npicture == 3 &&
              s.dropped == 0,
          "small-kept", "evaluation must keep small pictures");
    vqa_close(&s);
}

static void
flat(void)
{
    static const char text[] =
        "{\"data\":[{\"question_id\":1,\"question\":\"is\",\"file_name\":"
        "\"a.jpg\",\"height\":20,\"width\":30},{\"file_name\":\"a.jpg\","
        "\"height\":20,\"width\":30,\"question\":\"it\",\"question_id\":2},"
        "{\"file_name\":\"b.jpg\",\"question\":\"\",\"question_id\":3}]}";
    Vqa s;
    Err e;
    int good = !open_text(&e, text, answers, 0, &s);

    check(good && s.npicture == 2 && s.picture[0].count == 2 &&
              s.picture[1].count == 1 && s.question[1].image == 0 &&
              s.question[2].image == 1 && s.question[2].ntoken == 2 &&
              s.picture[1].w == 0 && s.picture[1].h == 0,
          "flat", e.text);
    vqa_close(&s);
    check(open_text(&e, text, answers, 1, &s) == SOHO_BAD &&
              strstr(e.text, "no labels here"),
          "flat-train", e.text);
}

typedef struct Row {
    const char *name, *text, *message;
} Row;

static void
refuse(const Row *row, u32 n)
{
    Vqa s;
    Err e;

    for (u32 i = 0; i < n; i++) {
        int code = open_text(&e, row[i].text, answers, 1, &s);

        check(code == SOHO_BAD && strstr(e.text, row[i].message) &&
                  strstr(e.text, path) && !s.picture && !s.own,
              row[i].name, e.text);
    }
}

/* File and line, byte, picture, question, fault, in this order. */
static void
places(void)
{
    static const char tail[] = "label 3, the plan has 3 answers";
    static const Row row[] = {
        {"place-grouped",
         SET(ITEM("a", "64", "64", Q("4", "is", "1", "1")) ",\n" ITEM(
             "b", "64", "64",
             Q("5", "is", "1", "1") ",\n\n" Q("6", "is", "3", "1"))),
         ":4: byte 297: data[1]: question_id 6: "},
        {"place-unnamed",
         SET(ITEM("a", "64", "64", Q("4", "is", "1", "1") ",{\"labels\":[3]}")),
         ":1: byte 140: data[0]: question 2 of the picture: "},
        {"place-flat",
         SET("{\"question_id\":7,\"file_name\":\"a\",\n\"labels\":[3]}"),
         ":2: byte 53: data[0]: question_id 7: "},
    };
    Vqa s;
    Err e;

    for (u32 i = 0; i < countof(row); i++) {
        char want[512];

        snprintf(want, sizeof want, "%s%s%s", path, row[i].message, tail);
        check(open_text(&e, row[i].text, answers, 1, &s) == SOHO_BAD &&
                  !strcmp(e.text, want),
              row[i].name, e.text);
    }
}

static void
bad_questions(void)
{
    static const Row row[] = {
        {"label-large", ONE("5", "is", "3", "1"), "question_id 5: "},
        {"label-says", ONE("5", "is", "3", "1"),
         "label 3, the plan has 3 answers"},
        {"label-wraps", ONE("5", "is", "4294967296", "1"), "got 4294967296"},
        {"label-negative", ONE("5", "is", "-1", "1"), "got -1"},
        {"label-fraction", ONE("5", "is", "1.5", "1"), "got 1.5"},
        {"label-twice", ONE("5", "is", "1,1", "1,1"), "label 1 twice"},
        {"score-missing", ONE("5", "is", "1,2", "1"), "2 labels, but 1 scores"},
        {"score-large", ONE("5", "is", "1", "1.01"), "score 1.01"},
        {"id-negative", ONE("-5", "is", "1", "1"), "got -5"},
        {"id-large", ONE("18446744073709551616", "is", "1", "1"), "2^64-1"},
        {"id-string", ONE("\"5\"", "is", "1", "1"), "got \"5\""},
        {"utf8", ONE("5", "\xff", "1", "1"), "expected UTF-8"},
        {"question-number", SET(ITEM("a", "64", "64", "{\"question\":5}")),
         "expected a string"},
        {"no-question", SET(ITEM("a", "64", "64", "{\"question_id\":5}")),
         "no question here"},
        {"no-labels",
         SET(ITEM("a", "64", "64", "{\"question\":\"\",\"question_id\":5}")),
         "no labels here"},
        {"key-twice",
         SET(ITEM("a", "64", "64", "{\"question\":\"\",\"question\":\"\"}")),
         "the key question stands here twice"},
    };

    refuse(row, countof(row));
    places();
}

#define FILED(file) SET(ITEM(file, "64", "64", Q("5", "is", "1", "1")))

static void
bad_pictures(void)
{
    static const Row row[] = {
        {"file-empty", FILED(""), "file_name is empty"},
        {"file-up", FILED("a/../b"), "'..'"},
        {"file-absolute", FILED("/a"), "begins with '/'"},
        {"file-backslash", FILED("a\\\\b"), "backslash"},
        {"file-nul", FILED("a\\u0000b"), "NUL"},
        {"file-slashes", FILED("a//b"), "empty part"},
        {"file-dot", FILED("./b"), "empty part"},
        {"no-file", SET("{\"vqa\":[]}"), "no file_name here"},
        {"width-string", SET(ITEM("a", "\"64\"", "64", Q("5", "is", "1", "1"))),
         "got \"64\""},
        {"height-large", SET(ITEM("a", "64", "70000", Q("5", "is", "1", "1"))),
         "got 70000"},
        {"all-small", SET(ITEM("a", "31", "64", Q("5", "is", "1", "1"))),
         "no question to read; 1 pictures are smaller than 32"},
        {"both-forms",
         SET("{\"file_name\":\"a\",\"question\":\"\",\"vqa\":[]}"),
         "an item with vqa"},
    };
    static char name[258];
    char text[1024];
    Vqa s;
    Err e;

    refuse(row, countof(row));
    memset(name, 'n', 256);
    snprintf(text, sizeof text, FILED("%s"), name);
    check(open_text(&e, text, answers, 1, &s) == SOHO_BAD &&
              strstr(e.text, "a part of 256 bytes, at most 255"),
          "file-long", e.text);
    name[255] = 0;
    snprintf(text, sizeof text, FILED("%s"), name);
    check(!open_text(&e, text, answers, 1, &s), "file-255", e.text);
    vqa_close(&s);
}

#define DATA        ITEM("a", "64", "64", Q("5", "is", "1", "1"))
#define WITH(lists) "{\"data\":[" DATA "]," lists "}"

static void
bad_answers(void)
{
    static const Row row[] = {
        {"answers-none", "{\"data\":[" DATA "]}", "neither label2ans nor"},
        {"answers-few", WITH("\"label2ans\":[\"yes\",\"no\"]"),
         "2 answers, the plan has 3"},
        {"answers-differ", WITH("\"label2ans\":[\"yes\",\"non\",\"two\"]"),
         "answer 1 is 'non', in the plan 'no'"},
        {"answers-twice", WITH("\"label2ans\":[\"yes\",\"no\",\"no\"]"),
         "'no' is listed twice"},
        {"answers-same-label",
         WITH("\"ans2label\":{\"yes\":0,\"no\":0,\"two\":2}"),
         "has label 0, which another"},
        {"answers-gap", WITH("\"ans2label\":{\"yes\":0,\"no\":1,\"two\":3}"),
         "'two' has label 3, but none has 2"},
        {"answers-disagree",
         WITH("\"ans2label\":{\"yes\":1,\"no\":0,\"two\":2},"
              "\"label2ans\":[\"yes\",\"no\",\"two\"]"),
         "label 0 is 'yes' in label2ans, 'no' in ans2label"},
        {"answers-count",
         WITH("\"ans2label\":{\"yes\":0,\"no\":1},"
              "\"label2ans\":[\"yes\",\"no\",\"two\"]"),
         "label2ans has 3 answers, ans2label 2"},
        {"answers-nul", WITH("\"label2ans\":[\"a\\u0000\"]"), "without NUL"},
        {"top-array", "[" DATA "]", "expected an object, got ["},
        {"no-data", "{" LISTS "}", "no key data"},
        {"data-twice", "{\"data\":[],\"data\":[]}", "key data stands here"},
        {"data-object", "{\"data\":{}}", "expected an array"},
        {"trailing", ONE("5", "is", "1", "1") "x", "the end of the text"},
    };
    Vqa s;
    Err e;

    refuse(row, countof(row));
    check(!open_text(&e, WITH("\"label2ans\":[\"x\",\"y\"]"), NULL, 1, &s),
          "answers-unnamed", e.text);
    vqa_close(&s);
}

static void
answer_list(void)
{
    static const char text[] = "{\"x\":[[]],\"data\":[{\"any\":1}],"
                               "\"ans2label\":{\"b\\u00e9\":1,\"a\":0}}";
    static const char none[] = "{\"data\":[]}";
    char **names;
    Err e = {0};
    u32 n;

    write_file(text, sizeof text - 1);
    check(!vqa_answers(&e, path, &names, &n) && n == 2 &&
              !strcmp(names[0], "a") && !strcmp(names[1], "b\xc3\xa9"),
          "answer-list", e.text);
    free(names);
    write_file(none, sizeof none - 1);
    check(vqa_answers(&e, path, &names, &n) == SOHO_BAD && !names,
          "answer-list-none", "a file without answers was accepted");
}

/* A good file cut, or with a few bytes changed: a set or an error. */
static void
damage(void)
{
    static const char seed[] = SET(
        ITEM("d/a.jpg", "64", "48", Q("7", "is it", "1,2", "0.3,1")) "," ITEM(
            "b.jpg", "64", "48",
            Q("8", "\\u00e9", "0", "1") "," Q("9", "", "", "")));
    static const char alphabet[] = "[]{},:\"\\u0d8e+-.tfn \n\x01\xc3\xff";
    u64 state = 1, n = sizeof seed - 1;
    char text[sizeof seed];
    int good = 1;
    Vqa s;
    Err e;

    for (int round = 0; round < 3000; round++) {
        memcpy(text, seed, sizeof seed);
        for (int k = round < (int)n ? 4 : 0; k < 3; k++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            text[(state >> 33) % n] =
                alphabet[(state >> 50) % (sizeof alphabet - 1)];
        }
        e = (Err){0};
        write_file(text, round < (int)n ? (u64)round : n);
        if (vqa_open(&e, path, words, TOKENS, ANSWERS, answers, 1, &s))
            good &= e.code == SOHO_BAD && e.text[0] && !s.picture;
        else
            good &= round >= (int)n && s.nquestion > 0;
        vqa_close(&s);
    }
    check(good, "damage", "a cut file was read, or an error has no text");
}

int
main(void)
{
    static const char vocabulary[] =
        "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nis\nit\ne\n";
    Err e = {0};
    int fd = mkstemp(path);

    if (fd < 0 || words_open(&e, "v", (const u8 *)vocabulary,
                             sizeof vocabulary - 1, &words)) {
        printf("not ok vqa/start: no file in /tmp, or %s\n", e.text);
        return 1;
    }
    close(fd);
    grouped();
    flat();
    bad_questions();
    bad_pictures();
    bad_answers();
    answer_list();
    damage();
    words_close(words);
    unlink(path);
    return failed;
}
