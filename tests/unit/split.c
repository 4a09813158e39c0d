/* split.c - one split becomes two: no picture nor a copy of it in both, items
 * as they were, equal bytes from equal seeds, files that training reads, and
 * input that is refused before anything is written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHECK_PART "split/"
#include "check.h"
#include "runtime/data/pack.h"
#include "runtime/data/split.h"
#include "runtime/dataset.h"
#include "runtime/vfs.h"

static char room[64]; /* the test's own folder */

static const char *
in_room(const char *name)
{
    static char path[4][256];
    static int turn;

    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", room, name);
    return path[turn];
}

/* Text of a file, or "" after a failed check. */
static char *
text_of(const char *folder, const char *name)
{
    char path[512];
    u8 *text = NULL;
    u64 bytes;
    Err e = {0};

    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (vfs_read_file(&e, path, 1 << 28, &text, &bytes)) {
        check(0, "reads-a-file", e.text);
        return strdup("");
    }
    return (char *)text;
}

/* ------------------------------------------------------------ self-made data
 */

enum { PICTURES = 40, TWINS = 12 };

/* Picture i < TWINS has the bytes of picture PICTURES - 1 - i. */
static u32
bytes_of(u32 i)
{
    return i < TWINS ? PICTURES - 1 - i : i;
}

static void
file_of(u32 i, char to[64])
{
    snprintf(to, 64, "%s/p\xc3\xa4%02u.jpg", i % 2 ? "odd" : "even", i);
}

/* The item of picture i: its question has a word of its own. */
static void
print_item(u32 i, Bytes *to)
{
    char file[64];

    file_of(i, file);
    bytes_print(to,
                "{\"vqa\": [{\"question\":\"Is W%03u r\\u00e9d?\", "
                "\"question_id\": %llu,\"labels\":[%u],\"scores\":[0.9]}],  ",
                i, 0xffffffffffffffffull - i, i % 3);
    bytes_print(to, "\"file_name\":\"%s\", \"height\":64,\"width\":48}", file);
}

static void
print_json(const char *answers, Bytes *to)
{
    bytes_print(to, "{\"info\":[1], \"data\" : [ ");
    for (u32 i = 0; i < PICTURES; i++) {
        bytes_print(to, i ? " , " : "");
        print_item(i, to);
    }
    bytes_print(to, "],\"label2ans\":%s}", answers);
}

static void
make_source(const char *folder, const char *answers, u32 pictures)
{
    PackZip zip;
    Bytes json = {.n = 0};
    Err e = {0};
    char path[256];

    print_json(answers, &json);
    snprintf(path, sizeof path, "%s/train2014.zip", folder);
    if (!pack_folder(&e, folder) &&
        !pack_file(&e, folder, "train_data_vqa.json", &json) &&
        !pack_open(&e, &zip, path)) {
        for (u32 i = 0; i < pictures; i++) {
            char file[64], member[96], data[64];

            file_of(i, file);
            snprintf(member, sizeof member, "train2014/%s", file);
            snprintf(data, sizeof data, "picture %u", bytes_of(i));
            pack_member(&zip, member, data, strlen(data), 0);
        }
        pack_close(&zip);
    }
    if (e.code)
        check(0, "makes-its-data", e.text);
    bytes_free(&json);
}

static int
make(const char *from, const char *to, f64 share, u64 seed, SplitReport *r,
     Err *e)
{
    SplitSpec spec = {.data = in_room(from),
                      .out = in_room(to),
                      .share = share,
                      .seed = seed};

    *e = (Err){0};
    if (split_make(e, &spec, r))
        printf("# %s\n", e->text);
    return e->code;
}

/* part_of[i]: bit 1 the picture's item is in training, bit 2 in val. */
static void
find_parts(const char *folder, u8 part_of[PICTURES])
{
    char *json[2] = {text_of(folder, "train_data_vqa.json"),
                     text_of(folder, "val_data_vqa.json")};

    memset(part_of, 0, PICTURES);
    for (u32 i = 0; i < PICTURES; i++) {
        Bytes item = {.n = 0};

        print_item(i, &item);
        for (u32 part = 0; part < 2; part++)
            if (memmem(json[part], strlen(json[part]), item.data, item.n))
                part_of[i] |= (u8)(1 << part);
        bytes_free(&item);
    }
    free(json[0]);
    free(json[1]);
}

/* ------------------------------------------------------------------- parting
 */

static void
parts(void)
{
    int once = 1, twins = 1, share = 1;
    u8 first[PICTURES], part_of[PICTURES], moved = 0;
    SplitReport r;
    Err e;

    for (u64 seed = 1; seed <= 20; seed++) {
        u32 unseen = 0;

        share &= !make("source", "out", 0.25, seed, &r, &e);
        find_parts(in_room("out"), part_of);
        for (u32 i = 0; i < PICTURES; i++) {
            once &= part_of[i] == 1 || part_of[i] == 2;
            twins &= part_of[i] == part_of[bytes_of(i)];
            unseen += part_of[i] == 2;
        }
        share &= unseen == PICTURES / 4 && r.pictures[1] == unseen &&
                 r.pictures[0] == PICTURES - unseen && r.twins == TWINS;
        if (seed == 1)
            memcpy(first, part_of, sizeof first);
        moved |= memcmp(first, part_of, sizeof first) != 0;
    }
    check(once, "each-item-as-it-was-in-one-part", "an item differs");
    check(twins, "equal-bytes-in-one-part", "a picture and its copy are apart");
    check(share, "share-is-met", "not a quarter of the pictures");
    check(moved, "seed-moves-the-split", "20 seeds, one split");
}

static void
repeats(void)
{
    static const char *const file[] = {
        "train2014.zip",     "val2014.zip", "train_data_vqa.json",
        "val_data_vqa.json", "vocab.txt",   "answers.txt"};
    SplitReport r;
    int same = 1;
    Err e;

    make("source", "out", 0.25, 5, &r, &e);
    make("source", "again", 0.25, 5, &r, &e);
    for (u32 i = 0; i < countof(file); i++) {
        char path[2][512];
        u8 *x = NULL, *y = NULL;
        u64 nx = 0, ny = 1;

        snprintf(path[0], sizeof path[0], "%s/%s", in_room("out"), file[i]);
        snprintf(path[1], sizeof path[1], "%s/%s", in_room("again"), file[i]);
        same &= !vfs_read_file(&e, path[0], 1 << 20, &x, &nx) &&
                !vfs_read_file(&e, path[1], 1 << 20, &y, &ny) && nx == ny &&
                !memcmp(x, y, nx);
        free(x);
        free(y);
    }
    check(same, "same-seed-same-bytes", "a file differs");
}

/* ------------------------------------------------------------------- reading
 */

/* Opens a part as training does: pictures have their bytes, and only words
 * that training never met are unknown. */
static void
read_part(const char *name, const PlanData *plan, u32 part)
{
    const char *folder = in_room("out");
    DataWanted from = {.folder = &folder, .nfolder = 1, .split = name};
    Dataset data;
    Err e = {0};
    u32 unknown = 0, wrong = 0;
    char why[128];

    if (dataset_open(&e, plan, &from, 1, &data))
        check(0, name, e.text);
    for (u32 i = 0; i < data.set.nquestion; i++)
        for (u32 k = 0; k < data.set.question[i].ntoken; k++)
            unknown += data.set.token[data.set.question[i].token + k] == 1;
    for (u32 i = 0; i < data.set.npicture; i++) {
        char member[128], wanted[64];
        u8 *bytes = NULL;
        u64 n;

        snprintf(member, sizeof member, "%s2014/%s", name,
                 data.set.picture[i].file);
        snprintf(wanted, sizeof wanted, "picture %u",
                 bytes_of((u32)atoi(strrchr(member, '.') - 2)));
        wrong += zip_read(&e, data.part->images, member, &bytes, &n) ||
                 strcmp((char *)bytes, wanted);
        free(bytes);
    }
    snprintf(why, sizeof why, "%u pictures, %u wrong, %u unknown words",
             data.set.npicture, wrong, unknown);
    check(data.set.npicture && !wrong &&
              !strcmp(data.part->prefix, part ? "val2014" : "train2014"),
          part ? "val-opens" : "train-opens", why);
    check(unknown == (part ? data.set.nquestion : 0),
          part ? "val-words-are-not-learned" : "train-words-are-known", why);
    if (data.part->images)
        check(zip_count(data.part->images) == data.set.npicture,
              part ? "val-zip-holds-no-more" : "train-zip-holds-no-more", why);
    dataset_close(&data);
}

static void
readable(void)
{
    static const char *names[] = {"yes", "a \"b\"", "c\xc3\xa9"};
    PlanData plan = {.names = names, .tokens = 16, .answers = 3};
    char *vocab, *answers, *line, *rest = NULL, before[64] = "";
    Words *words = NULL;
    Err e;
    SplitReport r;
    int sorted = 1, n = 0;

    make("source", "out", 0.25, 3, &r, &e);
    vocab = text_of(in_room("out"), "vocab.txt");
    answers = text_of(in_room("out"), "answers.txt");
    words_open(&e, "vocab.txt", (u8 *)vocab, strlen(vocab), &words);
    plan.words = words;
    read_part("train", &plan, 0);
    read_part("val", &plan, 1);
    check(!strcmp(answers, "yes\na \"b\"\nc\xc3\xa9\n"),
          "answers-in-label-order", answers);
    for (line = strtok_r(vocab, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest))
        if (n++ >= 5) {
            sorted &= strcmp(before, line) < 0;
            snprintf(before, sizeof before, "%s", line);
        }
    check(sorted && n == 5 + 3 + 30 && r.words == 33, "words-are-sorted",
          "not \"?\", \"is\", \"red\" and 30 more in order");
    words_close(words);
    free(vocab);
    free(answers);
}

/* Pictures in a folder instead of an archive give the same zips. */
static void
from_folder(void)
{
    SplitReport r;
    Err e = {0};
    char *a, *b;

    make_source(in_room("loose"), "[\"yes\",\"b\",\"c\"]", 0);
    unlink(in_room("loose/train2014.zip"));
    pack_folder(&e, in_room("loose/train2014"));
    pack_folder(&e, in_room("loose/train2014/odd"));
    pack_folder(&e, in_room("loose/train2014/even"));
    for (u32 i = 0; i < PICTURES; i++) {
        Bytes data = {.n = 0};
        char file[64];

        file_of(i, file);
        bytes_print(&data, "picture %u", bytes_of(i));
        pack_file(&e, in_room("loose/train2014"), file, &data);
        bytes_free(&data);
    }
    check(!make("loose", "folder", 0.25, 3, &r, &e), "reads-a-folder", e.text);
    a = text_of(in_room("folder"), "val_data_vqa.json");
    make("source", "out", 0.25, 3, &r, &e);
    b = text_of(in_room("out"), "val_data_vqa.json");
    check(!strncmp(a, b, strlen(a) - 40), "folder-and-zip-split-alike",
          "the items differ");
    free(a);
    free(b);
}

/* ------------------------------------------------------------------ captions
 */

/* Every fourth picture has none. */
static int
is_captioned(u32 i)
{
    return i % 4 != 3;
}

/* Two captions, of four words that all have and one of its own. */
static void
print_captions(u32 i, Bytes *to)
{
    char file[64];

    file_of(i, file);
    bytes_print(to,
                "{ \"captions\":[\"The r\\u00e9d  one\", \"the C%03u\"], "
                "\"height\":64, \"file_name\":\"%s\",\"labels\":[],"
                "\"width\":48, \"question\": \"other words?\"}",
                i, file);
}

/* Those of the pictures from..to, in the order 1, 0, 3, 2, ... */
static void
make_captions(const char *folder, const char *name, u32 from, u32 to)
{
    Bytes json = {.n = 0};
    const char *gap = " [ ";
    Err e = {0};

    for (u32 i = from; i < to; i++)
        if (is_captioned(i ^ 1)) {
            bytes_print(&json, "%s", gap);
            print_captions(i ^ 1, &json);
            gap = " , ";
        }
    bytes_print(&json, " ]\n");
    if (pack_folder(&e, folder) || pack_file(&e, folder, name, &json))
        check(0, "makes-captions", e.text);
    bytes_free(&json);
}

static int
make_said(const char *from, const char *to, SplitReport *r, Err *e)
{
    SplitSpec spec = {.data = in_room(from),
                      .out = in_room(to),
                      .share = 0.25,
                      .seed = 1,
                      .captions = 1};

    *e = (Err){0};
    return split_make(e, &spec, r);
}

/* Each picture's captions, as they were, in the picture's part alone. */
static void
captions_part(const u8 part_of[PICTURES])
{
    char *json[2] = {text_of(in_room("said"), "train_data_caps.json"),
                     text_of(in_room("said"), "val_data_caps.json")};
    u32 wrong = 0;

    for (u32 i = 0; i < PICTURES + 2; i++) {
        Bytes item = {.n = 0};
        int there, wanted;

        print_captions(i, &item);
        for (u32 part = 0; part < 2; part++) {
            there = memmem(json[part], strlen(json[part]), item.data, item.n) !=
                    NULL;
            wanted = i < PICTURES && is_captioned(i) && part_of[i] >> part & 1;
            wrong += there != wanted;
        }
        bytes_free(&item);
    }
    check(!wrong, "captions-follow-their-pictures", json[1]);
    free(json[0]);
    free(json[1]);
}

/* The words of the training captions are in the vocabulary, others are not. */
static void
caption_words(const u8 part_of[PICTURES])
{
    char *vocab = text_of(in_room("said"), "vocab.txt");
    int good = strstr(vocab, "\nthe\n") && strstr(vocab, "\none\n") &&
               !strstr(vocab, "\nother\n");

    for (u32 i = 0; i < PICTURES; i++) {
        char word[16];

        snprintf(word, sizeof word, "\nc%03u\n", i);
        good &= (strstr(vocab, word) != NULL) ==
                (is_captioned(i) && part_of[i] == 1);
    }
    check(good, "words-of-training-captions", vocab);
    free(vocab);
}

static void
captions(void)
{
    u8 part_of[PICTURES];
    u32 unseen = 0, all = 0;
    char why[ERR_TEXT + 128];
    SplitReport r;
    Err e;

    make_captions(in_room("source"), "train_data_caps.json", 0, PICTURES + 2);
    make_said("source", "said", &r, &e);
    find_parts(in_room("said"), part_of);
    captions_part(part_of);
    caption_words(part_of);
    for (u32 i = 0; i < PICTURES; i++) {
        all += is_captioned(i) != 0;
        unseen += is_captioned(i) && part_of[i] == 2;
    }
    snprintf(why, sizeof why, "%s %u + %u pictures, %u strange, %s %.3f",
             e.text, r.captioned[0], r.captioned[1], r.strange, r.word,
             r.word_guess);
    check(!e.code && r.captioned[0] == all - unseen &&
              r.captioned[1] == unseen && r.captions[0] == 2 * (all - unseen) &&
              r.captions[1] == 2 * unseen && r.strange == 2,
          "captions-are-counted", why);
    /* two of four words: C%03u of the unseen ones is unknown, not counted */
    check(!strcmp(r.word, "the") && r.word_guess > 0.499 &&
              r.word_guess < 0.501,
          "most-frequent-word", why);
}

/* -------------------------------------------------------------------- errors
 */

static void
refuses(const char *name, const char *from, f64 share, int code,
        const char *part)
{
    SplitReport r;
    Err e;

    check(make(from, "never", share, 1, &r, &e) == code &&
              strstr(e.text, part) && access(in_room("never"), F_OK),
          name, e.text);
}

static void
errors(void)
{
    SplitSpec spec = {.share = 0.5};
    SplitReport r;
    Err e = {0};

    make_source(in_room("short"), "[\"yes\",\"b\",\"c\"]", PICTURES - 1);
    make_source(in_room("lines"), "[\"yes\",\"b\\nx\",\"c\"]", PICTURES);
    make_source(in_room("few"), "[\"yes\",\"b\"]", PICTURES);
    refuses("missing-folder", "nowhere", 0.5, SOHO_IO, "nowhere");
    refuses("missing-picture", "short", 0.5, SOHO_IO, "odd/p");
    refuses("answer-of-two-lines", "lines", 0.5, SOHO_BAD, "answer 1");
    refuses("answer-out-of-range", "few", 0.5, SOHO_BAD, "label 2");
    spec.data = in_room("source");
    spec.out = in_room("source/.");
    check(split_make(&e, &spec, &r) == SOHO_USAGE &&
              strstr(e.text, "is read; name another"),
          "folder-onto-itself", e.text);
}

static void
refuses_captions(const char *name, const char *from, int code, const char *part)
{
    SplitReport r;
    Err e;

    check(make_said(from, "never", &r, &e) == code && strstr(e.text, part) &&
              access(in_room("never"), F_OK),
          name, e.text);
}

static void
caption_errors(void)
{
    static const char broken[] = "[{\"file_name\":\"a.jpg\",\"captions\":3}]";
    Bytes json = {.n = 0};
    Err e = {0};

    make_source(in_room("mute"), "[\"yes\",\"b\",\"c\"]", PICTURES);
    refuses_captions("no-captions", "mute", SOHO_IO, "train_data_caps.json");
    make_captions(in_room("mute"), "coco_cap_train_pre.json", 100, 120);
    refuses_captions("captions-of-others", "mute", SOHO_BAD,
                     "no caption about the pictures drawn for \"train\"");
    bytes_add(&json, broken, sizeof broken - 1);
    pack_file(&e, in_room("mute"), "coco_cap_train_pre.json", &json);
    bytes_free(&json);
    refuses_captions("captions-of-numbers", "mute", SOHO_BAD, "item 0");
}

/* ------------------------------------------------------------------ real data
 */

static void
easy(void)
{
    const char *data = getenv("SOHO_TESTDATA");
    char folder[512], why[ERR_TEXT + 128];
    SplitSpec spec = {.data = folder,
                      .out = in_room("easy"),
                      .share = 0.1,
                      .seed = 1,
                      .captions = 1};
    SplitReport r;
    Err e = {0};

    snprintf(folder, sizeof folder, "%s/easy_vqa",
             data ? data : "../shared/data");
    if (access(folder, F_OK)) {
        printf("skip split/easy_vqa: no %s\n", folder);
        return;
    }
    split_make(&e, &spec, &r);
    snprintf(why, sizeof why, "%s %u + %u pictures, %u answers, guess %.3f",
             e.text, r.pictures[0], r.pictures[1], r.answers,
             tally_accuracy(&r.guess));
    check(!e.code && r.pictures[0] == 3600 && r.pictures[1] == 400 &&
              r.answers == 13 && r.words < 100,
          "easy_vqa", why);
    check(tally_accuracy(&r.guess) > 0.64 && tally_accuracy(&r.guess) < 0.70,
          "easy_vqa-guess", why);
    /* 24 words in the five captions of a picture, six of them "a" */
    check(r.captioned[0] + r.captioned[1] == 3542 && !strcmp(r.word, "a") &&
              r.word_guess == 0.25,
          "easy_vqa-captions", r.word);
}

int
main(void)
{
    char command[128];

    snprintf(room, sizeof room, "%s", "/tmp/soho-split-XXXXXX");
    if (!mkdtemp(room))
        return 1;
    make_source(in_room("source"), "[\"yes\",\"a \\\"b\\\"\",\"c\\u00e9\"]",
                PICTURES);
    parts();
    repeats();
    readable();
    from_folder();
    captions();
    errors();
    caption_errors();
    easy();
    snprintf(command, sizeof command, "rm -r '%s'", room);
    return system(command) || failed;
}
