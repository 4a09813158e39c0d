/* asked.c - questions about pictures with their answers, by picture.
 *
 * In: VQA v2's {questions:[{image_id, question, question_id}]} with
 * {annotations:[{question_id, multiple_choice_answer}]}, or Visual Genome's
 * [{qas:[{image_id, question, answer}]}].  Out: `question` and `questionAns` of
 * SOHO's pre-training form. */
#include "runtime/data/asked.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/data/normalise_answer.h"
#include "runtime/data/official.h"
#include "runtime/data/vqa_own.h"
#include "runtime/quote.h"

typedef struct AskedRow {
    Span question, answer; /* in AskedAll.text; answer.n 0: not known */
} AskedRow;

typedef struct Reader {
    Json j;
    char *room; /* VQA_MAX_TEXT */
    AskedAll *to;
} Reader;

static AskedRow *
row_at(const AskedAll *a, u64 i)
{
    return (AskedRow *)(void *)a->row.at + i;
}

/* ----------------------------------------------------------------- reading */

static int
keep(Json *j, u64 at, AskedAll *a, const char *text, u64 n, Span *span)
{
    if (memchr(text, 0, n))
        return json_bad(j, at, "a text with a NUL inside");
    span->from = a->text.n;
    answer_trim(text, n, &a->text);
    FAIL_IF(a->text.failed, j->err, SOHO_MEMORY, "no memory for questions");
    span->n = a->text.n - span->from;
    return 0;
}

static int
add_row(Err *e, AskedAll *a, u64 image, AskedRow row)
{
    AskedRow *to = list_add(e, &a->row, 1);

    if (!to)
        return e->code;
    *to = row;
    return ids_add(e, &a->image, image);
}

static int
add_question(void *context, Json *j, const Asked *asked)
{
    AskedAll *a = context;
    AskedRow row = {.answer.n = 0};

    TRY(keep(j, asked->at, a, asked->text, asked->n, &row.question));
    TRY(add_row(j->err, a, asked->image, row));
    return ids_add(j->err, &a->id, asked->id);
}

static int
add_answer(void *context, Json *j, const Annotation *annotation)
{
    AskedAll *a = context;
    i64 found = ids_find(&a->id, annotation->id);
    const char *text = (const char *)annotation->text.data;
    Span answer = annotation->choice;

    if (found < 0)
        return 0;
    if (row_at(a, (u64)found)->answer.n)
        return json_bad(j, annotation->at,
                        "a second annotation of the same question");
    return keep(j, annotation->at, a, text + answer.from, answer.n,
                &row_at(a, (u64)found)->answer);
}

/* {"image_id": N, "question": "...", "answer": "..."} */
static int
read_pair(Reader *r)
{
    u64 n, image = 0, at = json_at(&r->j);
    AskedRow row = {.answer.n = 0};
    int more, found = 0;

    TRY(json_object(&r->j));
    for (;;) {
        int question;

        TRY(json_next(&r->j, &more));
        if (!more)
            break;
        TRY(json_key_text(&r->j, r->room, VQA_MAX_TEXT, &n));
        question = json_is(r->room, n, "question");
        if (json_is(r->room, n, "image_id")) {
            TRY(json_u64(&r->j, &image));
            found |= 1;
        } else if (question || json_is(r->room, n, "answer")) {
            TRY(json_string(&r->j, r->room, VQA_MAX_TEXT, &n));
            TRY(keep(&r->j, at, r->to, r->room, n,
                     question ? &row.question : &row.answer));
            found |= question ? 2 : 4;
        } else {
            TRY(json_skip(&r->j));
        }
    }
    if (found != 7)
        return json_bad(&r->j, at, "expected image_id, question and answer");
    return add_row(r->j.err, r->to, image, row);
}

static int
read_pairs(Reader *r)
{
    int more;

    TRY(json_array(&r->j));
    for (;;) {
        TRY(json_next(&r->j, &more));
        if (!more)
            return 0;
        TRY(read_pair(r));
    }
}

/* [{"qas": [...]}] */
static int
read_genome(Reader *r)
{
    int more;
    u64 n;

    TRY(json_array(&r->j));
    for (;;) {
        TRY(json_next(&r->j, &more));
        if (!more)
            return json_end(&r->j);
        TRY(json_object(&r->j));
        for (;;) {
            TRY(json_next(&r->j, &more));
            if (!more)
                break;
            TRY(json_key_text(&r->j, r->room, VQA_MAX_TEXT, &n));
            if (json_is(r->room, n, "qas"))
                TRY(read_pairs(r));
            else
                TRY(json_skip(&r->j));
        }
    }
}

/* Is the file Visual Genome's?  Then it is read. */
static int
try_genome(Err *e, const char *path, AskedAll *a, int *genome)
{
    Reader r = {.to = a};

    r.room = malloc(VQA_MAX_TEXT);
    if (!r.room)
        err_set(e, SOHO_MEMORY, "%s: no memory for its text", path);
    else if (!json_open(&r.j, e, path))
        *genome = json_peek(&r.j) == JSON_ARRAY;
    if (!e->code && *genome)
        read_genome(&r);
    json_close(&r.j);
    free(r.room);
    return e->code;
}

static int
read_file(Err *e, const char *path, AskedAll *a)
{
    int genome = 0;
    const char *kind;

    TRY(try_genome(e, path, a, &genome));
    kind = genome ? "vg" : "coco";
    FAIL_IF(a->kind && strcmp(a->kind, kind), e, SOHO_BAD,
            "%s: questions of Visual Genome and of VQA v2 become two files; "
            "call this once for each",
            path);
    a->kind = kind;
    return genome ? 0 : official_questions(e, path, add_question, a, NULL);
}

int
asked_open(Err *e, const TextList *questions, const TextList *annotations,
           AskedAll *a)
{
    const IdRow *twin;

    *a = (AskedAll){.row.size = sizeof(AskedRow)};
    for (u32 i = 0; i < questions->n; i++)
        TRY(read_file(e, questions->at[i], a));
    FAIL_IF(questions->n && !a->row.n, e, SOHO_BAD, "%s: no questions",
            questions->at[0]);
    FAIL_IF((a->kind && !strcmp(a->kind, "coco")) != (annotations->n > 0), e,
            SOHO_USAGE,
            "--annotations hold the answers to VQA v2's --questions: give both "
            "or neither");
    ids_sort(&a->id);
    ids_sort(&a->image);
    twin = ids_twin(&a->id);
    FAIL_IF(twin, e, SOHO_BAD, "%s: question_id %llu stands there twice",
            questions->at[0], (unsigned long long)twin->id);
    for (u32 i = 0; i < annotations->n; i++)
        TRY(official_annotations(e, annotations->at[i], OFFICIAL_CHOICE,
                                 add_answer, a));
    return 0;
}

void
asked_close(AskedAll *a)
{
    free(a->row.at);
    ids_free(&a->id);
    ids_free(&a->image);
    bytes_free(&a->text);
    bytes_free(&a->line);
}

/* ----------------------------------------------------------------- writing */

static const AskedRow *
row_of(const AskedAll *a, u64 i)
{
    return row_at(a, ((const IdRow *)(const void *)a->image.list.at)[i].row);
}

static int
is_answered(const AskedRow *row)
{
    return row->question.n && row->answer.n;
}

static int
put_text(Err *e, AskedAll *a, FILE *out, const AskedRow *row, int answered)
{
    const char *text = (const char *)a->text.data;

    a->line.n = 0;
    bytes_add(&a->line, text + row->question.from, row->question.n);
    bytes_add(&a->line, " ", answered);
    if (answered)
        bytes_add(&a->line, text + row->answer.from, row->answer.n);
    FAIL_IF(a->line.failed, e, SOHO_MEMORY, "no memory for a question");
    quote_bytes(out, (const char *)a->line.data, a->line.n);
    return 0;
}

/* The texts of rows first to end, of which there is one at least. */
static int
put_list(Err *e, AskedAll *a, FILE *out, const char *name, u64 first, u64 end)
{
    const char *gap = "[";

    fprintf(out, ",\"%s\":", name);
    for (u64 i = first; i < end; i++) {
        if (!is_answered(row_of(a, i)))
            continue;
        fputs(gap, out);
        TRY(put_text(e, a, out, row_of(a, i), !strcmp(name, "questionAns")));
        gap = ",";
    }
    fputc(']', out);
    return 0;
}

int
asked_put(Err *e, AskedAll *a, FILE *out, u64 image)
{
    const IdRow *id = (const IdRow *)(const void *)a->image.list.at;
    u64 n = ids_count(&a->image), first;
    u32 answered = 0;

    while (a->next < n && id[a->next].id < image)
        a->next++;
    first = a->next;
    for (; a->next < n && id[a->next].id == image; a->next++)
        answered += is_answered(row_of(a, a->next));
    a->unanswered += (u32)(a->next - first) - answered;
    a->put += answered;
    if (!answered)
        return 0;
    TRY(put_list(e, a, out, "question", first, a->next));
    return put_list(e, a, out, "questionAns", first, a->next);
}
