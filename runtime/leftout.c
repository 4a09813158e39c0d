/* leftout.c - the pictures that a run could not read, as a file of its
 * checkpoints.
 *
 * In: the loader's marks.  Out: [3,17], and back. */
#include "runtime/leftout.h"

#include <stdlib.h>

#include "runtime/data/pack.h"
#include "runtime/replace.h"
#include "runtime/vfs.h"

enum { LEFTOUT_TEXT = 1 << 28 };

int
leftout_save(Err *e, const Feed *feed, const char *path)
{
    Bytes text = {.n = 0};
    u32 n = 0;

    bytes_add(&text, "[", 1);
    for (u32 p = 0; p < feed_pictures(feed); p++)
        if (feed_is_bad(feed, p))
            bytes_print(&text, n++ ? ",%u" : "%u", p);
    bytes_add(&text, "]\n", 2);
    if (text.failed)
        err_set(e, SOHO_MEMORY, "%s: no memory for its text", path);
    else
        replace_file(e, path, text.data, text.n);
    bytes_free(&text);
    return e->code;
}

static int
read_numbers(Json *j, Feed *feed)
{
    int more;
    i64 p;

    TRY(json_array(j));
    for (;;) {
        TRY(json_next(j, &more));
        if (!more)
            return json_end(j);
        TRY(json_integer(j, 0, (i64)feed_pictures(feed) - 1, &p));
        feed_set_bad(feed, (u32)p);
    }
}

int
leftout_load(Err *e, Feed *feed, const char *path)
{
    u8 *text;
    u64 bytes;
    Json j;

    TRY(vfs_read_file(e, path, LEFTOUT_TEXT, &text, &bytes));
    json_start(&j, e, path, text, bytes);
    read_numbers(&j, feed);
    free(text);
    return e->code;
}
