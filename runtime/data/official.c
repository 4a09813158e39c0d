/* official.c - the files of VQA v2 as its authors publish them.
 *
 * In: a file of questions or of annotations, keys in any order.  Out: one
 * question or annotation after the other, checked. */
#include "runtime/data/official.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/data/vqa_own.h"

/* Keys of a question and of an annotation. */
enum {
    QUESTION_ID,
    IMAGE_ID,
    QUESTION,
    ANSWERS,
    CHOICE,
    QUESTION_TYPE,
    ANSWER_TYPE,
    KEYS
};
static const char *const key_name[KEYS] = {"question_id",
                                           "image_id",
                                           "question",
                                           "answers",
                                           "multiple_choice_answer",
                                           "question_type",
                                           "answer_type"};

typedef struct Reader {
    Json j;
    char *room; /* VQA_MAX_TEXT */
    u32 keys;   /* bits of the keys that came */
    u32 need;   /* and of those that must */
    Asked asked;
    Annotation a;
    Span question; /* in a.text */
    AskedSink *asked_sink;
    AnnotationSink *annotation_sink;
    void *context;
    char *subtype;
} Reader;

/* Reads a string to the end of the annotation's text. */
static int
read_span(Reader *r, Span *span)
{
    Bytes *text = &r->a.text;

    TRY(json_string(&r->j, r->room, VQA_MAX_TEXT, &span->n));
    span->from = text->n;
    bytes_add(text, r->room, span->n);
    FAIL_IF(text->failed, r->j.err, SOHO_MEMORY, "%s: no memory for its text",
            r->j.path);
    return 0;
}

/* {"answer": "...", ...} */
static int
read_answer(Reader *r)
{
    u64 n, at = json_at(&r->j);
    int more, found = 0;

    if (r->a.nanswer == OFFICIAL_ANSWERS)
        return json_bad(&r->j, at, "more than %d answers", OFFICIAL_ANSWERS);
    TRY(json_object(&r->j));
    for (;;) {
        TRY(json_next(&r->j, &more));
        if (!more)
            break;
        TRY(json_key_text(&r->j, r->room, VQA_MAX_TEXT, &n));
        if (!json_is(r->room, n, "answer"))
            TRY(json_skip(&r->j));
        else if (found++)
            return json_bad(&r->j, at, "the key answer stands here twice");
        else
            TRY(read_span(r, &r->a.answer[r->a.nanswer]));
    }
    if (!found)
        return json_bad(&r->j, at, "no answer here");
    r->a.nanswer++;
    return 0;
}

static int
read_answers(Reader *r)
{
    u64 at = json_at(&r->j);
    int more;

    TRY(json_array(&r->j));
    for (;;) {
        TRY(json_next(&r->j, &more));
        if (!more)
            break;
        TRY(read_answer(r));
    }
    return r->a.nanswer ? 0 : json_bad(&r->j, at, "no answers");
}

static int
read_value(Reader *r, int key)
{
    switch (key) {
    case QUESTION_ID:
        return json_u64(&r->j, &r->asked.id);
    case IMAGE_ID:
        return json_u64(&r->j, &r->asked.image);
    case ANSWERS:
        return read_answers(r);
    case CHOICE:
        return read_span(r, &r->a.choice);
    case QUESTION_TYPE:
        return read_span(r, &r->a.question_type);
    case ANSWER_TYPE:
        return read_span(r, &r->a.answer_type);
    default:
        return read_span(r, &r->question);
    }
}

/* One of the keys that this kind of file has. */
static int
read_field(Reader *r)
{
    const u32 wanted = r->asked_sink
                           ? 1u << QUESTION_ID | 1u << IMAGE_ID | 1u << QUESTION
                           : (1u << KEYS) - 1 - (1u << QUESTION);
    u64 n, at = json_at(&r->j);

    TRY(json_key_text(&r->j, r->room, VQA_MAX_TEXT, &n));
    for (int key = 0; key < KEYS; key++) {
        if (!(wanted >> key & 1) || !json_is(r->room, n, key_name[key]))
            continue;
        if (r->keys >> key & 1)
            return json_bad(&r->j, at, "the key %s stands here twice",
                            key_name[key]);
        TRY(read_value(r, key));
        r->keys |= 1u << key;
        return 0;
    }
    return json_skip(&r->j);
}

static int
hand_on(Reader *r)
{
    for (int key = 0; key < KEYS; key++)
        if ((r->need & ~r->keys) >> key & 1)
            return json_bad(&r->j, r->asked.at, "no %s here", key_name[key]);
    if (r->asked_sink) {
        r->asked.text = (const char *)r->a.text.data + r->question.from;
        r->asked.n = r->question.n;
        return r->asked_sink(r->context, &r->j, &r->asked);
    }
    r->a.id = r->asked.id;
    r->a.at = r->asked.at;
    r->a.image = r->asked.image;
    r->a.has_image = r->keys >> IMAGE_ID & 1;
    return r->annotation_sink(r->context, &r->j, &r->a);
}

static int
read_item(Reader *r)
{
    Bytes text = r->a.text;
    int more;

    text.n = 0;
    r->keys = 0;
    r->asked = (Asked){.at = json_at(&r->j)};
    r->a = (Annotation){.text = text};
    TRY(json_object(&r->j));
    for (;;) {
        TRY(json_next(&r->j, &more));
        if (!more)
            return hand_on(r);
        TRY(read_field(r));
    }
}

/* The list under `name`. */
static int
read_items(Reader *r, const char *name)
{
    int more;

    TRY(json_array(&r->j));
    for (u64 i = 0;; i++) {
        TRY(json_next(&r->j, &more));
        if (!more)
            return 0;
        if (!read_item(r))
            continue;
        if (r->keys >> QUESTION_ID & 1)
            err_in(r->j.err, r->j.place, "question_id %llu",
                   (unsigned long long)r->asked.id);
        return err_in(r->j.err, r->j.place, "%s[%llu]", name,
                      (unsigned long long)i);
    }
}

static int
read_top(Reader *r, const char *name)
{
    int more, found = 0;
    u64 n, at = json_at(&r->j);

    TRY(json_object(&r->j));
    for (;;) {
        TRY(json_next(&r->j, &more));
        if (!more)
            break;
        TRY(json_key_text(&r->j, r->room, VQA_MAX_TEXT, &n));
        if (json_is(r->room, n, name)) {
            if (found++)
                return json_bad(&r->j, at, "the key %s stands here twice",
                                name);
            TRY(read_items(r, name));
        } else if (r->subtype && json_is(r->room, n, "data_subtype")) {
            TRY(json_string(&r->j, r->subtype, OFFICIAL_SUBTYPE, &n));
        } else {
            TRY(json_skip(&r->j));
        }
    }
    if (!found)
        return json_bad(&r->j, at, "no key %s in an official file of %s", name,
                        name);
    return json_end(&r->j);
}

static int
read_file(Err *e, const char *path, const char *name, Reader *r)
{
    r->room = malloc(VQA_MAX_TEXT);
    if (!r->room || !bytes_reserve(&r->a.text, 1))
        err_set(e, SOHO_MEMORY, "%s: no memory for its text", path);
    else if (!json_open(&r->j, e, path))
        read_top(r, name);
    json_close(&r->j);
    free(r->room);
    bytes_free(&r->a.text);
    return e->code;
}

int
official_questions(Err *e, const char *path, AskedSink *sink, void *context,
                   char subtype[OFFICIAL_SUBTYPE])
{
    Reader r = {.asked_sink = sink, .context = context, .subtype = subtype};

    r.need = 1u << QUESTION_ID | 1u << IMAGE_ID | 1u << QUESTION;
    if (subtype)
        subtype[0] = 0;
    return read_file(e, path, "questions", &r);
}

int
official_annotations(Err *e, const char *path, u32 need, AnnotationSink *sink,
                     void *context)
{
    Reader r = {.annotation_sink = sink, .context = context};

    r.need = 1u << QUESTION_ID | 1u << ANSWERS;
    if (need & OFFICIAL_TYPES)
        r.need |= 1u << QUESTION_TYPE | 1u << ANSWER_TYPE;
    if (need & OFFICIAL_CHOICE)
        r.need |= 1u << CHOICE;
    return read_file(e, path, "annotations", &r);
}
