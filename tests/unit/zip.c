/* zip.c - archives made here by libzip, whole and damaged, and folders. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include "check.h"
#include "runtime/data/data.h"
#include "runtime/replace.h"
#include "runtime/vfs.h"

enum { LONG = 20000 };

static char room[64] = "/tmp/soho-zip-XXXXXX";
static char archive[128];
static char text[LONG + 1]; /* compresses a little */

static const char *
in_room(const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", room, name);
    return path;
}

static i64
add(zip_t *z, const char *name, const char *data, u64 n, i32 method)
{
    zip_source_t *from = zip_source_buffer(z, data, n, 0);
    i64 i = zip_file_add(z, name, from, ZIP_FL_ENC_UTF_8);

    if (i < 0 || zip_set_file_compression(z, (u64)i, method, 0))
        printf("not ok zip/make: %s\n", zip_strerror(z));
    return i;
}

static void
put_file(const char *path, const u8 *data, u64 n)
{
    Err e = {0};

    if (replace_file(&e, path, data, n))
        printf("not ok zip/make: %s\n", e.text);
}

/* libzip makes no archive with one name twice. */
static void
rename_twin(void)
{
    Err e = {0};
    u8 *data = NULL;
    u64 n = 0;

    vfs_read_file(&e, archive, 1 << 20, &data, &n);
    for (u64 i = 0; i + 5 <= n; i++)
        if (!memcmp(data + i, "twin2", 5))
            data[i + 4] = '1';
    put_file(archive, data, n);
    free(data);
}

/* Later damage relies on the first member being stored. */
static void
make_archive(void)
{
    int reason;
    zip_t *z;

    for (u32 i = 0, x = 1; i < LONG; i++) {
        x = x * 1664525u + 1013904223u;
        text[i] = (char)('a' + (x >> 28));
    }
    snprintf(archive, sizeof archive, "%s/made.zip", room);
    z = zip_open(archive, ZIP_CREATE | ZIP_TRUNCATE, &reason);
    add(z, "val/stored", text, LONG, ZIP_CM_STORE);
    add(z, "val/deflated", text, LONG, ZIP_CM_DEFLATE);
    add(z, "val/empty", "", 0, ZIP_CM_STORE);
    add(z, "val/s\xc3\xbc\xc3\x9f.jpg", "sweet", 5, ZIP_CM_STORE);
    add(z, "../outside", "evil", 4, ZIP_CM_STORE);
    zip_file_set_encryption(z, (u64)add(z, "secret", "s", 1, ZIP_CM_STORE),
                            ZIP_EM_AES_128, "password");
    add(z, "bzipped", text, LONG, ZIP_CM_BZIP2);
    add(z, "twin1", "first", 5, ZIP_CM_STORE);
    add(z, "twin2", "second", 6, ZIP_CM_STORE);
    if (zip_close(z))
        printf("not ok zip/make: %s\n", zip_strerror(z));
    rename_twin();
}

/* Whether a member reads as data[0..n); else 0 and *e says why. */
static int
reads(Err *e, Zip *zip, const char *member, const char *data, u64 n)
{
    u8 *got = NULL;
    u64 bytes = 0;
    int same;

    err_clear(e);
    if (zip_read(e, zip, member, &got, &bytes))
        return 0;
    same = bytes == n && !memcmp(got, data, n) && got[n] == 0;
    free(got);
    return same;
}

/* Whether reading fails with this code, naming the member and `because`. */
static int
fails(Err *e, Zip *zip, const char *member, int code, const char *because)
{
    return !reads(e, zip, member, "", 0) && e->code == code &&
           strstr(e->text, member) && strstr(e->text, because);
}

static void
whole(void)
{
    Err e = {0};
    Zip *zip = NULL;
    u8 *data = NULL;
    u64 n = 0;

    check(!zip_open_at(&e, archive, &zip), "zip/open", e.text);
    check(zip_count(zip) == 9 && !strcmp(zip_name(zip, 2), "val/empty") &&
              !zip_name(zip, 9),
          "zip/names", "not the names that were packed");
    check(reads(&e, zip, "val/stored", text, LONG), "zip/stored", e.text);
    check(reads(&e, zip, "val/deflated", text, LONG), "zip/deflated", e.text);
    check(reads(&e, zip, "val/empty", "", 0), "zip/empty-member", e.text);
    check(reads(&e, zip, "val/s\xc3\xbc\xc3\x9f.jpg", "sweet", 5),
          "zip/utf8-name", e.text);
    check(fails(&e, zip, "val/none", SOHO_IO, "no member"), "zip/missing",
          e.text);
    check(fails(&e, zip, "secret", SOHO_BAD, "encrypted"), "zip/encrypted",
          e.text);
    check(fails(&e, zip, "bzipped", SOHO_BAD, "only members that are stored"),
          "zip/other-methods", e.text);
    check(reads(&e, zip, "twin1", "first", 5), "zip/first-of-twins", e.text);
    err_clear(&e);
    check(!zip_read_index(&e, zip, 8, &data, &n) && n == 6,
          "zip/second-of-twins-by-index", e.text);
    free(data);
    check(fails(&e, zip, "../outside", SOHO_BAD, "refused") &&
              fails(&e, zip, "/val/stored", SOHO_BAD, "refused") &&
              fails(&e, zip, "val/../val/stored", SOHO_BAD, "refused") &&
              fails(&e, zip, "..", SOHO_BAD, "refused"),
          "zip/names-refused", e.text);
    check(!reads(&e, zip, "val\\stored", "", 0) && e.code == SOHO_BAD &&
              !reads(&e, zip, "", "", 0) && e.code == SOHO_BAD,
          "zip/backslash-and-empty-refused", e.text);
    err_clear(&e);
    check(!zip_read_index(&e, zip, 4, &data, &n) && n == 4,
          "zip/any-name-by-index", e.text);
    free(data);
    check(zip_read_index(&e, zip, 9, &data, &n) == SOHO_BAD,
          "zip/index-out-of-range", e.text);
    zip_close_at(zip);
}

/* ------------------------------------------------------------------ damage */

static void
damaged(void)
{
    Err e = {0};
    Zip *zip = NULL;
    u8 *data = NULL;
    u64 n = 0;
    char path[256];

    strcpy(path, in_room("damaged.zip"));
    vfs_read_file(&e, archive, 1 << 20, &data, &n);
    data[100] ^= 1; /* in the first member's data */
    put_file(path, data, n);
    check(!zip_open_at(&e, path, &zip) &&
              fails(&e, zip, "val/stored", SOHO_BAD, "CRC"),
          "zip/wrong-crc", e.text);
    check(reads(&e, zip, "val/deflated", text, LONG), "zip/others-are-good",
          e.text);
    zip_close_at(zip);
    free(data);
}

/* Reads all that opens; whatever is read must carry the right CRC, so the
 * two long members are compared where they are found. */
static int
survives(const char *path)
{
    Err e = {0};
    Zip *zip = NULL;
    int good = 1;

    if (zip_open_at(&e, path, &zip))
        return e.code == SOHO_BAD && strstr(e.text, path);
    for (u64 i = 0; i < zip_count(zip); i++) {
        u8 *data = NULL;
        u64 n = 0;

        err_clear(&e);
        if (zip_read_index(&e, zip, i, &data, &n))
            good &= (e.code == SOHO_BAD || e.code == SOHO_MEMORY) &&
                    strstr(e.text, path);
        else if (n == LONG)
            good &= !memcmp(data, text, LONG);
        free(data);
    }
    zip_close_at(zip);
    return good;
}

static void
cut_and_flipped(void)
{
    Err e = {0};
    u8 *data = NULL;
    u64 n = 0, tail = 700; /* the directory, and more */
    char path[256];
    int good = 1;

    strcpy(path, in_room("bent.zip"));
    vfs_read_file(&e, archive, 1 << 20, &data, &n);
    for (u64 size = 0; size < n; size += size < n - tail ? 997 : 7) {
        FILE *f = fopen(path, "wb");

        fwrite(data, 1, size, f);
        fclose(f);
        good &= survives(path);
    }
    check(good, "zip/cut", "an archive cut short");
    good = 1;
    for (u64 at = n - tail; at < n; at++) {
        FILE *f = fopen(path, "wb");

        data[at] ^= (u8)(1 << at % 8);
        fwrite(data, 1, n, f);
        data[at] ^= (u8)(1 << at % 8);
        fclose(f);
        good &= survives(path);
    }
    check(good, "zip/flipped-bits", "an archive with a flipped bit");
    free(data);
}

/* ----------------------------------------------------------------- threads */

static void *
read_often(void *user)
{
    static const char *const name[] = {"val/stored", "val/deflated"};
    Err e = {0};
    u64 bad = 0;

    for (int i = 0; i < 50; i++)
        bad += !reads(&e, user, name[i % 2], text, LONG);
    return (void *)bad;
}

static void
threads(void)
{
    pthread_t thread[4];
    Err e = {0};
    Zip *zip = NULL;
    u64 bad = 0;

    zip_open_at(&e, archive, &zip);
    for (int i = 0; i < 4; i++)
        pthread_create(&thread[i], NULL, read_often, zip);
    for (int i = 0; i < 4; i++) {
        void *result;

        pthread_join(thread[i], &result);
        bad += (u64)result;
    }
    check(!bad, "zip/four-threads", "a thread read something else");
    zip_close_at(zip);
}

/* ----------------------------------------------------------------- folders */

static void
folder(void)
{
    Err e = {0};
    Zip *zip = NULL;
    char path[256];

    strcpy(path, in_room("pictures"));
    vfs->mkdir(path, 0700);
    put_file(in_room("pictures/a.jpg"), (const u8 *)"abc", 3);
    put_file(in_room("outside"), (const u8 *)"secret", 6);
    mkfifo(in_room("pictures/fifo"), 0600);
    check(!symlink("a.jpg", in_room("pictures/in")) &&
              !symlink("../outside", in_room("pictures/out")) &&
              !zip_open_at(&e, path, &zip) && zip_count(zip) == 0,
          "zip/open-folder", e.text);
    check(reads(&e, zip, "a.jpg", "abc", 3) && reads(&e, zip, "in", "abc", 3),
          "zip/folder-member", e.text);
    check(fails(&e, zip, "out", SOHO_BAD, "out of the folder"),
          "zip/folder-link-out", e.text);
    check(fails(&e, zip, "../outside", SOHO_BAD, "refused") &&
              fails(&e, zip, "/etc/passwd", SOHO_BAD, "refused"),
          "zip/folder-names-refused", e.text);
    check(fails(&e, zip, "fifo", SOHO_IO, "not a regular file"),
          "zip/folder-fifo", e.text);
    check(fails(&e, zip, "none", SOHO_IO, "No such file"), "zip/folder-missing",
          e.text);
    zip_close_at(zip);
    err_clear(&e);
    check(zip_open_at(&e, "/dev/zero", &zip) == SOHO_IO, "zip/device", e.text);
    err_clear(&e);
    check(zip_open_at(&e, in_room("none.zip"), &zip) == SOHO_IO,
          "zip/no-archive", e.text);
    err_clear(&e);
    check(zip_open_at(&e, in_room("outside"), &zip) == SOHO_BAD, "zip/no-zip",
          e.text);
    err_clear(&e);
    vfs_remove_dir(&e, path);
}

int
main(void)
{
    Err e = {0};

    if (!mkdtemp(room)) {
        printf("not ok zip: no folder %s\n", room);
        return 1;
    }
    make_archive();
    whole();
    damaged();
    cut_and_flipped();
    threads();
    folder();
    vfs_remove_dir(&e, room);
    return failed;
}
