/* answer_list.c - the answers that a data set knows, by label.
 *
 * In: the usual answer (multiple_choice_answer) of each question, or a list
 * that another data set has.  Out: labels of normal forms. */
#include "runtime/data/answer_list.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/data/normalise_answer.h"
#include "runtime/vfs.h"

enum { LINES_MAX = 1 << 26 }; /* bytes of a list with one answer a line */

typedef struct Vote {
    u64 id;     /* question_id */
    u32 number; /* of the text */
} Vote;

int
answer_list_number(Err *e, AnswerList *list, const Annotation *a, Span answer,
                   u32 *number)
{
    Bytes trimmed = {.n = 0}, normal = {.n = 0};

    bytes_reserve(&normal, 1);
    answer_trim((const char *)a->text.data + answer.from, answer.n, &trimmed);
    answer_normalise((const char *)trimmed.data, trimmed.n, &normal);
    if (trimmed.failed || normal.failed)
        err_set(e, SOHO_MEMORY, "no memory for an answer");
    else
        texts_number(e, &list->text, (const char *)normal.data, normal.n,
                     number);
    bytes_free(&trimmed);
    bytes_free(&normal);
    return e->code;
}

int
answer_list_vote(Err *e, AnswerList *list, const Annotation *a)
{
    Vote *vote;
    u32 number;

    TRY(answer_list_number(e, list, a, a->choice, &number));
    list->vote.size = sizeof *vote;
    vote = list_add(e, &list->vote, 1);
    if (!vote)
        return e->code;
    *vote = (Vote){a->id, number};
    return 0;
}

/* --------------------------------------------------------------- choosing */

static int
by_id(const void *a, const void *b)
{
    const Vote *x = a, *y = b;

    return (x->id > y->id) - (x->id < y->id);
}

/* How often each text was voted for.  A question of several files counts once.
 */
static void
count_votes(AnswerList *list, u64 *count)
{
    Vote *vote = (Vote *)(void *)list->vote.at;

    if (list->vote.n)
        qsort(vote, list->vote.n, sizeof *vote, by_id);
    for (u64 i = 0; i < list->vote.n; i++)
        if (!i || vote[i].id != vote[i - 1].id)
            count[vote[i].number]++;
}

typedef struct Ranking {
    const Texts *text;
    const u64 *count;
} Ranking;

static int
by_rank(const void *a, const void *b, void *context)
{
    const Ranking *r = context;
    u32 x = *(const u32 *)a, y = *(const u32 *)b;
    const Text *s = texts_at(r->text, x), *t = texts_at(r->text, y);
    int c;

    if (r->count[x] != r->count[y])
        return r->count[x] > r->count[y] ? -1 : 1;
    c = memcmp(s->at, t->at, (size_t)min_i64((i64)s->n, (i64)t->n));
    return c ? c : (s->n > t->n) - (s->n < t->n);
}

/* Room for labels of all texts that are there now; none has one yet. */
static int
make_room(Err *e, AnswerList *list)
{
    list->count = texts_count(&list->text);
    list->label = malloc(list->count * sizeof *list->label + 1);
    list->order = malloc(list->count * sizeof *list->order + 1);
    FAIL_IF(!list->label || !list->order, e, SOHO_MEMORY,
            "no memory for %u answers", list->count);
    for (u32 i = 0; i < list->count; i++)
        list->label[i] = -1;
    return 0;
}

int
answer_list_choose(Err *e, AnswerList *list, u64 least)
{
    u64 *count = calloc(texts_count(&list->text) + 1ull, sizeof *count);
    Ranking ranking = {&list->text, count};

    FAIL_IF(!count, e, SOHO_MEMORY, "no memory to count answers");
    if (!make_room(e, list)) {
        count_votes(list, count);
        for (u32 i = 0; i < list->count; i++)
            if (count[i] >= least && count[i])
                list->order[list->n++] = i;
        if (!list->n)
            err_set(e, SOHO_BAD,
                    "no answer is the usual one of %llu questions; lower "
                    "--least",
                    (unsigned long long)least);
        qsort_r(list->order, list->n, sizeof *list->order, by_rank, &ranking);
        for (u32 i = 0; i < list->n; i++)
            list->label[list->order[i]] = (i32)i;
    }
    free(count);
    free(list->vote.at);
    list->vote = (List){.n = 0};
    return e->code;
}

/* ---------------------------------------------------------------- reading */

/* Gives the next label to s[0..n). */
static int
add_answer(Err *e, AnswerList *list, List *numbers, const char *path,
           const char *s, u64 n)
{
    u32 number, *to, before = texts_count(&list->text);

    TRY(texts_number(e, &list->text, s, n, &number));
    FAIL_IF(number < before, e, SOHO_BAD,
            "%s: answer %llu is there already as answer %u", path,
            (unsigned long long)numbers->n, number);
    to = list_add(e, numbers, 1);
    if (!to)
        return e->code;
    *to = number;
    return 0;
}

static int
add_lines(Err *e, AnswerList *list, List *numbers, const char *path)
{
    const char *s, *end;
    u64 bytes;
    u8 *text;

    TRY(vfs_read_file(e, path, LINES_MAX, &text, &bytes));
    s = (const char *)text;
    for (const char *stop; !e->code && s < (char *)text + bytes; s = stop + 1) {
        stop = memchr(s, '\n', (size_t)((char *)text + bytes - s));
        if (!stop)
            stop = (char *)text + bytes;
        end = stop > s && stop[-1] == '\r' ? stop - 1 : stop;
        add_answer(e, list, numbers, path, s, (u64)(end - s));
    }
    free(text);
    return e->code;
}

static int
add_names(Err *e, AnswerList *list, List *numbers, const char *path)
{
    char **name;
    u32 n;

    TRY(vqa_answers(e, path, &name, &n));
    for (u32 i = 0; i < n && !e->code; i++)
        add_answer(e, list, numbers, path, name[i], strlen(name[i]));
    free(name);
    return e->code;
}

/* A SOHO file is an object of JSON; no answer begins with a brace. */
static int
is_object(Err *e, const char *path, int *object)
{
    Json j;

    *object = !json_open(&j, e, path) && json_more(&j) &&
              json_peek(&j) == JSON_OBJECT;
    json_close(&j);
    if (e->code == SOHO_BAD) /* no JSON at all */
        err_clear(e);
    return e->code;
}

int
answer_list_read(Err *e, AnswerList *list, const char *path)
{
    List numbers = {.size = sizeof(u32)};
    int object;

    if (!is_object(e, path, &object) &&
        !(object ? add_names : add_lines)(e, list, &numbers, path) &&
        !make_room(e, list)) {
        list->n = (u32)numbers.n;
        for (u32 i = 0; i < list->n; i++) {
            list->order[i] = ((u32 *)(void *)numbers.at)[i];
            list->label[list->order[i]] = (i32)i;
        }
        if (!list->n)
            err_set(e, SOHO_BAD, "%s: no answers", path);
    }
    free(numbers.at);
    return e->code;
}

/* ---------------------------------------------------------------- looking */

i32
answer_list_label(const AnswerList *list, u32 number)
{
    return number < list->count ? list->label[number] : -1;
}

const Text *
answer_list_at(const AnswerList *list, u32 label)
{
    return texts_at(&list->text, list->order[label]);
}

void
answer_list_free(AnswerList *list)
{
    texts_free(&list->text);
    free(list->vote.at);
    free(list->order);
    free(list->label);
    *list = (AnswerList){.n = 0};
}
