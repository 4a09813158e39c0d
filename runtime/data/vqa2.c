/* vqa2.c - official VQA v2 files become a split of a SOHO data folder.
 *
 * In: questions, annotations, where the sizes of the pictures stand.  Out:
 * SPLIT_data_vqa.json, {data:[{file_name, image_id, height, width, vqa:[
 * {question, question_id, labels, scores}]}], ans2label, label2ans}; without
 * annotations {data:[{file_name, image_id, height, width, question,
 * question_id}]}.
 *
 * The answers of the list are those that are the usual answer, in normal form,
 * to 9 questions or more.  An answer that 1, 2, 3, more of the annotators gave
 * scores 0.3, 0.6, 0.9, 1; it is compared in normal form, too, as the accuracy
 * does.  Questions stand by picture, pictures in the order in which they are
 * first asked about, labels in the order in which they were first given. */
#include "runtime/data/vqa2.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/data/answer_list.h"
#include "runtime/data/sizes.h"
#include "runtime/quote.h"
#include "runtime/replace.h"

/* An answer to a question and how many gave it. */
typedef struct Given {
    u32 number; /* of the text in AnswerList.text */
    u32 times;
} Given;

typedef struct Row {
    u64 id, image;
    Span text;  /* in Maker.text */
    u32 given;  /* the first in Maker.given */
    u32 ngiven; /* 0: not annotated */
} Row;

typedef struct Maker {
    Err *e;
    const Vqa2Spec *spec;
    Vqa2Report *report;
    List row;       /* Row, in the order of the file */
    Bytes text;     /* questions */
    Ids ids, image; /* question_id and image_id of each row */
    List given;
    AnswerList answers;
    Sizes sizes;
    char subtype[OFFICIAL_SUBTYPE];
    u32 *order; /* rows, by picture */
} Maker;

static Row *
row_at(const Maker *m, u64 i)
{
    return (Row *)(void *)m->row.at + i;
}

/* ----------------------------------------------------------------- reading */

static int
add_question(void *context, Json *j, const Asked *asked)
{
    Maker *m = context;
    Row *row = list_add(m->e, &m->row, 1);

    if (!row)
        return m->e->code;
    *row = (Row){
        .id = asked->id, .image = asked->image, .text = {m->text.n, asked->n}};
    bytes_add(&m->text, asked->text, asked->n);
    FAIL_IF(m->text.failed, m->e, SOHO_MEMORY, "%s: no memory for its text",
            j->path);
    TRY(ids_add(m->e, &m->ids, asked->id));
    return ids_add(m->e, &m->image, asked->image);
}

static int
read_questions(Maker *m)
{
    const IdRow *twin;

    m->row.size = sizeof(Row);
    TRY(official_questions(m->e, m->spec->questions, add_question, m,
                           m->subtype));
    FAIL_IF(!m->row.n, m->e, SOHO_BAD, "%s: no questions", m->spec->questions);
    ids_sort(&m->ids);
    ids_sort(&m->image);
    twin = ids_twin(&m->ids);
    FAIL_IF(twin, m->e, SOHO_BAD, "%s: question_id %llu stands there twice",
            m->spec->questions, (unsigned long long)twin->id);
    return 0;
}

/* Adds one of the answers to the last question. */
static int
add_given(Maker *m, Row *row, u32 number)
{
    Given *given = (Given *)(void *)m->given.at;

    for (u64 i = row->given; row->ngiven && i < m->given.n; i++)
        if (given[i].number == number) {
            given[i].times++;
            return 0;
        }
    given = list_add(m->e, &m->given, 1);
    if (!given)
        return m->e->code;
    *given = (Given){number, 1};
    row->ngiven++;
    return 0;
}

static int
add_annotation(void *context, Json *j, const Annotation *a)
{
    Maker *m = context;
    i64 found = ids_find(&m->ids, a->id);
    Row *row;
    u32 number;

    if (!m->spec->answers)
        TRY(answer_list_vote(m->e, &m->answers, a));
    if (found < 0) {
        m->report->others++;
        return 0;
    }
    row = row_at(m, (u64)found);
    if (row->ngiven)
        return json_bad(j, a->at, "a second annotation of the same question");
    if (a->has_image && a->image != row->image)
        return json_bad(j, a->at, "image_id %llu, in %s it is %llu",
                        (unsigned long long)a->image, m->spec->questions,
                        (unsigned long long)row->image);
    row->given = (u32)m->given.n;
    for (u32 i = 0; i < a->nanswer; i++) {
        TRY(answer_list_number(m->e, &m->answers, a, a->answer[i], &number));
        TRY(add_given(m, row, number));
    }
    return 0;
}

static int
count_annotation(void *context, Json *j, const Annotation *a)
{
    Maker *m = context;

    (void)j;
    return answer_list_vote(m->e, &m->answers, a);
}

static int
read_annotations(Maker *m)
{
    const Vqa2Spec *spec = m->spec;
    u32 need = spec->answers ? 0 : OFFICIAL_CHOICE;

    m->given.size = sizeof(Given);
    if (spec->answers)
        TRY(answer_list_read(m->e, &m->answers, spec->answers));
    if (!spec->annotations)
        return 0;
    TRY(official_annotations(m->e, spec->annotations, need, add_annotation, m));
    for (u64 i = 0; i < m->row.n; i++)
        FAIL_IF(!row_at(m, i)->ngiven, m->e, SOHO_BAD,
                "%s: no annotation of question_id %llu; without --annotations "
                "a split is made whose answers nobody knows",
                spec->annotations, (unsigned long long)row_at(m, i)->id);
    for (u32 i = 0; i < spec->count.n; i++)
        TRY(official_annotations(m->e, spec->count.at[i], need,
                                 count_annotation, m));
    return spec->answers ? 0
                         : answer_list_choose(m->e, &m->answers, spec->least);
}

/* ----------------------------------------------------------------- writing */

/* Which picture a row is about: the first row about the same one. */
static u64
picture_of(const Maker *m, u32 row)
{
    return (u64)ids_find(&m->image, row_at(m, row)->image);
}

static int
by_picture(const void *a, const void *b, void *maker)
{
    u32 x = *(const u32 *)a, y = *(const u32 *)b;
    u64 p = picture_of(maker, x), q = picture_of(maker, y);

    if (p != q)
        return p < q ? -1 : 1;
    return (x > y) - (x < y);
}

static int
order_rows(Maker *m)
{
    int sorted = 1;

    m->order = malloc(m->row.n * sizeof *m->order);
    FAIL_IF(!m->order, m->e, SOHO_MEMORY, "no memory to order questions");
    for (u32 i = 0; i < m->row.n; i++)
        m->order[i] = i;
    for (u32 i = 1; i < m->row.n && sorted; i++)
        sorted = picture_of(m, i - 1) <= picture_of(m, i);
    if (!sorted) /* which takes memory */
        qsort_r(m->order, m->row.n, sizeof *m->order, by_picture, m);
    return 0;
}

/* The fields of a picture, which begin an item. */
static int
put_picture(Maker *m, FILE *out, u64 image)
{
    SizeRow row;

    TRY(sizes_find(m->e, &m->sizes, image, m->subtype, &row));
    fputs("{\"file_name\":", out);
    quote_json(out, row.file);
    fprintf(out, ",\"image_id\":%llu", (unsigned long long)image);
    m->report->sized &= row.w > 0 && row.h > 0;
    if (row.w > 0 && row.h > 0)
        fprintf(out, ",\"height\":%d,\"width\":%d", row.h, row.w);
    return 0;
}

static void
put_question(const Maker *m, FILE *out, const Row *row)
{
    fputs("\"question\":", out);
    quote_bytes(out, (const char *)m->text.data + row->text.from, row->text.n);
    fprintf(out, ",\"question_id\":%llu", (unsigned long long)row->id);
}

/* ,"labels":[...],"scores":[...] */
static void
put_labels(Maker *m, FILE *out, const Row *row)
{
    static const char *const score[] = {"0.3", "0.6", "0.9", "1"};
    const Given *given = (const Given *)(void *)m->given.at + row->given;
    u32 n = 0;

    fputs(",\"labels\":[", out);
    for (u32 i = 0; i < row->ngiven; i++) {
        i32 label = answer_list_label(&m->answers, given[i].number);

        if (label >= 0)
            fprintf(out, n++ ? ",%d" : "%d", label);
    }
    m->report->unlabelled += !n;
    n = 0;
    fputs("],\"scores\":[", out);
    for (u32 i = 0; i < row->ngiven; i++)
        if (answer_list_label(&m->answers, given[i].number) >= 0)
            fprintf(out, "%s%s", n++ ? "," : "",
                    score[min_i64(given[i].times, 4) - 1]);
    fputc(']', out);
}

/* Pictures with their questions. */
static int
put_grouped(Maker *m, FILE *out)
{
    u64 n = m->row.n;

    for (u64 i = 0; i < n; i++) {
        const Row *row = row_at(m, m->order[i]);

        if (!i || row->image != row_at(m, m->order[i - 1])->image) {
            TRY(put_picture(m, out, row->image));
            fputs(",\"vqa\":[", out);
            m->report->pictures++;
        }
        fputc('{', out);
        put_question(m, out, row);
        put_labels(m, out, row);
        fputc('}', out);
        if (i + 1 < n && row->image == row_at(m, m->order[i + 1])->image)
            fputc(',', out);
        else
            fputs(i + 1 < n ? "]},\n" : "]}", out);
        TRY(m->e->code);
    }
    return 0;
}

/* Questions with their pictures. */
static int
put_flat(Maker *m, FILE *out)
{
    u64 n = m->row.n;

    for (u64 i = 0; i < n; i++) {
        const Row *row = row_at(m, m->order[i]);

        m->report->pictures +=
            !i || row->image != row_at(m, m->order[i - 1])->image;
        TRY(put_picture(m, out, row->image));
        fputc(',', out);
        put_question(m, out, row);
        fputs(i + 1 < n ? "},\n" : "}", out);
        TRY(m->e->code);
    }
    return 0;
}

static void
put_lists(const Maker *m, FILE *out)
{
    u32 n = m->answers.n;

    fputs(",\n\"ans2label\":{", out);
    for (u32 i = 0; i < n; i++) {
        const Text *text = answer_list_at(&m->answers, i);

        fputs(i ? "," : "", out);
        quote_bytes(out, text->at, text->n);
        fprintf(out, ":%u", i);
    }
    fputs("},\n\"label2ans\":[", out);
    for (u32 i = 0; i < n; i++) {
        const Text *text = answer_list_at(&m->answers, i);

        fputs(i ? "," : "", out);
        quote_bytes(out, text->at, text->n);
    }
    fputc(']', out);
}

static int
write_split(Maker *m)
{
    char path[PATH_MAX];
    Replace file;
    FILE *out;

    FAIL_IF(snprintf(path, sizeof path, "%s/%s_data_vqa.json", m->spec->out,
                     m->spec->split) >= (int)sizeof path,
            m->e, SOHO_IO, "--out: the path is too long");
    out = replace_stream(m->e, &file, path);
    if (!out)
        return m->e->code;
    fputs("{\"data\":[", out);
    if (!(m->spec->annotations ? put_grouped : put_flat)(m, out)) {
        fputc(']', out);
        if (m->answers.n)
            put_lists(m, out);
        fputs("}\n", out);
    }
    return replace_close(&file);
}

static int
write_answers(Maker *m)
{
    Bytes text = {.n = 0};

    for (u32 i = 0; i < m->answers.n; i++) {
        const Text *answer = answer_list_at(&m->answers, i);

        bytes_add(&text, answer->at, answer->n);
        bytes_add(&text, "\n", 1);
    }
    pack_file(m->e, m->spec->out, "answers.txt", &text);
    bytes_free(&text);
    return m->e->code;
}

/* ------------------------------------------------------------------- whole */

static int
make(Maker *m)
{
    TRY(read_questions(m));
    TRY(read_annotations(m));
    TRY(sizes_open(m->e, &m->spec->sizes, m->spec->images, &m->sizes));
    FAIL_IF(!m->sizes.given && !*m->subtype, m->e, SOHO_BAD,
            "%s: no data_subtype, from which file names could be made; name "
            "the pictures with --images or --sizes",
            m->spec->questions);
    TRY(order_rows(m));
    TRY(pack_folder(m->e, m->spec->out));
    TRY(write_split(m));
    m->report->questions = (u32)m->row.n;
    m->report->answers = m->answers.n;
    return m->answers.n && !m->spec->answers ? write_answers(m) : 0;
}

int
vqa2_make(Err *e, const Vqa2Spec *spec, Vqa2Report *report)
{
    Maker m = {.e = e, .spec = spec, .report = report};

    *report = (Vqa2Report){.sized = 1};
    FAIL_IF(!*spec->split || strchr(spec->split, '/'), e, SOHO_USAGE,
            "--split: a name without '/' expected");
    FAIL_IF(!spec->annotations && spec->count.n, e, SOHO_USAGE,
            "--count goes with --annotations");
    make(&m);
    free(m.row.at);
    bytes_free(&m.text);
    ids_free(&m.ids);
    ids_free(&m.image);
    free(m.given.at);
    answer_list_free(&m.answers);
    sizes_close(&m.sizes);
    free(m.order);
    return e->code;
}

static void
print_report(const Vqa2Spec *spec, const Vqa2Report *r)
{
    printf("questions %u about %u pictures\n", r->questions, r->pictures);
    if (r->answers)
        printf("answers   %u\n", r->answers);
    if (r->unlabelled)
        printf("unknown   %u questions have no answer in the list\n",
               r->unlabelled);
    if (r->others)
        printf("others    %llu annotations of questions that are not asked\n",
               (unsigned long long)r->others);
    if (!r->sized)
        printf("sizes     heights and widths are missing; --sizes or --images "
               "give them\n");
    printf("file      %s/%s_data_vqa.json\n", spec->out, spec->split);
}

int
cmd_vqa2(int argc, char **argv)
{
    Vqa2Spec spec = {.least = 9};
    const Option options[] = {
        {OPT_TEXT, "--questions", "Q.json", &spec.questions, 1,
         "official file of questions"},
        {OPT_TEXT, "--out", "DIR", &spec.out, 1, "folder to write to"},
        {OPT_TEXT, "--split", "NAME", &spec.split, 1,
         "what to make: NAME_data_vqa.json"},
        {OPT_TEXT, "--annotations", "A.json", &spec.annotations, 0,
         "their official annotations; without: a test split"},
        {OPT_TEXT, "--answers", "FILE", &spec.answers, 0,
         "take this list: a *_data_vqa.json, or lines"},
        {OPT_LIST, "--count", "A.json", &spec.count, 0,
         "annotations whose answers count for the list, too"},
        {OPT_COUNT, "--least", "N", &spec.least, 0,
         "questions that a listed answer needs (9)"},
        {OPT_LIST, "--sizes", "F.json", &spec.sizes, 0,
         "names, heights, widths: COCO captions or instances"},
        {OPT_TEXT, "--images", "PATH", &spec.images, 0,
         "the pictures, for names and sizes that are left"},
        {.kind = OPT_END},
    };
    static char word[] = "data vqa2"; /* for messages */
    Vqa2Report report;
    Err e = {0};
    int code;

    argv[0] = word;
    code = cmd_options(options, "Official VQA v2 files become a SOHO split.",
                       argc, argv);
    if (code >= 0)
        return code;
    if (vqa2_make(&e, &spec, &report))
        return cmd_fail(word, &e);
    print_report(&spec, &report);
    return 0;
}
