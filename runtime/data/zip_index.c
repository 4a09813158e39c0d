/* zip_index.c - a file that says which archive or folder holds a picture.
 *
 * In: {"FILE": "FOLDER", ...}, which the official code calls index_file; each
 * FOLDER is relative to the folder of the index.  Out: for a file its open
 * archive, and its name in it. */
#include "runtime/data/zip_index.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/data/vqa_own.h"

typedef struct Part {
    const char *folder; /* as the index says it */
    char prefix[ZIP_PREFIX];
    Zip *zip;
} Part;

typedef struct Row {
    const char *file;
    u64 at; /* byte of the index where it stands */
    u32 part;
} Row;

struct ZipIndex {
    char path[PATH_MAX];
    List part, row; /* Part, Row by file */
    Pool names;
};

static Part *
part_at(const ZipIndex *index, u64 i)
{
    return (Part *)(void *)index->part.at + i;
}

static const Row *
row_at(const ZipIndex *index, u64 i)
{
    return (const Row *)(void *)index->row.at + i;
}

int
zip_index_is(const char *path)
{
    u64 n = strlen(path);

    return n > 5 && !strcmp(path + n - 5, ".json");
}

/* ----------------------------------------------------------------- reading */

/* FOLDER is an archive beside the index, or else a folder. */
static int
open_part(Err *e, const ZipIndex *index, Part *part)
{
    const char *slash = strrchr(index->path, '/');
    int room = slash ? (int)(slash + 1 - index->path) : 0, n;
    char path[PATH_MAX];

    n = snprintf(path, sizeof path, "%.*s%s.zip", room, index->path,
                 part->folder);
    FAIL_IF(n >= (int)sizeof path, e, SOHO_BAD,
            "%s: the path of a folder is too long", index->path);
    if (access(path, F_OK))
        path[n - 4] = 0;
    zip_prefix(path, part->prefix);
    return zip_open_at(e, path, &part->zip);
}

/* The number of the part with that name, which is opened where it is new. */
static int
find_part(ZipIndex *index, Json *j, u64 at, const char *folder, u32 *number)
{
    u64 n = index->part.n;
    Part *part;

    for (*number = 0; *number < n; ++*number)
        if (!strcmp(part_at(index, *number)->folder, folder))
            return 0;
    if (n == ZIP_INDEX_PARTS)
        return json_bad(j, at, "more than %d archives and folders",
                        ZIP_INDEX_PARTS);
    part = list_add(j->err, &index->part, 1);
    if (!part)
        return j->err->code;
    *part = (Part){.folder = pool_text(j->err, &index->names, folder)};
    TRY(j->err->code);
    return open_part(j->err, index, part);
}

/* A folder below that of the index; a slash at its end is left out. */
static int
read_folder(Json *j, char folder[PICTURE_FILE])
{
    u64 n, at = json_at(j);

    TRY(json_string(j, folder, PICTURE_FILE, &n));
    if (n > 1 && folder[n - 1] == '/')
        folder[--n] = 0;
    if (strlen(folder) != n || !zip_name_is_plain(folder) ||
        zip_index_is(folder))
        return json_bad(j, at,
                        "expected a folder or archive beside this file, "
                        "relative and without \"..\"");
    return 0;
}

static int
read_row(ZipIndex *index, Json *j)
{
    char text[PICTURE_FILE];
    u64 at = json_at(j), n;
    u32 part;
    Row *row;
    const char *file;

    TRY(json_key_text(j, text, sizeof text, &n));
    if (strlen(text) != n)
        return json_bad(j, at, "a name with a NUL inside");
    file = pool_text(j->err, &index->names, text);
    if (!file)
        return j->err->code;
    TRY(read_folder(j, text));
    TRY(find_part(index, j, at, text, &part));
    row = list_add(j->err, &index->row, 1);
    if (!row)
        return j->err->code;
    *row = (Row){file, at, part};
    return 0;
}

static int
by_file(const void *a, const void *b)
{
    const Row *x = a, *y = b;
    int c = strcmp(x->file, y->file);

    return c ? c : (x->at > y->at) - (x->at < y->at);
}

static int
read_rows(ZipIndex *index, Json *j)
{
    int more;

    TRY(json_object(j));
    for (;;) {
        TRY(json_next(j, &more));
        if (!more)
            break;
        TRY(read_row(index, j));
    }
    TRY(json_end(j));
    FAIL_IF(!index->row.n, j->err, SOHO_BAD,
            "%s: says of no picture where "
            "it is",
            index->path);
    qsort(index->row.at, index->row.n, index->row.size, by_file);
    for (u64 i = 1; i < index->row.n; i++)
        FAIL_IF(!strcmp(row_at(index, i)->file, row_at(index, i - 1)->file),
                j->err, SOHO_BAD, "%s: byte %llu: a name that stands twice",
                index->path, (unsigned long long)row_at(index, i)->at);
    return 0;
}

static int
read_file(Err *e, const char *path, ZipIndex *index)
{
    Json j;

    if (!json_open(&j, e, path))
        read_rows(index, &j);
    json_close(&j);
    return e->code;
}

int
zip_index_open(Err *e, const char *path, ZipIndex **to)
{
    ZipIndex *index = calloc(1, sizeof *index);

    FAIL_IF(!index, e, SOHO_MEMORY, "%s: no memory to open it", path);
    index->part.size = sizeof(Part);
    index->row.size = sizeof(Row);
    if (snprintf(index->path, sizeof index->path, "%s", path) >=
        (int)sizeof index->path)
        err_set(e, SOHO_IO, "%.64s...: path too long", path);
    else
        read_file(e, path, index);
    if (e->code) {
        zip_index_close(index);
        return e->code;
    }
    *to = index;
    return 0;
}

void
zip_index_close(ZipIndex *index)
{
    if (!index)
        return;
    for (u64 i = 0; i < index->part.n; i++)
        zip_close_at(part_at(index, i)->zip);
    free(index->part.at);
    free(index->row.at);
    pool_free(&index->names);
    free(index);
}

/* ----------------------------------------------------------------- finding */

int
zip_index_find(Err *e, const ZipIndex *index, const char *file, Zip **zip,
               char *member, u64 size)
{
    u64 low = 0, high = index->row.n;
    const Part *part;
    char clean[256];

    while (low < high) {
        u64 middle = low + (high - low) / 2;

        if (strcmp(row_at(index, middle)->file, file) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    err_clean(clean, sizeof clean, file, strlen(file));
    FAIL_IF(low == index->row.n || strcmp(row_at(index, low)->file, file), e,
            SOHO_IO, "%s: does not say where %s is", index->path, clean);
    part = part_at(index, row_at(index, low)->part);
    FAIL_IF(snprintf(member, size, "%s%s%s", part->prefix,
                     *part->prefix ? "/" : "", file) >= (int)size,
            e, SOHO_BAD, "%s: the name %s is too long", index->path, clean);
    *zip = part->zip;
    return 0;
}

u64
zip_index_count(const ZipIndex *index)
{
    return index->row.n;
}

const char *
zip_index_name(const ZipIndex *index, u64 i)
{
    return i < index->row.n ? row_at(index, i)->file : NULL;
}

u64
zip_index_largest(const ZipIndex *index)
{
    u64 most = 0;

    for (u64 i = 0; i < index->part.n; i++) {
        u64 bytes = zip_largest(part_at(index, i)->zip);

        if (!bytes)
            return 0;
        most = bytes > most ? bytes : most;
    }
    return most;
}
