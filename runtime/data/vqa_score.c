/* vqa_score.c - the official accuracy of answers to VQA v2 questions.
 *
 * In: questions, annotations, answers.  Out: accuracies, over all and by type.
 * Only the answers are kept in memory; annotations are scored as they pass. */
#include "runtime/data/vqa_score.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/data/ids.h"
#include "runtime/data/normalise_answer.h"
#include "runtime/data/vqa_own.h"

/* ---------------------------------------------------------------- accuracy */

/* Texts one after the other: text i is bytes[end[i-1]..end[i]). */
typedef struct Line {
    Bytes bytes;
    u64 end[OFFICIAL_ANSWERS + 1];
} Line;

static int
same(const Line *l, u32 i, u32 k)
{
    u64 a = i ? l->end[i - 1] : 0, b = k ? l->end[k - 1] : 0;
    u64 n = l->end[i] - a;

    return n == l->end[k] - b &&
           (!n || !memcmp(l->bytes.data + a, l->bytes.data + b, n));
}

/* Text n is the answer, the n before it are the annotators'.  Sums in the order
 * of the annotators, as the official evaluation does: the last bit decides how
 * a figure is rounded. */
static f64
share(const Line *l, u32 n)
{
    u32 equal = 0;
    f64 sum = 0;

    for (u32 i = 0; i < n; i++)
        equal += (u32)same(l, i, n);
    for (u32 i = 0; i < n; i++) {
        u32 others = equal - (u32)same(l, i, n);

        sum += others < 3 ? others / 3.0 : 1;
    }
    return sum / n;
}

static void
add_text(Line *l, u32 i, const char *text, u64 n,
         void form(const char *text, u64 n, Bytes *to))
{
    form(text, n, &l->bytes);
    l->end[i] = l->bytes.n;
}

f64
vqa_accuracy(const Annotation *a, const char *answer, u64 n)
{
    Line said = {.bytes.n = 0}, normal = {.bytes.n = 0}, *used = &said;
    u32 count = a->nanswer;
    f64 accuracy;

    for (u32 i = 0; i < count; i++)
        add_text(&said, i, (const char *)a->text.data + a->answer[i].from,
                 a->answer[i].n, answer_trim);
    add_text(&said, count, answer, n, answer_trim);
    for (u32 i = 1; i < count && used == &said; i++)
        if (!same(&said, 0, i))
            used = &normal;
    for (u64 i = 0, from = 0; used == &normal && i <= count; i++) {
        add_text(&normal, (u32)i, (const char *)said.bytes.data + from,
                 said.end[i] - from, answer_normalise);
        from = said.end[i];
    }
    accuracy =
        said.bytes.failed || normal.bytes.failed ? -1 : share(used, count);
    bytes_free(&said.bytes);
    bytes_free(&normal.bytes);
    return accuracy;
}

/* ----------------------------------------------------------------- answers */

typedef struct Prediction {
    u64 at;    /* byte of the file */
    Span text; /* in Scorer.text */
    int used;
} Prediction;

typedef struct Scorer {
    Err *e;
    const char *questions, *predictions;
    Ids asked, predicted;
    List prediction; /* Prediction */
    Bytes text;
    u64 missing, first_missing; /* questions without an answer */
    u64 annotated;
    VqaScore *score;
} Scorer;

static Prediction *
prediction_at(const Scorer *s, u64 row)
{
    return (Prediction *)(void *)s->prediction.at + row;
}

static int
add_prediction(Scorer *s, Json *j, u64 at, u64 id, const char *text, u64 n)
{
    Prediction *p = list_add(s->e, &s->prediction, 1);

    if (!p)
        return s->e->code;
    *p = (Prediction){.at = at, .text = {s->text.n, n}};
    bytes_add(&s->text, text, n);
    FAIL_IF(s->text.failed, s->e, SOHO_MEMORY, "%s: no memory for its text",
            j->path);
    return ids_add(s->e, &s->predicted, id);
}

/* {"question_id": N, "answer": "..."}; `room` is for the answer, `key` for
 * keys, both of VQA_MAX_TEXT bytes. */
static int
read_prediction(Scorer *s, Json *j, char *room, char *key)
{
    u64 id = 0, n, length = 0, at = json_at(j);
    int more, has_id = 0, has_answer = 0;

    TRY(json_object(j));
    for (;;) {
        TRY(json_next(j, &more));
        if (!more)
            break;
        TRY(json_key_text(j, key, VQA_MAX_TEXT, &n));
        if (json_is(key, n, "question_id")) {
            TRY(json_u64(j, &id));
            has_id++;
        } else if (json_is(key, n, "answer")) {
            if (json_string(j, room, VQA_MAX_TEXT, &length))
                return has_id ? err_in(s->e, j->place, "question_id %llu",
                                       (unsigned long long)id)
                              : s->e->code;
            has_answer++;
        } else {
            TRY(json_skip(j));
        }
    }
    if (has_id != 1 || has_answer != 1)
        return json_bad(j, at, "expected question_id and answer once each");
    return add_prediction(s, j, at, id, room, length);
}

static int
read_predictions(Scorer *s, Json *j, char *room, char *key)
{
    const IdRow *twin;
    int more;

    TRY(json_array(j));
    for (;;) {
        TRY(json_next(j, &more));
        if (!more)
            break;
        TRY(read_prediction(s, j, room, key));
    }
    TRY(json_end(j));
    ids_sort(&s->predicted);
    twin = ids_twin(&s->predicted);
    if (twin)
        return json_bad(j, prediction_at(s, twin->row)->at,
                        "a second answer to question_id %llu",
                        (unsigned long long)twin->id);
    return 0;
}

static int
open_predictions(Scorer *s)
{
    char *room = malloc(2 * VQA_MAX_TEXT);
    Json j;

    s->prediction.size = sizeof(Prediction);
    if (!room || !bytes_reserve(&s->text, 1))
        err_set(s->e, SOHO_MEMORY, "%s: no memory for its text",
                s->predictions);
    else if (!json_open(&j, s->e, s->predictions))
        read_predictions(s, &j, room, room + VQA_MAX_TEXT);
    if (room)
        json_close(&j);
    free(room);
    return s->e->code;
}

/* ----------------------------------------------------------------- scoring */

static int
add_asked(void *context, Json *j, const Asked *asked)
{
    Scorer *s = context;

    (void)j;
    return ids_add(s->e, &s->asked, asked->id);
}

static int
open_questions(Scorer *s)
{
    const IdRow *twin;

    TRY(official_questions(s->e, s->questions, add_asked, s, NULL));
    ids_sort(&s->asked);
    twin = ids_twin(&s->asked);
    FAIL_IF(twin, s->e, SOHO_BAD, "%s: question_id %llu stands there twice",
            s->questions, (unsigned long long)twin->id);
    return 0;
}

static int
add_type(Err *e, TypeScore *type, const Annotation *a, Span name, f64 accuracy)
{
    TypeSum *sum;
    u32 number;

    TRY(texts_number(e, &type->name, (const char *)a->text.data + name.from,
                     name.n, &number));
    type->sum.size = sizeof *sum;
    while (type->sum.n <= number) {
        sum = list_add(e, &type->sum, 1);
        if (!sum)
            return e->code;
        *sum = (TypeSum){0, 0};
    }
    sum = (TypeSum *)(void *)type->sum.at + number;
    sum->sum += accuracy;
    sum->n++;
    return 0;
}

static int
add_score(Scorer *s, const Annotation *a, const Prediction *p)
{
    VqaScore *score = s->score;
    QuestionScore *each;
    f64 accuracy =
        vqa_accuracy(a, (const char *)s->text.data + p->text.from, p->text.n);

    FAIL_IF(accuracy < 0, s->e, SOHO_MEMORY, "no memory for an answer");
    score->each.size = sizeof *each;
    each = list_add(s->e, &score->each, 1);
    if (!each)
        return s->e->code;
    *each = (QuestionScore){a->id, accuracy};
    score->sum += accuracy;
    score->n++;
    TRY(add_type(s->e, &score->by_answer, a, a->answer_type, accuracy));
    return add_type(s->e, &score->by_question, a, a->question_type, accuracy);
}

static int
add_annotation(void *context, Json *j, const Annotation *a)
{
    Scorer *s = context;
    i64 row = ids_find(&s->predicted, a->id);
    Prediction *p;

    if (ids_find(&s->asked, a->id) < 0)
        return json_bad(j, a->at, "%s has no such question", s->questions);
    s->annotated++;
    if (row < 0) {
        if (!s->missing++)
            s->first_missing = a->id;
        return 0;
    }
    p = prediction_at(s, (u64)row);
    if (p->used)
        return json_bad(j, a->at, "a second annotation of the same question");
    p->used = 1;
    return add_score(s, a, p);
}

/* Everything that was asked is annotated and answered, and nothing else. */
static int
check_sets(const Scorer *s, const char *annotations)
{
    const IdRow *row = (const IdRow *)(void *)s->predicted.list.at;

    FAIL_IF(s->missing, s->e, SOHO_BAD,
            "%s: no answer to question_id %llu; %llu of the %llu questions "
            "annotated in %s are without one",
            s->predictions, (unsigned long long)s->first_missing,
            (unsigned long long)s->missing, (unsigned long long)s->annotated,
            annotations);
    for (u64 i = 0; i < ids_count(&s->predicted); i++)
        FAIL_IF(!prediction_at(s, row[i].row)->used, s->e, SOHO_BAD,
                "%s: byte %llu: question_id %llu is not annotated in %s",
                s->predictions,
                (unsigned long long)prediction_at(s, row[i].row)->at,
                (unsigned long long)row[i].id, annotations);
    FAIL_IF(s->annotated != ids_count(&s->asked), s->e, SOHO_BAD,
            "%s: %llu annotations for the %llu questions of %s", annotations,
            (unsigned long long)s->annotated,
            (unsigned long long)ids_count(&s->asked), s->questions);
    FAIL_IF(!s->score->n, s->e, SOHO_BAD, "%s: no question to score",
            annotations);
    return 0;
}

int
vqa_score(Err *e, const char *questions, const char *annotations,
          const char *predictions, VqaScore *score)
{
    Scorer s = {.e = e,
                .questions = questions,
                .predictions = predictions,
                .score = score};

    *score = (VqaScore){.n = 0};
    if (!open_predictions(&s) && !open_questions(&s) &&
        !official_annotations(e, annotations, OFFICIAL_TYPES, add_annotation,
                              &s))
        check_sets(&s, annotations);
    ids_free(&s.asked);
    ids_free(&s.predicted);
    free(s.prediction.at);
    bytes_free(&s.text);
    return e->code;
}

void
vqa_score_free(VqaScore *score)
{
    texts_free(&score->by_answer.name);
    texts_free(&score->by_question.name);
    free(score->by_answer.sum.at);
    free(score->by_question.sum.at);
    free(score->each.at);
    *score = (VqaScore){.n = 0};
}
