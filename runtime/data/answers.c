/* answers.c - the answer list of a SOHO annotation file.
 *
 * In: the values of "label2ans" (array, position = label) and "ans2label"
 * (object).  Out: the names in the order of their labels, checked to be one to
 * one and, where both are there, to say the same. */
#include "runtime/data/vqa_own.h"

#include <stdlib.h>
#include <string.h>

enum { ANSWERS_MAX = 1 << 20 };

typedef struct AnswerName {
    u64 at;    /* where in the file, for messages */
    u64 start; /* in Answers.text; a 0 byte follows */
    u32 label;
} AnswerName;

void
answers_start(Answers *a)
{
    *a = (Answers){.name.size = sizeof(AnswerName), .text.size = 1};
}

void
answers_free(Answers *a)
{
    free(a->name.at);
    free(a->text.at);
}

static const AnswerName *
name_at(const Answers *a, u64 i)
{
    return (const AnswerName *)(const void *)a->name.at + i;
}

static const char *
text_of(const Answers *a, u64 i)
{
    return (const char *)a->text.at + name_at(a, i)->start;
}

static char *
shown(char *to, u64 size, const char *text)
{
    return err_clean(to, size, text, strlen(text));
}

/* Adds an answer of n bytes that stands at byte `at`. */
static int
add(Json *j, Answers *a, u64 at, const char *text, u64 n, u32 label)
{
    AnswerName *name;
    char *copy;

    if (memchr(text, 0, n))
        return json_bad(j, at, "expected an answer without NUL");
    if (a->name.n == ANSWERS_MAX)
        return json_bad(j, at, "more than %d answers", ANSWERS_MAX);
    name = list_add(j->err, &a->name, 1);
    copy = list_add(j->err, &a->text, n + 1);
    if (!name || !copy)
        return j->err->code;
    memcpy(copy, text, n);
    copy[n] = 0;
    *name = (AnswerName){at, a->text.n - (n + 1), label};
    return 0;
}

static int
begin(Json *j, const char *key, Answers *a)
{
    if (a->given)
        return json_bad(j, json_at(j), "the key %s stands here twice", key);
    a->given = 1;
    return 0;
}

int
answers_list(Json *j, char *text, Answers *a)
{
    int more;
    u64 n, at;

    TRY(begin(j, "label2ans", a));
    TRY(json_array(j));
    for (;;) {
        TRY(json_next(j, &more));
        if (!more)
            return 0;
        at = json_at(j);
        TRY(json_string(j, text, VQA_MAX_TEXT, &n));
        TRY(add(j, a, at, text, n, (u32)a->name.n));
    }
}

int
answers_map(Json *j, char *text, Answers *a)
{
    int more;
    i64 label;
    u64 n, at;

    TRY(begin(j, "ans2label", a));
    TRY(json_object(j));
    for (;;) {
        TRY(json_next(j, &more));
        if (!more)
            return 0;
        at = json_at(j);
        TRY(json_key_text(j, text, VQA_MAX_TEXT, &n));
        TRY(json_integer(j, 0, ANSWERS_MAX - 1, &label));
        TRY(add(j, a, at, text, n, (u32)label));
    }
}

/* ----------------------------------------------------------------- checks */

static int
by_label(const void *a, const void *b)
{
    const AnswerName *x = a, *y = b;

    return (x->label > y->label) - (x->label < y->label);
}

/* Sorts by label; the labels must be 0..n-1, each once. */
static int
order_labels(Json *j, Answers *a)
{
    char name[80];

    if (a->name.n)
        qsort(a->name.at, a->name.n, sizeof(AnswerName), by_label);
    for (u64 i = 0; i < a->name.n; i++) {
        u32 label = name_at(a, i)->label;

        if (label == i)
            continue;
        shown(name, sizeof name, text_of(a, i));
        if (label < i)
            return json_bad(j, name_at(a, i)->at,
                            "ans2label: '%s' has label %u, which another "
                            "answer has already",
                            name, label);
        return json_bad(j, name_at(a, i)->at,
                        "ans2label: '%s' has label %u, but none has %llu", name,
                        label, (unsigned long long)i);
    }
    return 0;
}

static int
agree(Json *j, const Answers *list, const Answers *map)
{
    char one[80], other[80];

    if (list->name.n != map->name.n)
        return err_set(j->err, SOHO_BAD,
                       "%s: label2ans has %llu answers, ans2label %llu",
                       j->path, (unsigned long long)list->name.n,
                       (unsigned long long)map->name.n);
    for (u64 i = 0; i < list->name.n; i++) {
        if (strcmp(text_of(list, i), text_of(map, i)) == 0)
            continue;
        shown(one, sizeof one, text_of(list, i));
        shown(other, sizeof other, text_of(map, i));
        return json_bad(j, name_at(list, i)->at,
                        "label %llu is '%s' in label2ans, '%s' in ans2label",
                        (unsigned long long)i, one, other);
    }
    return 0;
}

static int
by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Fails when two of names[0..n) are equal. */
static int
distinct(Json *j, char *const *names, u32 n)
{
    char **sorted = malloc(n * sizeof *sorted + 1);
    char name[80];

    FAIL_IF(!sorted, j->err, SOHO_MEMORY, "%s: no memory for %u answers",
            j->path, n);
    memcpy(sorted, names, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_text);
    for (u32 i = 1; i < n && !j->err->code; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            err_set(j->err, SOHO_BAD, "%s: the answer '%s' is listed twice",
                    j->path, shown(name, sizeof name, sorted[i]));
    free(sorted);
    return j->err->code;
}

int
answers_settle(Json *j, Answers *list, Answers *map, char ***names, u32 *n)
{
    const Answers *a = list->given ? list : map;
    u64 table = a->name.n * sizeof(char *);
    char *text;

    *names = NULL;
    *n = 0;
    if (!a->given)
        return 0;
    TRY(order_labels(j, map));
    if (list->given && map->given)
        TRY(agree(j, list, map));
    *names = malloc(table + a->text.n + 1);
    FAIL_IF(!*names, j->err, SOHO_MEMORY, "%s: no memory for %llu answers",
            j->path, (unsigned long long)a->name.n);
    *n = (u32)a->name.n;
    text = (char *)*names + table;
    if (*n)
        memcpy(text, a->text.at, a->text.n);
    for (u32 i = 0; i < *n; i++)
        (*names)[i] = text + name_at(a, i)->start;
    if (distinct(j, *names, *n)) {
        free(*names);
        *names = NULL;
        *n = 0;
    }
    return j->err->code;
}

/* ---------------------------------------------------- the list on its own */

static int
read_answers(Json *j, char *text, Answers *list, Answers *map)
{
    int more;
    u64 n;

    TRY(json_object(j));
    for (;;) {
        TRY(json_next(j, &more));
        if (!more)
            return json_end(j);
        TRY(json_key_text(j, text, VQA_MAX_TEXT, &n));
        if (json_is(text, n, "label2ans"))
            TRY(answers_list(j, text, list));
        else if (json_is(text, n, "ans2label"))
            TRY(answers_map(j, text, map));
        else
            TRY(json_skip(j));
    }
}

int
vqa_answers(Err *e, const char *path, char ***names, u32 *n)
{
    Answers list, map;
    Stream from;
    Json j;
    char *room = malloc(VQA_MAX_TEXT);

    *names = NULL;
    *n = 0;
    answers_start(&list);
    answers_start(&map);
    if (!room)
        err_set(e, SOHO_MEMORY, "%s: no memory for its text", path);
    if (!stream_open(e, path, VQA_MAX_FILE, &from) &&
        !json_start_stream(&j, e, &from) &&
        !read_answers(&j, room, &list, &map) &&
        !answers_settle(&j, &list, &map, names, n) && !*n)
        err_set(e, SOHO_BAD,
                "%s: neither label2ans nor ans2label names an answer", path);
    stream_close(&from);
    free(room);
    answers_free(&list);
    answers_free(&map);
    return e->code;
}
