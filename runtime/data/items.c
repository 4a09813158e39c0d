/* items.c - where the items of an annotation file stand in its text.
 *
 * In: a file that has been read as a data set, so that only what is looked for
 * here is checked.  Out: places, file names and sentences. */
#include "runtime/data/items.h"

#include <fcntl.h>
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

    *items = (Items){.path = path, .list.size = sizeof(Item)};
    items->fd = vfs->open(path, O_RDONLY, 0);
    if (items->fd < 0)
        return vfs_fail(e, "open", path);
    r.room = malloc(VQA_MAX_TEXT);
    if (!r.room)
        err_set(e, SOHO_MEMORY, "%s: no memory for its text", path);
    else if (!json_open(&r.j, e, path))
        read_top(&r);
    items->bytes = r.j.bytes;
    json_close(&r.j);
    free(r.room);
    FAIL_IF(items->sentences.failed, e, SOHO_MEMORY,
            "%s: no memory for its sentences", path);
    return e->code;
}

void
items_close(Items *items)
{
    if (items->fd >= 0)
        vfs->close(items->fd);
    free(items->list.at);
    bytes_free(&items->sentences);
    pool_free(&items->names);
}

int
items_copy(const Items *items, u64 start, u64 end, Replace *to)
{
    u8 room[1 << 14];

    while (start < end) {
        u64 n = end - start < sizeof room ? end - start : sizeof room;

        TRY(vfs_read_at(to->e, items->fd, items->path, room, n, start));
        TRY(replace_put(to, room, n));
        start += n;
    }
    return 0;
}
