/* shapes.c - `soho-rt data shapes`: a small data set in SOHO's own form, to
 * train and evaluate on.
 *
 * In: sizes and a seed.  Out, in one folder: train2014.zip, val2014.zip (JPEG
 * and PNG mixed), train_data_vqa.json, val_data_vqa.json (the grouped form),
 * vocab.txt (WordPiece), answers.txt (in label order), and one unseen picture
 * as a file of its own. */
#include "runtime/data/shapes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cmd.h"
#include "runtime/data/vocab.h"

enum { TRAIN, UNSEEN, PARTS };

static const char *const part_name[PARTS] = {"train", "val"};

/* One set in the making. */
typedef struct Maker {
    const ShapesSpec *spec;
    Scene *scene[PARTS];
    Asked *asked[PARTS];
    u32 nasked[PARTS];
    u8 *rgb;
} Maker;

static void
maker_close(Maker *m)
{
    for (u32 part = 0; part < PARTS; part++) {
        free(m->scene[part]);
        free(m->asked[part]);
    }
    free(m->rgb);
}

static int
maker_open(Err *e, const ShapesSpec *spec, Maker *m)
{
    int good = 1;

    *m = (Maker){.spec = spec};
    for (u32 part = 0; part < PARTS; part++) {
        m->scene[part] = calloc(spec->images[part] + 1, sizeof(Scene));
        m->asked[part] = calloc(spec->images[part] + 1, SLOTS * sizeof(Asked));
        good &= m->scene[part] && m->asked[part];
    }
    m->rgb = malloc((u64)spec->w * (u64)spec->h * 3);
    FAIL_IF(!good || !m->rgb, e, SOHO_MEMORY, "no memory for %u pictures",
            spec->images[TRAIN] + spec->images[UNSEEN]);
    return 0;
}

/* --------------------------------------------------------------- writing */

static void
file_name(const Scene *scene, u32 index, char to[64])
{
    snprintf(to, 64, "shapes_%06u.%s", index, scene->jpeg ? "jpg" : "png");
}

static void
pack_picture(Maker *m, const Scene *scene, Bytes *to)
{
    to->n = 0;
    draw_scene(scene, m->rgb);
    if (scene->jpeg)
        pack_jpeg(to, m->rgb, scene->w, scene->h);
    else
        pack_png(to, m->rgb, scene->w, scene->h);
}

static int
pack_pictures(Err *e, Maker *m, u32 part, PackZip *zip, Bytes *picture)
{
    for (u32 i = 0; i < m->spec->images[part]; i++) {
        const Scene *scene = &m->scene[part][i];
        char file[64], member[96];

        file_name(scene, i, file);
        snprintf(member, sizeof member, "%s2014/%s", part_name[part], file);
        pack_picture(m, scene, picture);
        FAIL_IF(picture->failed, e, SOHO_MEMORY, "no memory to make %s", file);
        TRY(pack_member(zip, member, picture->data, picture->n, 0));
    }
    return 0;
}

static int
write_pictures(Err *e, Maker *m, u32 part)
{
    PackZip zip;
    Bytes picture = {.n = 0};
    char path[PATH_MAX];

    FAIL_IF(snprintf(path, sizeof path, "%s/%s2014.zip", m->spec->out,
                     part_name[part]) >= (int)sizeof path,
            e, SOHO_IO, "--out: the path is too long");
    TRY(pack_open(e, &zip, path));
    pack_pictures(e, m, part, &zip, &picture);
    bytes_free(&picture);
    return pack_close(&zip);
}

/* ans2label and label2ans. */
static void
print_answers(Bytes *to)
{
    bytes_print(to, "\"ans2label\":{");
    for (u32 a = 0; a < ANSWERS; a++)
        bytes_print(to, "%s\"%s\":%u", a ? "," : "", ask_answer(a), a);
    bytes_print(to, "},\"label2ans\":[");
    for (u32 a = 0; a < ANSWERS; a++)
        bytes_print(to, "%s\"%s\"", a ? "," : "", ask_answer(a));
    bytes_print(to, "]");
}

/* One picture and its questions, on one line. */
static void
print_scene(const Maker *m, u32 part, u32 i, Bytes *to)
{
    const Scene *scene = &m->scene[part][i];
    u32 id = part * 1000000 + i;
    char text[64];

    file_name(scene, i, text);
    bytes_print(to,
                "{\"file_name\":\"%s\",\"image_id\":%u,\"height\":%d,"
                "\"width\":%d,\"vqa\":[",
                text, id, scene->h, scene->w);
    for (u32 k = 0; k < scene->asked; k++) {
        const Asked *asked = &m->asked[part][scene->first + k];

        ask_text(asked->text, text, sizeof text);
        bytes_print(to,
                    "%s{\"question\":\"%s\",\"question_id\":%u,"
                    "\"labels\":[%u],\"scores\":[1]}",
                    k ? "," : "", text, id * 10 + k, asked->answer);
    }
    bytes_print(to, "]}");
}

static int
write_questions(Err *e, Maker *m, u32 part)
{
    Bytes to = {.n = 0};
    char name[64];

    bytes_print(&to, "{\"data\":[\n");
    for (u32 i = 0; i < m->spec->images[part]; i++) {
        bytes_print(&to, i ? ",\n" : "");
        print_scene(m, part, i, &to);
    }
    bytes_print(&to, "\n],");
    print_answers(&to);
    bytes_print(&to, "}\n");
    snprintf(name, sizeof name, "%s_data_vqa.json", part_name[part]);
    pack_file(e, m->spec->out, name, &to);
    bytes_free(&to);
    return e->code;
}

static int
write_words(Err *e, Maker *m)
{
    Bytes words = {.n = 0}, answers = {.n = 0};
    Vocab *vocab = vocab_open(e);

    for (u32 k = 0; k < TEXTS && !e->code; k++) {
        char text[64];

        ask_text(k, text, sizeof text);
        vocab_add(e, vocab, text, strlen(text));
    }
    vocab_print(vocab, &words);
    for (u32 a = 0; a < ANSWERS; a++)
        bytes_print(&answers, "%s\n", ask_answer(a));
    if (!e->code && !pack_file(e, m->spec->out, "vocab.txt", &words))
        pack_file(e, m->spec->out, "answers.txt", &answers);
    vocab_close(vocab);
    bytes_free(&words);
    bytes_free(&answers);
    return e->code;
}

/* Is this the question to print: neither yes/no nor a count? */
static int
is_telling(const Asked *asked)
{
    return !ask_is_yes_no(asked->text) &&
           !strchr("0123456789", ask_answer(asked->answer)[0]);
}

/* The first unseen picture of several shapes with a telling question, as a
 * file beside the zips. */
static int
write_example(Err *e, Maker *m, ShapesReport *report)
{
    const Asked *asked = m->asked[UNSEEN], *end = asked + m->nasked[UNSEEN];
    const Scene *scene;
    Bytes picture = {.n = 0};

    while (asked < end &&
           (m->scene[UNSEEN][asked->scene].count < ITEMS || !is_telling(asked)))
        asked++;
    if (asked == end)
        return 0;
    scene = &m->scene[UNSEEN][asked->scene];
    ask_text(asked->text, report->question, sizeof report->question);
    snprintf(report->answer, sizeof report->answer, "%s",
             ask_answer(asked->answer));
    snprintf(report->example, sizeof report->example, "example.%s",
             scene->jpeg ? "jpg" : "png");
    pack_picture(m, scene, &picture);
    pack_file(e, m->spec->out, report->example, &picture);
    bytes_free(&picture);
    return e->code;
}

/* ------------------------------------------------------------- measuring */

static void
measure(const Maker *m, ShapesReport *r)
{
    u8 seen[TRIPLES] = {0};

    for (u32 part = 0; part < PARTS; part++) {
        r->pictures[part] = m->spec->images[part];
        r->questions[part] = m->nasked[part];
        for (u32 i = 0; i < m->spec->images[part]; i++) {
            const Scene *scene = &m->scene[part][i];

            r->jpegs[part] += scene->jpeg;
            r->landscapes[part] += scene->w > scene->h;
            for (u32 k = 0; k < scene->count; k++)
                seen[item_triple(scene->item[k])] |= (u8)(1u << part);
        }
        for (u32 i = 0; i < m->nasked[part]; i++)
            r->yes_no[part] += (u32)ask_is_yes_no(m->asked[part][i].text);
    }
    for (u32 i = 0; i < TRIPLES; i++) {
        r->triples[TRAIN] += seen[i] & 1;
        r->triples[UNSEEN] += seen[i] >> 1;
        r->shared += seen[i] == 3;
    }
    r->guess = ask_guess(m->asked[TRAIN], m->nasked[TRAIN], m->asked[UNSEEN],
                         m->nasked[UNSEEN]);
}

static int
make_all(Err *e, Maker *m, ShapesReport *report)
{
    u8 part_of[TRIPLES];

    scene_split(m->spec->seed, part_of);
    for (u32 part = 0; part < PARTS; part++) {
        u32 n = m->spec->images[part];

        for (u32 i = 0; i < n; i++)
            scene_draw(m->spec, part_of, part, i, &m->scene[part][i]);
        m->nasked[part] = ask_all(m->scene[part], n, m->asked[part]);
        TRY(write_pictures(e, m, part));
        TRY(write_questions(e, m, part));
    }
    TRY(write_words(e, m));
    measure(m, report);
    return write_example(e, m, report);
}

int
shapes_make(Err *e, const ShapesSpec *spec, ShapesReport *report)
{
    Maker m;

    *report = (ShapesReport){.shared = 0};
    TRY(pack_folder(e, spec->out));
    if (!maker_open(e, spec, &m))
        make_all(e, &m, report);
    maker_close(&m);
    return e->code;
}

/* --------------------------------------------------------------- command */

static f64
percent(f64 part, f64 whole)
{
    return whole > 0 ? 100 * part / whole : 0;
}

static void
print_report(const ShapesSpec *spec, const ShapesReport *r)
{
    static const char *const title[PARTS] = {"training", "unseen"};

    for (u32 p = 0; p < PARTS; p++)
        printf("%-9s %u pictures (%u JPEG, %u PNG; %u landscape, %u portrait), "
               "%u questions, %.1f %% of them yes/no\n",
               title[p], r->pictures[p], r->jpegs[p],
               r->pictures[p] - r->jpegs[p], r->landscapes[p],
               r->pictures[p] - r->landscapes[p], r->questions[p],
               percent(r->yes_no[p], r->questions[p]));
    printf("draws     %u training and %u unseen (shape, colour, place) triples "
           "of %d, %u shared\n",
           r->triples[TRAIN], r->triples[UNSEEN], TRIPLES, r->shared);
    printf("guess     %.1f %% of the unseen questions: the best guess without "
           "the picture\n",
           100 * r->guess);
    printf("folder    %s\n", spec->out);
    if (r->example[0])
        printf("example   %s/%s \"%s\" %s\n", spec->out, r->example,
               r->question, r->answer);
}

/* "128x96" into w and h, the longer side first. */
static int
read_size(Err *e, const char *text, ShapesSpec *spec)
{
    int w, h, end = 0;

    FAIL_IF(sscanf(text, "%4dx%4d%n", &w, &h, &end) != 2 || text[end], e,
            SOHO_USAGE, "--size: expected WIDTHxHEIGHT, got \"%.32s\"", text);
    spec->w = w > h ? w : h;
    spec->h = w > h ? h : w;
    FAIL_IF(spec->h < 40 || spec->w > SHAPES_SIDE, e, SOHO_USAGE,
            "--size: sides of 40 to %d pixels expected, got %.32s", SHAPES_SIDE,
            text);
    return 0;
}

static int
read_spec(Err *e, const u64 images[PARTS], const char *size, ShapesSpec *spec)
{
    for (u32 part = 0; part < PARTS; part++) {
        FAIL_IF(images[part] < 1 || images[part] > SHAPES_IMAGES, e, SOHO_USAGE,
                "--%s: 1 to %d pictures expected, got %llu",
                part ? "val" : "images", SHAPES_IMAGES,
                (unsigned long long)images[part]);
        spec->images[part] = (u32)images[part];
    }
    return read_size(e, size, spec);
}

int
cmd_shapes(int argc, char **argv)
{
    ShapesSpec spec = {.seed = 1};
    const char *size = "128x96";
    u64 images[PARTS] = {8000, 500};
    const Option options[] = {
        {OPT_TEXT, "--out", "DIR", &spec.out, 1, "folder to write"},
        {OPT_COUNT, "--images", "N", &images[TRAIN], 0,
         "training pictures (8000)"},
        {OPT_COUNT, "--val", "N", &images[UNSEEN], 0, "unseen pictures (500)"},
        {OPT_COUNT, "--seed", "N", &spec.seed, 0, "other draws (1)"},
        {OPT_TEXT, "--size", "WxH", &size, 0, "largest picture (128x96)"},
        {OPT_END, NULL, NULL, NULL, 0, NULL},
    };
    ShapesReport report;
    Err e = {0};
    static char word[] = "data shapes"; /* for messages */
    int code;

    argv[0] = word;
    code = cmd_options(options,
                       "Makes pictures of coloured shapes and questions "
                       "about them, to train and evaluate on.",
                       argc, argv);

    if (code >= 0)
        return code;
    if (read_spec(&e, images, size, &spec) || shapes_make(&e, &spec, &report))
        return cmd_fail(word, &e);
    print_report(&spec, &report);
    return 0;
}
