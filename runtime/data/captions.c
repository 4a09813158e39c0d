/* captions.c - captions of COCO and regions of Visual Genome become
 * pre-training data.
 *
 * In: {images:[{id, file_name, height, width}], annotations:[{image_id,
 * caption}]}, or [{id, regions:[{phrase}]}] with the sizes elsewhere; questions
 * about the same pictures (asked.h).  Out: [{file_name, image_id, height,
 * width, labels:[], captions:[...], question:[...], questionAns:[...]}],
 * pictures by image_id, texts in the order of the files.  No source knows the
 * object classes that `labels` is for. */
#include "runtime/data/captions.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/data/asked.h"
#include "runtime/data/normalise_answer.h"
#include "runtime/data/official.h"
#include "runtime/data/sizes.h"
#include "runtime/data/vqa_own.h"
#include "runtime/quote.h"
#include "runtime/replace.h"

typedef struct Maker {
    Err *e;
    const CaptionSpec *spec;
    CaptionReport *report;
    Json j;
    char *room; /* VQA_MAX_TEXT */
    Ids image;  /* image_id of each caption */
    List span;  /* Span of each caption in `text` */
    Bytes text;
    Sizes sizes;
    AskedAll asked;
} Maker;

/* ----------------------------------------------------------------- reading */

static int
add_caption(Maker *m, u64 image, const char *text, u64 n)
{
    u64 from = m->text.n;
    Span *span;

    answer_trim(text, n, &m->text);
    FAIL_IF(m->text.failed, m->e, SOHO_MEMORY, "%s: no memory for its text",
            m->j.path);
    if (m->text.n == from) {
        m->report->empty++;
        return 0;
    }
    span = list_add(m->e, &m->span, 1);
    if (!span)
        return m->e->code;
    *span = (Span){from, m->text.n - from};
    return ids_add(m->e, &m->image, image);
}

/* {"image_id": N, "caption": "..."} */
static int
read_caption(Maker *m)
{
    u64 n, image = 0, at = json_at(&m->j);
    int more, has_image = 0, has_caption = 0;
    Bytes caption = {.n = 0};

    json_object(&m->j);
    while (!m->e->code && !json_next(&m->j, &more) && more) {
        if (json_key_text(&m->j, m->room, VQA_MAX_TEXT, &n))
            break;
        if (json_is(m->room, n, "image_id")) {
            has_image = !json_u64(&m->j, &image);
        } else if (json_is(m->room, n, "caption")) {
            has_caption = !json_string(&m->j, m->room, VQA_MAX_TEXT, &n);
            caption.n = 0;
            bytes_add(&caption, m->room, has_caption ? n : 0);
        } else {
            json_skip(&m->j);
        }
    }
    if (caption.failed)
        err_set(m->e, SOHO_MEMORY, "%s: no memory for a caption", m->j.path);
    else if (!m->e->code && !(has_image && has_caption))
        json_bad(&m->j, at, "expected image_id and caption");
    else if (!m->e->code)
        add_caption(m, image, (const char *)caption.data, caption.n);
    bytes_free(&caption);
    return m->e->code;
}

/* The phrases of [{"phrase": "..."}]; their picture becomes known later. */
static int
read_regions(Maker *m, Bytes *phrases, List *ends)
{
    int more;
    u64 n;

    TRY(json_array(&m->j));
    for (;;) {
        TRY(json_next(&m->j, &more));
        if (!more)
            return 0;
        TRY(json_object(&m->j));
        for (;;) {
            u64 *end;

            TRY(json_next(&m->j, &more));
            if (!more)
                break;
            TRY(json_key_text(&m->j, m->room, VQA_MAX_TEXT, &n));
            if (!json_is(m->room, n, "phrase")) {
                TRY(json_skip(&m->j));
                continue;
            }
            TRY(json_string(&m->j, m->room, VQA_MAX_TEXT, &n));
            bytes_add(phrases, m->room, n);
            end = list_add(m->e, ends, 1);
            if (!end)
                return m->e->code;
            *end = phrases->n;
        }
    }
}

/* {"id": N, "regions": [...]} */
static int
read_picture(Maker *m, Bytes *phrases, List *ends)
{
    u64 n, image = 0, from = 0, at = json_at(&m->j);
    int more, found = 0;

    phrases->n = ends->n = 0;
    TRY(json_object(&m->j));
    for (;;) {
        TRY(json_next(&m->j, &more));
        if (!more)
            break;
        TRY(json_key_text(&m->j, m->room, VQA_MAX_TEXT, &n));
        if (json_is(m->room, n, "id") || json_is(m->room, n, "image_id")) {
            TRY(json_u64(&m->j, &image));
            found |= 1;
        } else if (json_is(m->room, n, "regions")) {
            TRY(read_regions(m, phrases, ends));
            found |= 2;
        } else {
            TRY(json_skip(&m->j));
        }
    }
    if (found != 3)
        return json_bad(&m->j, at, "expected id and regions");
    FAIL_IF(phrases->failed, m->e, SOHO_MEMORY, "%s: no memory for its text",
            m->j.path);
    for (u64 i = 0; i < ends->n; i++) {
        u64 end = ((u64 *)(void *)ends->at)[i];

        TRY(add_caption(m, image, (const char *)phrases->data + from,
                        end - from));
        from = end;
    }
    return 0;
}

static int
read_genome(Maker *m)
{
    List ends = {.size = sizeof(u64)};
    Bytes phrases = {.n = 0};
    int more;

    bytes_reserve(&phrases, 1);
    json_array(&m->j);
    while (!m->e->code && !json_next(&m->j, &more) && more)
        read_picture(m, &phrases, &ends);
    if (!m->e->code)
        json_end(&m->j);
    free(ends.at);
    bytes_free(&phrases);
    return m->e->code;
}

static int
read_coco(Maker *m)
{
    u64 n, at = json_at(&m->j);
    int more, found = 0;

    TRY(json_object(&m->j));
    for (;;) {
        TRY(json_next(&m->j, &more));
        if (!more)
            break;
        TRY(json_key_text(&m->j, m->room, VQA_MAX_TEXT, &n));
        if (!json_is(m->room, n, "annotations")) {
            TRY(json_skip(&m->j));
            continue;
        }
        found = 1;
        TRY(json_array(&m->j));
        for (;;) {
            TRY(json_next(&m->j, &more));
            if (!more)
                break;
            TRY(read_caption(m));
        }
    }
    if (!found)
        return json_bad(&m->j, at, "no key annotations in a file of captions");
    return json_end(&m->j);
}

/* Captions, and of COCO the list of images that comes with them. */
static int
read_file(Maker *m, const char *path, TextList *sizes)
{
    const char *kind;
    int first;

    TRY(json_open(&m->j, m->e, path));
    first = json_peek(&m->j);
    kind = first == JSON_ARRAY ? "vg" : "coco";
    FAIL_IF(m->report->kind && strcmp(m->report->kind, kind), m->e, SOHO_BAD,
            "%s: Visual Genome's regions and COCO's captions become two files; "
            "call this once for each",
            path);
    m->report->kind = kind;
    if (first == JSON_ARRAY)
        return read_genome(m);
    TRY(read_coco(m));
    FAIL_IF(sizes->n == TEXT_LIST, m->e, SOHO_USAGE,
            "more than %d files with sizes", TEXT_LIST);
    sizes->at[sizes->n++] = path;
    return 0;
}

/* ----------------------------------------------------------------- writing */

/* The fields of a picture in front of its captions. */
static int
put_picture(Maker *m, FILE *out, u64 image)
{
    SizeRow row;

    TRY(sizes_find(m->e, &m->sizes, image, "", &row));
    fputs("{\"file_name\":", out);
    quote_json(out, row.file);
    fprintf(out, ",\"image_id\":%llu", (unsigned long long)image);
    m->report->sized &= row.w > 0 && row.h > 0;
    if (row.w > 0 && row.h > 0)
        fprintf(out, ",\"height\":%d,\"width\":%d", row.h, row.w);
    fputs(",\"labels\":[],\"captions\":[", out);
    m->report->pictures++;
    return 0;
}

static int
put_captions(Maker *m, FILE *out)
{
    const IdRow *row = (const IdRow *)(void *)m->image.list.at;
    u64 n = ids_count(&m->image);

    fputc('[', out);
    for (u64 i = 0; i < n; i++) {
        const Span *span = (const Span *)(void *)m->span.at + row[i].row;

        if (!i || row[i].id != row[i - 1].id)
            TRY(put_picture(m, out, row[i].id));
        else
            fputc(',', out);
        quote_bytes(out, (const char *)m->text.data + span->from, span->n);
        if (i + 1 == n || row[i].id != row[i + 1].id) {
            fputc(']', out);
            TRY(asked_put(m->e, &m->asked, out, row[i].id));
            fputs(i + 1 < n ? "},\n" : "}", out);
        }
        TRY(m->e->code);
    }
    fputs("]\n", out);
    m->report->captions = (u32)n;
    m->report->questions = m->asked.put;
    m->report->unanswered = m->asked.unanswered;
    m->report->uncaptioned =
        (u32)m->asked.row.n - m->asked.put - m->asked.unanswered;
    return 0;
}

static int
write_file(Maker *m)
{
    char path[PATH_MAX];
    Replace file;
    FILE *out;

    FAIL_IF(snprintf(path, sizeof path, "%s/%s_cap_%s_pre.json", m->spec->out,
                     m->report->kind, m->spec->split) >= (int)sizeof path,
            m->e, SOHO_IO, "--out: the path is too long");
    out = replace_stream(m->e, &file, path);
    if (!out)
        return m->e->code;
    put_captions(m, out);
    return replace_close(&file);
}

/* ------------------------------------------------------------------- whole */

static int
make(Maker *m)
{
    TextList sizes = m->spec->sizes;

    m->span.size = sizeof(Span);
    m->room = malloc(VQA_MAX_TEXT);
    FAIL_IF(!m->room, m->e, SOHO_MEMORY, "no memory for captions");
    for (u32 i = 0; i < m->spec->captions.n; i++) {
        read_file(m, m->spec->captions.at[i], &sizes);
        json_close(&m->j);
        TRY(m->e->code);
    }
    FAIL_IF(!ids_count(&m->image), m->e, SOHO_BAD, "%s: no captions",
            m->spec->captions.at[0]);
    FAIL_IF(!sizes.n && !m->spec->images, m->e, SOHO_USAGE,
            "regions do not say which file a picture is: give --sizes "
            "image_data.json or --images");
    ids_sort(&m->image);
    TRY(asked_open(m->e, &m->spec->questions, &m->spec->annotations,
                   &m->asked));
    FAIL_IF(m->asked.kind && strcmp(m->asked.kind, m->report->kind), m->e,
            SOHO_BAD,
            "%s: questions about other pictures: regions go with Visual "
            "Genome's question_answers, captions of COCO with VQA v2",
            m->spec->questions.at[0]);
    TRY(sizes_open(m->e, &sizes, m->spec->images, &m->sizes));
    TRY(pack_folder(m->e, m->spec->out));
    return write_file(m);
}

int
captions_make(Err *e, const CaptionSpec *spec, CaptionReport *report)
{
    Maker m = {.e = e, .spec = spec, .report = report};

    *report = (CaptionReport){.sized = 1};
    FAIL_IF(!*spec->split || strchr(spec->split, '/'), e, SOHO_USAGE,
            "--split: a name without '/' expected");
    make(&m);
    free(m.room);
    ids_free(&m.image);
    free(m.span.at);
    bytes_free(&m.text);
    sizes_close(&m.sizes);
    asked_close(&m.asked);
    return e->code;
}

int
cmd_captions(int argc, char **argv)
{
    CaptionSpec spec = {.images = NULL};
    const Option options[] = {
        {OPT_LIST, "--captions", "F.json", &spec.captions, 1,
         "COCO's captions, or Visual Genome's region descriptions"},
        {OPT_TEXT, "--out", "DIR", &spec.out, 1, "folder to write to"},
        {OPT_TEXT, "--split", "NAME", &spec.split, 1,
         "what to make: coco_cap_NAME_pre.json, vg_cap_NAME_pre.json"},
        {OPT_LIST, "--questions", "Q.json", &spec.questions, 0,
         "about the same pictures: VQA v2's, or question_answers"},
        {OPT_LIST, "--annotations", "A.json", &spec.annotations, 0,
         "VQA v2's answers to them"},
        {OPT_LIST, "--sizes", "F.json", &spec.sizes, 0,
         "names, heights, widths: Visual Genome's image_data"},
        {OPT_TEXT, "--images", "PATH", &spec.images, 0,
         "the pictures, for names and sizes that are left"},
        {.kind = OPT_END},
    };
    static char word[] = "data captions"; /* for messages */
    CaptionReport report;
    Err e = {0};
    int code;

    argv[0] = word;
    code =
        cmd_options(options, "Captions become pre-training data.", argc, argv);
    if (code >= 0)
        return code;
    if (captions_make(&e, &spec, &report))
        return cmd_fail(word, &e);
    printf("captions  %u of %u pictures\n", report.captions, report.pictures);
    if (report.empty)
        printf("empty     %u captions without a word, passed over\n",
               report.empty);
    if (spec.questions.n)
        printf("questions %u; passed over: %u without an answer, %u about "
               "pictures without a caption\n",
               report.questions, report.unanswered, report.uncaptioned);
    if (!report.sized)
        printf("sizes     some heights and widths are missing; --sizes or "
               "--images give them\n");
    printf("file      %s/%s_cap_%s_pre.json\n", spec.out, report.kind,
           spec.split);
    return 0;
}
