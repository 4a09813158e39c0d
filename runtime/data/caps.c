/* caps.c - the index of a SOHO pre-training file.
 *
 * In: [{file_name, height, width, captions: [...], ...}], keys in any order;
 * image_id and labels are checked as JSON and passed over.  Out: a set whose
 * questions are the captions.
 *
 * With use_qa the texts of an item's `question` are sentences, too, behind the
 * captions; with use_answer those of `questionAns` take their place, in which a
 * question stands with its answer: "what is red? the ball".  Both are lists of
 * strings, or one string.  As in the official code, an item without questionAns
 * has its captions alone. */
#include "runtime/data/vqa_own.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/data/pack.h"

enum { FILE_NAME, HEIGHT, WIDTH, CAPTIONS, QUESTION, QUESTION_ANS, NKEY };
static const char *const key_name[NKEY] = {
    "file_name", "height", "width", "captions", "question", "questionAns"};

typedef struct Reader {
    Json j;
    Err *e;
    const Words *words;
    u32 tokens;
    CapsExtra extra;
    int train;
    List picture, question, token;
    u32 dropped;
    i32 *ids;   /* [tokens] */
    char *text; /* VQA_MAX_TEXT */
    Bytes more; /* texts for sentences behind the captions, each with its 0 */
    struct Vqa_own *own;
} Reader;

/* One item while it is read. */
typedef struct Draft {
    u64 at;       /* where it begins */
    u32 keys;     /* bit k: key k came */
    int answered; /* questionAns came, and is not null */
    char file[PICTURE_FILE];
    i32 w, h;
    u64 question, token; /* lengths of the arrays before it */
} Draft;

/* ---------------------------------------------------------------- sentences */

static int
add_sentence(Reader *r, const char *text, u64 n)
{
    Question q = {.image = (u32)r->picture.n, .token = (u32)r->token.n};
    Question *row;
    i32 *to;

    TRY(words_ids(r->e, r->words, text, n, r->ids, r->tokens, &q.ntoken));
    to = list_add(r->e, &r->token, q.ntoken);
    row = to ? list_add(r->e, &r->question, 1) : NULL;
    if (!row)
        return r->e->code;
    memcpy(to, r->ids, q.ntoken * sizeof *to);
    *row = q;
    return 0;
}

static int
read_captions(Reader *r)
{
    int more;
    u64 n;

    TRY(json_array(&r->j));
    for (;;) {
        TRY(json_next(&r->j, &more));
        if (!more)
            return 0;
        TRY(json_string(&r->j, r->text, VQA_MAX_TEXT, &n));
        TRY(add_sentence(r, r->text, n));
    }
}

static int
keep_text(Reader *r)
{
    u64 n, at = json_at(&r->j);

    TRY(json_string(&r->j, r->text, VQA_MAX_TEXT, &n));
    if (memchr(r->text, 0, n))
        return json_bad(&r->j, at, "a text with a NUL inside");
    bytes_add(&r->more, r->text, n + 1);
    FAIL_IF(r->more.failed, r->e, SOHO_MEMORY, "no memory for a text");
    return 0;
}

/* A string or a list of strings. */
static int
keep_texts(Reader *r)
{
    int more;

    if (json_peek(&r->j) == JSON_STRING)
        return keep_text(r);
    TRY(json_array(&r->j));
    for (;;) {
        TRY(json_next(&r->j, &more));
        if (!more)
            return 0;
        TRY(keep_text(r));
    }
}

/* What was kept, behind the captions. */
static int
add_texts(Reader *r)
{
    const char *text = (const char *)r->more.data;

    for (u64 at = 0, n; at < r->more.n; at += n + 1) {
        n = strlen(text + at);
        TRY(add_sentence(r, text + at, n));
    }
    return 0;
}

/* -------------------------------------------------------------------- items */

static int
read_value(Reader *r, int key, Draft *d)
{
    switch (key) {
    case FILE_NAME:
        return picture_file(&r->j, d->file);
    case HEIGHT:
        return picture_side(&r->j, &d->h);
    case WIDTH:
        return picture_side(&r->j, &d->w);
    case CAPTIONS:
        return read_captions(r);
    case QUESTION:
        return r->extra == CAPS_QUESTIONS ? keep_texts(r) : json_skip(&r->j);
    case QUESTION_ANS:
        d->answered = json_peek(&r->j) != JSON_NULL;
        return r->extra == CAPS_ANSWERS && d->answered ? keep_texts(r)
                                                       : json_skip(&r->j);
    default:
        return json_skip(&r->j);
    }
}

static int
read_key(Reader *r, Draft *d)
{
    u64 n, at = json_at(&r->j);
    int k = 0;

    TRY(json_key_text(&r->j, r->text, VQA_MAX_TEXT, &n));
    while (k < NKEY && !json_is(r->text, n, key_name[k]))
        k++;
    if (k < NKEY && d->keys >> k & 1)
        return json_bad(&r->j, at, "the key %s stands here twice", key_name[k]);
    d->keys |= 1u << k;
    return read_value(r, k, d);
}

/* Everything of an item has been read: checks it and adds its picture. */
static int
end_item(Reader *r, const Draft *d)
{
    const u32 sides = 1u << HEIGHT | 1u << WIDTH;
    int known = (d->keys & sides) == sides;
    Picture *p;
    const char *file;
    u64 count;

    for (int k = 0; k < NKEY; k++)
        if ((1u << FILE_NAME | 1u << CAPTIONS) >> k & ~d->keys >> k & 1)
            return json_bad(&r->j, d->at, "no %s here", key_name[k]);
    if (r->extra == CAPS_QUESTIONS && d->answered && !(d->keys >> QUESTION & 1))
        return json_bad(&r->j, d->at, "questionAns, but no question here");
    if (d->answered)
        TRY(add_texts(r));
    if (r->train && known && min_i64(d->w, d->h) < SHORTEST_SIDE) {
        r->question.n = d->question;
        r->token.n = d->token;
        r->dropped++;
        return 0;
    }
    count = r->question.n - d->question;
    if (!count)
        return 0; /* nothing is said about it */
    p = list_add(r->e, &r->picture, 1);
    file = pool_text(r->e, &r->own->names, d->file);
    if (!p || !file)
        return r->e->code;
    *p = (Picture){file, known ? d->w : 0, known ? d->h : 0, (u32)d->question,
                   (u32)count};
    return 0;
}

static int
read_item(Reader *r)
{
    Draft d = {
        .at = json_at(&r->j), .question = r->question.n, .token = r->token.n};
    int more;

    r->more.n = 0;
    TRY(json_object(&r->j));
    for (;;) {
        TRY(json_next(&r->j, &more));
        if (!more)
            return end_item(r, &d);
        TRY(read_key(r, &d));
    }
}

/* --------------------------------------------------------------------- file */

static int
read_items(Reader *r)
{
    int more;

    TRY(json_array(&r->j));
    for (u32 n = 0;; n++) {
        TRY(json_next(&r->j, &more));
        if (!more)
            return json_end(&r->j);
        if (read_item(r))
            return err_in(r->e, r->j.place, "item %u", n);
    }
}

static int
read_set(Reader *r)
{
    r->ids = malloc(r->tokens * sizeof *r->ids + 1);
    r->text = malloc(VQA_MAX_TEXT);
    r->own = calloc(1, sizeof *r->own);
    FAIL_IF(!r->ids || !r->text || !r->own, r->e, SOHO_MEMORY,
            "%s: no memory to read it", r->j.path);
    TRY(read_items(r));
    FAIL_IF(!r->question.n, r->e, SOHO_BAD,
            "%s: no caption to read; %u pictures are smaller than %d pixels",
            r->j.path, r->dropped, SHORTEST_SIDE);
    return 0;
}

int
caps_open(Err *e, const char *path, const Words *words, u32 tokens,
          CapsExtra extra, int train, Vqa *set)
{
    Reader r = {.e = e,
                .words = words,
                .tokens = tokens,
                .extra = extra,
                .train = train,
                .picture.size = sizeof(Picture),
                .question.size = sizeof(Question),
                .token.size = sizeof(i32)};

    if (!json_open(&r.j, e, path))
        read_set(&r);
    *set = (Vqa){.picture = (void *)r.picture.at,
                 .npicture = (u32)r.picture.n,
                 .question = (void *)r.question.at,
                 .nquestion = (u32)r.question.n,
                 .token = (void *)r.token.at,
                 .dropped = r.dropped,
                 .own = r.own};
    if (e->code)
        vqa_close(set);
    json_close(&r.j);
    free(r.ids);
    free(r.text);
    bytes_free(&r.more);
    return e->code;
}
