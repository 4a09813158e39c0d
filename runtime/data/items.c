/* items.c - where the items of an annotation file stand in its text.
 *
 * In: a file that has been read as a data set, so that only what is looked for
 * here is checked.  Out: places, file names and sentences. */
#include "runtime/data/items.h"

#include <stdlib.h>

#include "runtime/data/vqa_own.h"
#include "runtime/vfs.h"

typedef struct Reader {
    Json j;
    char *room;   /* VQA_MAX_TEXT */
    int captions; /* a file of captions, not of questions */
    Items *to;
} Reader;

static int
read_file(Reader *r, Item *item)
{
    char file[ITEM_FILE];
    u64 n;

    TRY(json_string(&r->j, file, sizeof file, &n));
    item->file = pool_text(r->j.err, &r->to->names, file);
    return r->j.err->code;
}

static int
read_sentence(Reader *r)
{
    u64 n;

    TRY(json_string(&r->j, r->room, VQA_MAX_TEXT, &n));
    bytes_add(&r->to->sentences, r->room, n);
    bytes_add(&r->to->sentences, "\n", 1);
    return 0;
}

/* One sentence or a list of them. */
static int
read_sentences(Reader *r)
{
    int more;

    if (json_peek(&r->j) == JSON_STRING)
        return read_sentence(r);
    TRY(json_array(&r->j));
    for (;;) {
        TRY(json_next(&r->j, &more));
        if (!more)
            return 0;
        TRY(read_sentence(r));
    }
}

static int read_questions(Reader *r);

/* Reads an item, or with item == NULL a question inside one. */
static int
read_fields(Reader *r, Item *item)
{
    int more;
    u64 n;

    TRY(json_object(&r->j));
    for (;;) {
        TRY(json_next(&r->j, &more));
        if (!more)
            return 0;
        TRY(json_key_text(&r->j, r->room, VQA_MAX_TEXT, &n));
        if (json_is(r->room, n, r->captions ? "captions" : "question"))
            TRY(read_sentences(r));
        else if (item && json_is(r->room, n, "file_name"))
            TRY(read_file(r, item));
        else if (item && json_is(r->room, n, "vqa"))
            TRY(read_questions(r));
        else
            TRY(json_skip(&r->j));
    }
}

static int
read_questions(Reader *r)
{
    int more;

    TRY(json_array(&r->j));
    for (;;) {
        TRY(json_next(&r->j, &more));
        if (!more)
            return 0;
        TRY(read_fields(r, NULL));
    }
}

static int
read_items(Reader *r)
{
    int more;

    TRY(json_array(&r->j));
    for (r->to->head = r->j.at;;) {
        Item *item;

        TRY(json_next(&r->j, &more));
        if (!more)
            break;
        item = list_add(r->j.err, &r->to->list, 1);
        if (!item)
            return r->j.err->code;
        *item = (Item){.start = json_at(&r->j), .words = r->to->sentences.n};
        TRY(read_fields(r, item));
        if (!item->file)
            return json_bad(&r->j, item->start, "no file_name here");
        item->end = r->j.at;
        item->nwords = r->to->sentences.n - item->words;
    }
    r->to->tail = r->j.at - 1;
    return 0;
}

static int
read_top(Reader *r)
{
    int more;
    u64 n;

    r->captions = json_peek(&r->j) == JSON_ARRAY;
    if (r->captions) {
        TRY(read_items(r));
        return json_end(&r->j);
    }
    TRY(json_object(&r->j));
    for (;;) {
        TRY(json_next(&r->j, &more));
        if (!more)
            return json_end(&r->j);
        TRY(json_key_text(&r->j, r->room, VQA_MAX_TEXT, &n));
        if (json_is(r->room, n, "data"))
            TRY(read_items(r));
        else
            TRY(json_skip(&r->j));
    }
}

int
items_open(Err *e, const char *path, Items *items)
{
    Reader r = {.to = items};

    *items = (Items){.list.size = sizeof(Item)};
    TRY(vfs_read_file(e, path, ITEMS_MAX_FILE, &items->json, &items->bytes));
    json_start(&r.j, e, path, items->json, items->bytes);
    r.room = malloc(VQA_MAX_TEXT);
    if (r.room)
        read_top(&r);
    if (!r.room || items->sentences.failed)
        err_set(e, SOHO_MEMORY, "%s: no memory for its text", path);
    free(r.room);
    return e->code;
}

void
items_close(Items *items)
{
    free(items->json);
    free(items->list.at);
    bytes_free(&items->sentences);
    pool_free(&items->names);
}
