/* manifest.c - manifest.json: counters of a run, files with their digests.
 *
 * In: Progress and files, or the text.  Out: the text, or the same values bit
 * for bit (numbers are printed with 17 digits). */
#include "runtime/manifest.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/data/data.h"
#include "runtime/replace.h"
#include "runtime/vfs.h"

enum { MANIFEST_TEXT = 1 << 13 };

/* --------------------------------------------------------------- writing */

typedef struct Text {
    char at[MANIFEST_TEXT];
    size_t n;
} Text;

static void put(Text *text, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
put(Text *text, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    if (text->n < sizeof text->at)
        text->n += (size_t)vsnprintf(text->at + text->n,
                                     sizeof text->at - text->n, fmt, args);
    va_end(args);
}

int
manifest_write(Err *e, const char *folder, const Progress *progress,
               const ManifestFile *file, u32 n)
{
    Text text = {.n = 0};
    char path[PATH_MAX], hex[DIGEST_HEX];

    FAIL_IF(snprintf(path, sizeof path, "%s/" MANIFEST, folder) >=
                (int)sizeof path,
            e, SOHO_IO, "%.64s...: path too long", folder);
    put(&text, "{\n  \"version\": %d,\n", MANIFEST_VERSION);
    put(&text, "  \"plan\": \"%s\",\n", digest_hex(hex, progress->plan));
    put(&text, "  \"data\": \"%s\",\n", digest_hex(hex, progress->data));
#define X(name, what)                                                          \
    put(&text, "  \"" #name "\": %llu,\n", (unsigned long long)progress->name);
    PROGRESS_COUNTS(X)
#undef X
#define X(name, what) put(&text, "  \"" #name "\": %.17g,\n", progress->name);
    PROGRESS_NUMBERS(X)
#undef X
    put(&text, "  \"meters\": [");
    for (u32 i = 0; i < PROGRESS_METERS; i++)
        put(&text, "%s%.17g", i ? ", " : "", progress->meters[i]);
    put(&text, "],\n  \"files\": [");
    for (u32 i = 0; i < n; i++)
        put(&text,
            "%s\n    {\"name\": \"%s\", \"bytes\": %llu, "
            "\"sha256\": \"%s\"}",
            i ? "," : "", file[i].name, (unsigned long long)file[i].bytes,
            digest_hex(hex, file[i].digest));
    put(&text, "\n  ]\n}\n");
    FAIL_IF(text.n >= sizeof text.at, e, SOHO_BUG, "%s: manifest too long",
            folder);
    return replace_file(e, path, text.at, text.n);
}

/* --------------------------------------------------------------- reading */

/* The fields of the manifest, in the order of the bits of `seen`. */
static const char *const fields[] = {
    "version",
    "plan",
    "data",
#define X(name, what) #name,
    PROGRESS_COUNTS(X) PROGRESS_NUMBERS(X)
#undef X
        "meters",
    "files",
};

/* Takes a string of 64 hexadecimal digits. */
static int
read_digest(Json *j, u8 digest[DIGEST_BYTES])
{
    u64 n, at = j->at;
    char hex[DIGEST_HEX];

    TRY(json_string(j, hex, sizeof hex, &n));
    if (n != DIGEST_HEX - 1 || strspn(hex, "0123456789abcdef") != n)
        return json_bad(j, at, "expected 64 hexadecimal digits");
    for (u32 i = 0; i < DIGEST_BYTES; i++) {
        char two[3] = {hex[2 * i], hex[2 * i + 1], 0};

        digest[i] = (u8)strtoul(two, NULL, 16);
    }
    return 0;
}

/* A name without a slash that is not a folder's. */
static int
read_name(Json *j, char name[MANIFEST_NAME])
{
    u64 n, at = j->at;

    TRY(json_string(j, name, MANIFEST_NAME, &n));
    if (n == 0 || strlen(name) != n || name[0] == '.' || strchr(name, '/'))
        return json_bad(j, at, "expected the name of a file in this folder");
    return 0;
}

/* Takes the value of field `which` of a file's row. */
static int
read_file_field(Json *j, u32 which, ManifestFile *file)
{
    if (which == 0)
        return read_name(j, file->name);
    return which == 1 ? json_u64(j, &file->bytes)
                      : read_digest(j, file->digest);
}

static int
read_file(Json *j, ManifestFile *file)
{
    static const char *const field[] = {"name", "bytes", "sha256"};
    u64 start = j->at;
    u32 seen = 0;
    int more;

    TRY(json_object(j));
    for (;;) {
        char key[16];
        u32 i = 0;
        u64 at;

        TRY(json_next(j, &more));
        if (!more)
            break;
        at = j->at;
        TRY(json_key(j, key, sizeof key));
        while (i < countof(field) && strcmp(key, field[i]))
            i++;
        if (i == countof(field) || seen & 1u << i)
            return json_bad(j, at, "expected name, bytes, sha256, each once");
        seen |= 1u << i;
        TRY(read_file_field(j, i, file));
    }
    if (seen != (1u << countof(field)) - 1)
        return json_bad(j, start, "expected name, bytes, sha256, each once");
    return 0;
}

static int
read_files(Json *j, ManifestFile file[MANIFEST_FILES], u32 *n)
{
    int more;

    *n = 0;
    TRY(json_array(j));
    for (;;) {
        TRY(json_next(j, &more));
        if (!more)
            return 0;
        if (*n == MANIFEST_FILES)
            return json_bad(j, j->at, "expected at most %d files",
                            MANIFEST_FILES);
        TRY(read_file(j, &file[(*n)++]));
    }
}

static int
read_meters(Json *j, f64 meters[PROGRESS_METERS])
{
    int more;

    TRY(json_array(j));
    for (u32 i = 0;; i++) {
        TRY(json_next(j, &more));
        if (more != (i < PROGRESS_METERS))
            return json_bad(j, j->at, "expected %d numbers", PROGRESS_METERS);
        if (!more)
            return 0;
        TRY(json_number(j, &meters[i]));
    }
}

/* Takes the value of one field. */
static int
read_field(Json *j, const char *key, Progress *p,
           ManifestFile file[MANIFEST_FILES], u32 *n)
{
    i64 version;

    if (!strcmp(key, "version"))
        return json_integer(j, MANIFEST_VERSION, MANIFEST_VERSION, &version);
    if (!strcmp(key, "plan"))
        return read_digest(j, p->plan);
    if (!strcmp(key, "data"))
        return read_digest(j, p->data);
#define X(name, what)                                                          \
    if (!strcmp(key, #name))                                                   \
        return json_u64(j, &p->name);
    PROGRESS_COUNTS(X)
#undef X
#define X(name, what)                                                          \
    if (!strcmp(key, #name))                                                   \
        return json_number(j, &p->name);
    PROGRESS_NUMBERS(X)
#undef X
    if (!strcmp(key, "meters"))
        return read_meters(j, p->meters);
    return read_files(j, file, n);
}

/* The text as a whole: each field once, no others. */
static int
read_text(Json *j, Progress *progress, ManifestFile file[MANIFEST_FILES],
          u32 *n)
{
    u32 seen = 0, i;
    int more;

    TRY(json_object(j));
    for (;;) {
        char key[32];
        u64 at;

        TRY(json_next(j, &more));
        if (!more)
            break;
        at = j->at;
        TRY(json_key(j, key, sizeof key));
        for (i = 0; i < countof(fields) && strcmp(key, fields[i]); i++)
            continue;
        if (i == countof(fields) || seen & 1u << i)
            return json_bad(j, at,
                            "expected the fields of version %d, each "
                            "once",
                            MANIFEST_VERSION);
        seen |= 1u << i;
        TRY(read_field(j, key, progress, file, n));
    }
    for (i = 0; i < countof(fields); i++)
        if (!(seen & 1u << i))
            return json_bad(j, j->at, "expected the field \"%s\" too",
                            fields[i]);
    return json_end(j);
}

int
manifest_read(Err *e, const char *folder, Progress *progress,
              ManifestFile file[MANIFEST_FILES], u32 *n)
{
    char path[PATH_MAX];
    Json j;
    u8 *text;
    u64 bytes;

    FAIL_IF(snprintf(path, sizeof path, "%s/" MANIFEST, folder) >=
                (int)sizeof path,
            e, SOHO_IO, "%.64s...: path too long", folder);
    TRY(vfs_read_file(e, path, MANIFEST_TEXT, &text, &bytes));
    json_start(&j, e, path, text, bytes);
    read_text(&j, progress, file, n);
    free(text);
    return e->code;
}
