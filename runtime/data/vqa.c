/* vqa.c - the index of a SOHO VQA annotation file.
 *
 * In: {data:[...], ans2label, label2ans}, keys in any order.  An item of data
 * is a picture with its questions under "vqa" (grouped form), or one question
 * with its picture (flat form, the test file).  Out: pictures, questions as
 * token ids, labels and scores in five flat arrays.  The text is read a piece
 * at a time; file names live in a pool of the set. */
#include "runtime/data/vqa_own.h"

#include <stdlib.h>
#include <string.h>

/* Keys of an item; those of a question come first. */
enum { QUESTION, QUESTION_ID, LABELS, SCORES, FILE_NAME, HEIGHT, WIDTH, VQA };
enum { QUESTION_KEYS = FILE_NAME, ITEM_KEYS = VQA + 1 };
static const char *const key_name[ITEM_KEYS] = {
    "question",  "question_id", "labels", "scores",
    "file_name", "height",      "width",  "vqa"};

/* Lengths of the arrays, to take back a picture that is dropped. */
typedef struct Mark {
    u64 question, token, label, score;
} Mark;

typedef struct Reader {
    Json j;
    Err *e;
    const Words *words;
    u32 tokens, answers;
    int train;
    List picture, question, token, label, score;
    u32 dropped;
    int labelled; /* some question had labels */
    u32 *seen;    /* [answers]: number of the question that had this label */
    u32 nread;    /* questions read so far, from 1 */
    i32 *ids;     /* [tokens] */
    char *text;   /* VQA_MAX_TEXT */
    Answers list, map;
    struct Vqa_own *own;
} Reader;

/* One question while it is read; the bits of `keys` say which ones came. */
typedef struct Draft {
    u32 keys;
    u64 at; /* where its object begins */
    Question q;
    u32 nscore;
    int named; /* q.id has been read */
} Draft;

/* -------------------------------------------------------------------- keys */

/* Reads a key: *k is its number in the first n of key_name, n when unknown. */
static int
read_key(Reader *r, int n, u32 *keys, int *k)
{
    u64 bytes, at = json_at(&r->j);

    TRY(json_key_text(&r->j, r->text, VQA_MAX_TEXT, &bytes));
    for (*k = 0; *k < n; ++*k)
        if (json_is(r->text, bytes, key_name[*k]))
            break;
    if (*k == n)
        return 0;
    if (*keys >> *k & 1)
        return json_bad(&r->j, at, "the key %s stands here twice",
                        key_name[*k]);
    *keys |= 1u << *k;
    return 0;
}

static int
need_keys(Reader *r, u64 at, u32 keys, u32 needed)
{
    for (int k = 0; k < ITEM_KEYS; k++)
        if ((needed & ~keys) >> k & 1)
            return json_bad(&r->j, at, "no %s here", key_name[k]);
    return 0;
}

/* --------------------------------------------------------------- questions */

static int
read_text(Reader *r, Draft *d)
{
    i32 *to;
    u64 n;

    TRY(json_string(&r->j, r->text, VQA_MAX_TEXT, &n));
    TRY(words_ids(r->e, r->words, r->text, n, r->ids, r->tokens, &d->q.ntoken));
    d->q.token = (u32)r->token.n;
    to = list_add(r->e, &r->token, d->q.ntoken);
    if (!to)
        return r->e->code;
    memcpy(to, r->ids, d->q.ntoken * sizeof *to);
    return 0;
}

static int
read_labels(Reader *r, Draft *d)
{
    int more;
    i64 label;
    u64 at;
    i32 *to;

    d->q.label = (u32)r->label.n;
    TRY(json_array(&r->j));
    for (;;) {
        TRY(json_next(&r->j, &more));
        if (!more)
            return 0;
        at = json_at(&r->j);
        TRY(json_integer(&r->j, 0, INT32_MAX, &label));
        if (label >= r->answers)
            return json_bad(&r->j, at, "label %lld, the plan has %u answers",
                            (long long)label, r->answers);
        if (r->seen[label] == r->nread)
            return json_bad(&r->j, at, "label %lld twice in one question",
                            (long long)label);
        r->seen[label] = r->nread;
        to = list_add(r->e, &r->label, 1);
        if (!to)
            return r->e->code;
        *to = (i32)label;
        d->q.nlabel++;
    }
}

static int
read_scores(Reader *r, Draft *d)
{
    int more;
    f64 score;
    u64 at;
    f32 *to;

    TRY(json_array(&r->j));
    for (;;) {
        TRY(json_next(&r->j, &more));
        if (!more)
            return 0;
        at = json_at(&r->j);
        TRY(json_number(&r->j, &score));
        if (!(score >= 0 && score <= 1))
            return json_bad(&r->j, at, "score %g, expected 0 to 1", score);
        to = list_add(r->e, &r->score, 1);
        if (!to)
            return r->e->code;
        *to = (f32)score;
        d->nscore++;
    }
}

static int
read_question_key(Reader *r, int k, Draft *d)
{
    switch (k) {
    case QUESTION:
        return read_text(r, d);
    case QUESTION_ID:
        TRY(json_u64(&r->j, &d->q.id));
        d->named = 1;
        return 0;
    case LABELS:
        return read_labels(r, d);
    default:
        return read_scores(r, d);
    }
}

static void
start_question(Reader *r, Draft *d)
{
    *d = (Draft){.at = json_at(&r->j)};
    r->nread++;
}

/* Checks a question that has been read whole and adds it for `image`. */
static int
add_question(Reader *r, Draft *d, u32 image, int labelled)
{
    const u32 answered = 1u << LABELS | 1u << SCORES;
    u32 needed = 1u << QUESTION | 1u << QUESTION_ID;
    Question *q;

    if (labelled || d->keys & answered)
        needed |= answered;
    TRY(need_keys(r, d->at, d->keys, needed));
    if (d->q.nlabel != d->nscore)
        return json_bad(&r->j, d->at, "%u labels, but %u scores", d->q.nlabel,
                        d->nscore);
    r->labelled |= (d->keys & answered) != 0;
    q = list_add(r->e, &r->question, 1);
    if (!q)
        return r->e->code;
    *q = d->q;
    q->image = image;
    return 0;
}

static int
read_question(Reader *r, Draft *d)
{
    int more, k;

    TRY(json_object(&r->j));
    for (;;) {
        TRY(json_next(&r->j, &more));
        if (!more)
            return add_question(r, d, (u32)r->picture.n, 1);
        TRY(read_key(r, QUESTION_KEYS, &d->keys, &k));
        if (k == QUESTION_KEYS)
            TRY(json_skip(&r->j));
        else
            TRY(read_question_key(r, k, d));
    }
}

/* Says between place and fault of an error which question it was about. */
static int
blame(Reader *r, const Draft *d, u32 n)
{
    if (d->named)
        return err_in(r->e, r->j.place, "question_id %llu",
                      (unsigned long long)d->q.id);
    return err_in(r->e, r->j.place, "question %u of the picture", n + 1);
}

static int
read_questions(Reader *r)
{
    Draft d;
    int more;

    TRY(json_array(&r->j));
    for (u32 n = 0;; n++) {
        TRY(json_next(&r->j, &more));
        if (!more)
            return 0;
        start_question(r, &d);
        if (read_question(r, &d))
            return blame(r, &d, n);
    }
}

/* ---------------------------------------------------------------- pictures */

static void
take_back(Reader *r, Mark m)
{
    r->question.n = m.question;
    r->token.n = m.token;
    r->label.n = m.label;
    r->score.n = m.score;
    r->dropped++;
}

/* Adds a picture whose questions begin at m.question. */
static int
add_picture(Reader *r, const char *file, i32 w, i32 h, Mark m)
{
    Picture *p;

    if (r->question.n == m.question)
        return 0; /* nobody asks about it */
    p = list_add(r->e, &r->picture, 1);
    file = pool_text(r->e, &r->own->names, file);
    if (!p || !file)
        return r->e->code;
    *p = (Picture){file, w, h, (u32)m.question,
                   (u32)(r->question.n - m.question)};
    return 0;
}

/* The picture that the question of a flat item belongs to, when it is the one
 * of the item before. */
static Picture *
same_picture(const Reader *r, const char *file, i32 w, i32 h)
{
    Picture *p = (Picture *)(void *)r->picture.at;

    if (!r->picture.n)
        return NULL;
    p += r->picture.n - 1;
    return p->w == w && p->h == h && strcmp(p->file, file) == 0 ? p : NULL;
}

/* Everything of an item has been read: checks it and adds its picture. */
static int
end_item(Reader *r, Draft *d, const char *file, i32 w, i32 h, Mark m)
{
    const u32 sides = 1u << HEIGHT | 1u << WIDTH;
    int known = (d->keys & sides) == sides, flat = !(d->keys >> VQA & 1);
    Picture *before = NULL;

    TRY(need_keys(r, d->at, d->keys, 1u << FILE_NAME));
    if (flat) {
        before = same_picture(r, file, known ? w : 0, known ? h : 0);
        TRY(add_question(r, d, (u32)r->picture.n - (before != NULL), r->train));
    } else if (d->keys & ((1u << QUESTION_KEYS) - 1)) {
        return json_bad(&r->j, d->at,
                        "an item with vqa has no question, "
                        "question_id, labels, scores of its own");
    }
    if (r->train && known && min_i64(w, h) < SHORTEST_SIDE) {
        take_back(r, m);
        return 0;
    }
    if (before) {
        before->count++;
        return 0;
    }
    return add_picture(r, file, known ? w : 0, known ? h : 0, m);
}

static int
read_item(Reader *r, Draft *d)
{
    Mark m = {r->question.n, r->token.n, r->label.n, r->score.n};
    char file[PICTURE_FILE];
    i32 h = 0, w = 0;
    int more, k;

    TRY(json_object(&r->j));
    for (;;) {
        TRY(json_next(&r->j, &more));
        if (!more)
            return end_item(r, d, file, w, h, m);
        TRY(read_key(r, ITEM_KEYS, &d->keys, &k));
        if (k == ITEM_KEYS)
            TRY(json_skip(&r->j));
        else if (k == FILE_NAME)
            TRY(picture_file(&r->j, file));
        else if (k == HEIGHT)
            TRY(picture_side(&r->j, &h));
        else if (k == WIDTH)
            TRY(picture_side(&r->j, &w));
        else if (k == VQA)
            TRY(read_questions(r));
        else
            TRY(read_question_key(r, k, d));
    }
}

/* -------------------------------------------------------------------- file */

static int
read_data(Reader *r)
{
    Draft d;
    int more;

    TRY(json_array(&r->j));
    for (u32 n = 0;; n++) {
        TRY(json_next(&r->j, &more));
        if (!more)
            return 0;
        start_question(r, &d);
        if (read_item(r, &d)) {
            if (d.named) /* it is a question itself */
                blame(r, &d, 0);
            return err_in(r->e, r->j.place, "data[%u]", n);
        }
    }
}

static int
read_top(Reader *r)
{
    int more, data = 0;
    u64 n, at;

    TRY(json_object(&r->j));
    for (;;) {
        TRY(json_next(&r->j, &more));
        if (!more)
            break;
        at = json_at(&r->j);
        TRY(json_key_text(&r->j, r->text, VQA_MAX_TEXT, &n));
        if (json_is(r->text, n, "data")) {
            if (data++)
                return json_bad(&r->j, at, "the key data stands here twice");
            TRY(read_data(r));
        } else if (json_is(r->text, n, "label2ans")) {
            TRY(answers_list(&r->j, r->text, &r->list));
        } else if (json_is(r->text, n, "ans2label")) {
            TRY(answers_map(&r->j, r->text, &r->map));
        } else {
            TRY(json_skip(&r->j));
        }
    }
    if (!data)
        return json_bad(&r->j, r->j.at, "no key data in a SOHO VQA file");
    return json_end(&r->j);
}

/* The file's answers must be those of the plan. */
static int
compare_answers(Reader *r, char **file, u32 n, const char *const *plan)
{
    char one[80], other[80];

    FAIL_IF(!n && r->labelled, r->e, SOHO_BAD,
            "%s: labels, but neither label2ans nor ans2label", r->j.path);
    FAIL_IF(n > r->answers || (n && plan && n != r->answers), r->e, SOHO_BAD,
            "%s: %u answers, the plan has %u; compile with the answers of "
            "this data set (--set answers=...)",
            r->j.path, n, r->answers);
    for (u32 i = 0; plan && i < n; i++) {
        if (strcmp(file[i], plan[i]) == 0)
            continue;
        err_clean(one, sizeof one, file[i], strlen(file[i]));
        err_clean(other, sizeof other, plan[i], strlen(plan[i]));
        return err_set(r->e, SOHO_BAD,
                       "%s: answer %u is '%s', in the plan '%s'; compile with "
                       "the answers of this data set (--set answers=...)",
                       r->j.path, i, one, other);
    }
    return 0;
}

static int
read_set(Reader *r, const char *const *plan)
{
    char **file;
    u32 n;
    int code;

    r->ids = malloc(r->tokens * sizeof *r->ids + 1);
    r->seen = calloc((u64)r->answers + 1, sizeof *r->seen);
    r->text = malloc(VQA_MAX_TEXT);
    r->own = calloc(1, sizeof *r->own);
    FAIL_IF(!r->ids || !r->seen || !r->text || !r->own, r->e, SOHO_MEMORY,
            "%s: no memory to read it", r->j.path);
    TRY(read_top(r));
    TRY(answers_settle(&r->j, &r->list, &r->map, &file, &n));
    code = compare_answers(r, file, n, plan);
    free(file);
    if (code)
        return code;
    FAIL_IF(!r->question.n, r->e, SOHO_BAD,
            "%s: no question to read; %u pictures are smaller than %d pixels",
            r->j.path, r->dropped, SHORTEST_SIDE);
    return 0;
}

/* Hands the arrays over to the set, which vqa_close frees. */
static void
hand_over(Reader *r, Vqa *set)
{
    *set = (Vqa){
        .picture = (void *)r->picture.at,
        .npicture = (u32)r->picture.n,
        .question = (void *)r->question.at,
        .nquestion = (u32)r->question.n,
        .token = (void *)r->token.at,
        .label = (void *)r->label.at,
        .score = (void *)r->score.at,
        .dropped = r->dropped,
        .own = r->own,
    };
}

int
vqa_open(Err *e, const char *path, const Words *words, u32 tokens, u32 answers,
         const char *const *names, int train, Vqa *set)
{
    Reader r = {.e = e,
                .words = words,
                .tokens = tokens,
                .answers = answers,
                .train = train,
                .picture.size = sizeof(Picture),
                .question.size = sizeof(Question),
                .token.size = sizeof(i32),
                .label.size = sizeof(i32),
                .score.size = sizeof(f32)};
    int code;

    *set = (Vqa){0};
    answers_start(&r.list);
    answers_start(&r.map);
    code = json_open(&r.j, e, path);
    if (!code)
        code = read_set(&r, names);
    hand_over(&r, set);
    if (code)
        vqa_close(set);
    json_close(&r.j);
    free(r.ids);
    free(r.seen);
    free(r.text);
    answers_free(&r.list);
    answers_free(&r.map);
    return code;
}
