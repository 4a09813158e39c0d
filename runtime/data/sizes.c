/* sizes.c - the file, height and width that belong to an image_id.
 *
 * In: lists of images in JSON, an archive or folder of pictures.  Out: one row
 * per image_id; of several the first counts. */
#include "runtime/data/sizes.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/data/vqa_own.h"

enum { FILE_NAME = 4096 }; /* bytes, with its 0 */

static int
add_row(Err *e, Sizes *s, u64 id, const char *file, i32 w, i32 h)
{
    SizeRow *row = list_add(e, &s->row, 1);
    const char *copy = pool_text(e, &s->names, file);

    if (!row || !copy)
        return e->code;
    *row = (SizeRow){copy, w, h};
    return ids_add(e, &s->ids, id);
}

/* ------------------------------------------------------- lists of images */

typedef struct ListReader {
    Json j;
    Sizes *to;
    char *room; /* VQA_MAX_TEXT */
} ListReader;

/* One image while it is read. */
typedef struct Shot {
    u64 id;
    i64 w, h;
    int has_id, has_image_id;
    char file[FILE_NAME], url[FILE_NAME];
} Shot;

/* An id that may stand in quotes. */
static int
read_id(ListReader *r, u64 *id)
{
    char *end;
    u64 n, at = json_at(&r->j);

    if (json_peek(&r->j) != JSON_STRING)
        return json_u64(&r->j, id);
    TRY(json_string(&r->j, r->room, VQA_MAX_TEXT, &n));
    errno = 0;
    *id = strtoull(r->room, &end, 10);
    if (*r->room < '0' || *r->room > '9' || *end || errno)
        return json_bad(&r->j, at, "expected a number as id");
    return 0;
}

static int
read_field(ListReader *r, Shot *shot)
{
    u64 n, id;

    TRY(json_key_text(&r->j, r->room, VQA_MAX_TEXT, &n));
    if (json_is(r->room, n, "image_id")) {
        shot->has_image_id = 1;
        return read_id(r, &shot->id);
    }
    if (json_is(r->room, n, "id")) {
        shot->has_id = 1;
        TRY(read_id(r, &id));
        if (!shot->has_image_id)
            shot->id = id;
        return 0;
    }
    if (json_is(r->room, n, "file_name"))
        return json_string(&r->j, shot->file, FILE_NAME, &n);
    if (json_is(r->room, n, "url") && json_peek(&r->j) == JSON_STRING)
        return json_string(&r->j, shot->url, FILE_NAME, &n);
    if (json_is(r->room, n, "height"))
        return json_integer(&r->j, 0, IMAGE_MAX_SIDE, &shot->h);
    if (json_is(r->room, n, "width"))
        return json_integer(&r->j, 0, IMAGE_MAX_SIDE, &shot->w);
    return json_skip(&r->j);
}

/* The last folder and the file of an address: Visual Genome has two folders of
 * pictures. */
static const char *
file_of(const Shot *shot)
{
    const char *s;
    int slashes = 0;

    if (*shot->file)
        return shot->file;
    for (s = shot->url + strlen(shot->url); s > shot->url; s--)
        if (s[-1] == '/' && ++slashes == 2)
            break;
    return s;
}

static int
read_image(ListReader *r, Shot *shot)
{
    u64 at = json_at(&r->j);
    int more;

    *shot = (Shot){.id = 0};
    TRY(json_object(&r->j));
    for (;;) {
        TRY(json_next(&r->j, &more));
        if (!more)
            break;
        TRY(read_field(r, shot));
    }
    if (!shot->has_id && !shot->has_image_id)
        return json_bad(&r->j, at, "no id or image_id here");
    if (!*file_of(shot))
        return json_bad(&r->j, at, "no file_name or url here");
    return add_row(r->j.err, r->to, shot->id, file_of(shot), (i32)shot->w,
                   (i32)shot->h);
}

static int
read_images(ListReader *r)
{
    Shot *shot = malloc(sizeof *shot);
    int more = shot != NULL;

    FAIL_IF(!shot, r->j.err, SOHO_MEMORY, "no memory for a name");
    json_array(&r->j);
    while (!r->j.err->code && !json_next(&r->j, &more) && more)
        read_image(r, shot);
    free(shot);
    return r->j.err->code;
}

/* An array of images, or one under "images" or "data". */
static int
read_list(ListReader *r)
{
    int more, found = 0;
    u64 n, at = json_at(&r->j);

    if (json_peek(&r->j) == JSON_ARRAY) {
        TRY(read_images(r));
        return json_end(&r->j);
    }
    TRY(json_object(&r->j));
    for (;;) {
        TRY(json_next(&r->j, &more));
        if (!more)
            break;
        TRY(json_key_text(&r->j, r->room, VQA_MAX_TEXT, &n));
        if (!json_is(r->room, n, "images") && !json_is(r->room, n, "data")) {
            TRY(json_skip(&r->j));
            continue;
        }
        found = 1;
        TRY(read_images(r));
    }
    if (!found)
        return json_bad(&r->j, at,
                        "no list of images: neither an array nor a "
                        "key images or data");
    return json_end(&r->j);
}

static int
read_file(Err *e, Sizes *s, const char *path)
{
    ListReader r = {.to = s};

    r.room = malloc(VQA_MAX_TEXT);
    if (!r.room)
        err_set(e, SOHO_MEMORY, "%s: no memory for its text", path);
    else if (!json_open(&r.j, e, path))
        read_list(&r);
    json_close(&r.j);
    free(r.room);
    return e->code;
}

/* ---------------------------------------------------------------- pictures */

/* The number at the end of a picture's name: *id of "x_0012.jpg" is 12. */
static int
number_of(const char *name, u64 *id)
{
    const char *slash = strrchr(name, '/');
    const char *dot = strrchr(slash ? slash : name, '.'), *s = dot;
    char *end;

    if (!dot || (strcasecmp(dot, ".jpg") && strcasecmp(dot, ".jpeg") &&
                 strcasecmp(dot, ".png")))
        return 0;
    while (s > name && s[-1] >= '0' && s[-1] <= '9')
        s--;
    errno = 0;
    *id = strtoull(s, &end, 10);
    return end == dot && s < dot && !errno;
}

static int
add_picture(Err *e, Sizes *s, const char *name)
{
    u64 id;

    if (strlen(name) >= FILE_NAME || !number_of(name, &id))
        return 0;
    return add_row(e, s, id, name, 0, 0);
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The files of a folder in the order of their names; `below` is "" or the name
 * of a folder in it with a slash. */
static int
list_folder(Err *e, Sizes *s, const char *below)
{
    List names = {.size = sizeof(const char *)};
    char path[FILE_NAME];
    struct dirent *entry;
    DIR *dir;

    snprintf(path, sizeof path, "%s/%s", s->pictures, below);
    dir = opendir(path);
    FAIL_IF(!dir, e, SOHO_IO, "%s: cannot read folder: %s", path,
            strerror(errno));
    while (!e->code && (entry = readdir(dir))) {
        const char **to;

        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s%s%s", below, entry->d_name,
                 entry->d_type == DT_DIR ? "/" : "");
        to = list_add(e, &names, 1);
        if (to)
            *to = pool_text(e, &s->names, path);
    }
    closedir(dir);
    if (!e->code && names.n)
        qsort(names.at, names.n, names.size, by_name);
    for (u64 i = 0; i < names.n && !e->code; i++) {
        const char *name = ((const char **)(void *)names.at)[i];

        if (name[strlen(name) - 1] != '/')
            add_picture(e, s, name);
        else if (!*below)
            list_folder(e, s, name);
    }
    free(names.at);
    return e->code;
}

static int
list_pictures(Err *e, Sizes *s)
{
    u64 n;

    TRY(zip_open_at(e, s->pictures, &s->zip));
    zip_prefix(s->pictures, s->prefix);
    if (*s->prefix)
        strcat(s->prefix, "/");
    if (!zip_count(s->zip))
        return list_folder(e, s, "");
    n = strlen(s->prefix);
    for (u64 i = 0; i < zip_count(s->zip); i++)
        if (!strncmp(zip_name(s->zip, i), s->prefix, n))
            TRY(add_picture(e, s, zip_name(s->zip, i) + n));
    return 0;
}

int
sizes_open(Err *e, const TextList *files, const char *pictures, Sizes *sizes)
{
    *sizes = (Sizes){.row.size = sizeof(SizeRow), .pictures = pictures};
    sizes->given = files->n || pictures;
    for (u32 i = 0; i < files->n; i++)
        TRY(read_file(e, sizes, files->at[i]));
    if (pictures)
        TRY(list_pictures(e, sizes));
    ids_sort(&sizes->ids);
    return 0;
}

void
sizes_close(Sizes *sizes)
{
    if (sizes->zip)
        zip_close_at(sizes->zip);
    ids_free(&sizes->ids);
    free(sizes->row.at);
    pool_free(&sizes->names);
    buffer_free(&sizes->room);
}

/* ----------------------------------------------------------------- finding */

static int
measure(Err *e, Sizes *s, SizeRow *row)
{
    char member[FILE_NAME + sizeof s->prefix];
    u64 bytes;

    snprintf(member, sizeof member, "%s%s", s->prefix, row->file);
    TRY(zip_read_into(e, s->zip, member, &s->room, &bytes));
    if (image_measure(e, member, s->room.at, bytes, &row->w, &row->h))
        return err_at(e, "%s", s->pictures);
    return 0;
}

int
sizes_find(Err *e, Sizes *s, u64 id, const char *subtype, SizeRow *row)
{
    i64 found = ids_find(&s->ids, id);
    SizeRow *known;
    char file[128]; /* subtype has at most 63 bytes */

    if (!s->given) {
        snprintf(file, sizeof file, "COCO_%s_%012llu.jpg", subtype,
                 (unsigned long long)id);
        *row = (SizeRow){pool_text(e, &s->names, file), 0, 0};
        return e->code;
    }
    FAIL_IF(found < 0, e, SOHO_BAD,
            "image_id %llu is neither in the files of --sizes nor in the "
            "pictures of --images",
            (unsigned long long)id);
    known = (SizeRow *)(void *)s->row.at + found;
    if (s->zip && (!known->w || !known->h))
        TRY(measure(e, s, known));
    *row = *known;
    return 0;
}
