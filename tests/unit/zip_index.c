/* zip_index.c - index files over archives and folders made here: what is found
 * through them, and every rule that one can break. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_PART "zip_index/"
#include "check.h"
#include "runtime/data/data.h"
#include "runtime/data/pack.h"
#include "runtime/data/zip_index.h"
#include "runtime/replace.h"
#include "runtime/vfs.h"

static char room[64] = "/tmp/soho-index-XXXXXX";

static const char *
in_room(const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", room, name);
    return path;
}

/* Ends the test where it cannot be made. */
static void
made(const Err *e)
{
    if (!e->code)
        return;
    printf("not ok zip_index/make: %s\n", e->text);
    exit(1);
}

static void
make_zip(const char *name, const char *member, const char *text)
{
    PackZip zip;
    Err e = {0};

    if (!pack_open(&e, &zip, in_room(name))) {
        pack_member(&zip, member, text, strlen(text), 0);
        pack_close(&zip);
    }
    made(&e);
}

static void
make_file(const char *name, const char *text, u64 n)
{
    Err e = {0};

    replace_file(&e, in_room(name), text, n);
    made(&e);
}

static void
make_room(void)
{
    Err e = {0};

    pack_folder(&e, in_room("coco"));
    pack_folder(&e, in_room("loose"));
    made(&e);
    make_zip("coco/train2014.zip", "train2014/a.jpg", "in coco");
    make_zip("VG_images.zip", "b.jpg", "in genome");
    make_file("loose/c.jpg", "by itself", 9);
    make_file("loose/a.jpg", "another a", 9);
}

/* Whether a picture reads as `text`; else 0 and *e says why. */
static int
reads(Err *e, Zip *zip, const char *file, const char *text)
{
    u8 *data = NULL;
    u64 n;
    int same;

    err_clear(e);
    if (zip_read(e, zip, file, &data, &n))
        return 0;
    same = n == strlen(text) && !memcmp(data, text, n);
    free(data);
    return same;
}

static void
finds(void)
{
    static const char text[] = "{\"c.jpg\": \"loose\", \"a.jpg\": "
                               "\"coco/train2014/\",\n\"b.jpg\": "
                               "\"VG_images.zip\", \"d.jpg\": \"loose\"}";
    Err e = {0};
    Zip *zip = NULL;
    u8 *data = NULL;
    u64 n;

    make_file("x.json", text, strlen(text));
    zip_open_at(&e, in_room("x.json"), &zip);
    made(&e);
    check(zip_count(zip) == 4 && !strcmp(zip_name(zip, 0), "a.jpg") &&
              !strcmp(zip_name(zip, 3), "d.jpg") && !zip_name(zip, 4),
          "names", "a, b, c, d expected");
    check(reads(&e, zip, "a.jpg", "in coco"), "folder-in-the-archive", e.text);
    check(reads(&e, zip, "b.jpg", "in genome"), "images-rule", e.text);
    check(reads(&e, zip, "c.jpg", "by itself"), "folder", e.text);
    check(!reads(&e, zip, "d.jpg", "") && e.code == SOHO_IO &&
              strstr(e.text, "/loose/d.jpg"),
          "not-in-the-folder", e.text);
    check(!reads(&e, zip, "e.jpg", "") && e.code == SOHO_IO &&
              strstr(e.text, "x.json: does not say where e.jpg is"),
          "not-in-the-index", e.text);
    err_clear(&e);
    check(!zip_read_index(&e, zip, 1, &data, &n) && n == 9, "by-number",
          e.text);
    free(data);
    check(zip_largest(zip) == 0, "largest", "a folder does not tell");
    zip_close_at(zip);
}

/* Whether such an index is refused with these words. */
static void
refuses(const char *name, const char *text, u64 n, int code, const char *words)
{
    Err e = {0};
    Zip *zip = NULL;

    make_file("x.json", text, n);
    check(zip_open_at(&e, in_room("x.json"), &zip) == code &&
              strstr(e.text, "x.json") && strstr(e.text, words),
          name, e.text);
    if (!e.code)
        zip_close_at(zip);
}

static void
rules(void)
{
    static const struct {
        const char *name, *text;
        const char *words;
    } bad[] = {
        {"up", "{\"a\":\"../loose\"}", ":1: byte 5: expected a folder"},
        {"up-inside", "{\"a\":\"coco/../loose\"}", "expected a folder"},
        {"absolute", "{\"a\":\n\"/etc\"}", ":2: byte 6: expected a folder"},
        {"backslash", "{\"a\":\"coco\\\\b\"}", "expected a folder"},
        {"empty-folder", "{\"a\":\"\"}", "expected a folder"},
        {"nul", "{\"a\":\"loose\\u0000\"}", "expected a folder"},
        {"nul-in-name", "{\"a\\u0000\":\"loose\"}", "NUL"},
        {"itself", "{\"a\":\"x.json\"}", "expected a folder"},
        {"twice", "{\"a\":\"loose\",\"b\":\"loose\",\"a\":\"loose\"}",
         "byte 25: a name that stands twice"},
        {"number", "{\"a\":7}", "expected a string, got 7"},
        {"list", "[\"a\"]", "expected an object"},
        {"nothing", "{}", "says of no picture"},
        {"cut", "{\"a\":\"loose\"", "byte 12"},
        {"more", "{\"a\":\"loose\"} 1", "byte 14"},
    };

    for (u32 i = 0; i < sizeof bad / sizeof *bad; i++)
        refuses(bad[i].name, bad[i].text, strlen(bad[i].text), SOHO_BAD,
                bad[i].words);
}

/* One folder more than can be open at a time; the names differ by "/.". */
static void
too_many(void)
{
    Bytes text = {.n = 0};

    for (u32 i = 0; i <= ZIP_INDEX_PARTS; i++) {
        bytes_print(&text, "%s\"%u\":\"loose", i ? "," : "{", i);
        for (u32 k = 0; k < i; k++)
            bytes_add(&text, "/.", 2);
        bytes_add(&text, "\"", 1);
    }
    bytes_add(&text, "}", 1);
    refuses("too-many", (const char *)text.data, text.n, SOHO_BAD,
            "more than 256 archives and folders");
    bytes_free(&text);
}

/* Archives that are missing or none. */
static void
parts(void)
{
    static const char none[] = "{\"a\":\"nowhere\"}", bad[] = "{\"a\":\"no\"}";
    Err e = {0};
    Zip *zip = NULL;

    make_file("x.json", none, strlen(none));
    check(zip_open_at(&e, in_room("x.json"), &zip) == SOHO_IO &&
              strstr(e.text, "/nowhere"),
          "no-archive", e.text);
    err_clear(&e);
    make_file("no.zip", "PK", 2);
    make_file("x.json", bad, strlen(bad));
    check(zip_open_at(&e, in_room("x.json"), &zip) == SOHO_BAD &&
              strstr(e.text, "/no.zip"),
          "bad-archive", e.text);
}

int
main(void)
{
    Err e = {0};

    if (!mkdtemp(room)) {
        printf("not ok zip_index: no folder %s\n", room);
        return 1;
    }
    make_room();
    finds();
    rules();
    too_many();
    parts();
    vfs_remove_dir(&e, in_room("coco"));
    vfs_remove_dir(&e, in_room("loose"));
    vfs_remove_dir(&e, room);
    return failed;
}
