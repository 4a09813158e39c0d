/* image_measure.c - the size from a picture's head is the size that decoding it
 * gives: pictures in every EXIF orientation, and those from elsewhere. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/data/data.h"
#include "runtime/vfs.h"

static int failed;

static void
check(int good, const char *name, const char *why)
{
    if (good)
        printf("ok image-measure/%s\n", name);
    else
        printf("not ok image-measure/%s: %s\n", name, why);
    failed |= !good;
}

/* Nothing but heads: what a size is read from. */
static void
heads(void)
{
    static const u8 png[] =
        "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\x02\0\0\0\x03";
    static const u8 jpeg[] = "\xff\xd8\xff\xe0\0\x04zz\xff\xff\xc2\0\x0b\x08"
                             "\0\x05\x01\x09\x01\x01\x11\0";
    u8 copy[sizeof png];
    Err e = {0};
    i32 w, h;

    check(!image_measure(&e, "f", png, sizeof png - 1, &w, &h) && w == 258 &&
              h == 3,
          "png", e.text);
    check(!image_measure(&e, "f", jpeg, sizeof jpeg - 1, &w, &h) && w == 265 &&
              h == 5,
          "jpeg", e.text);
    for (u64 n = 0, wrong = 0; n < sizeof jpeg; n++) {
        u8 *cut = malloc(n + 1); /* ends where a sanitizer sees it */

        e = (Err){0};
        memcpy(cut, jpeg, n);
        wrong += image_measure(&e, "f", cut, n, &w, &h) != SOHO_BAD &&
                 n < sizeof jpeg - 1;
        free(cut);
        if (n + 1 == sizeof jpeg)
            check(!wrong, "cut", "a cut head has a size");
    }
    memcpy(copy, png, sizeof png);
    memset(copy + 16, 0, 4);
    e = (Err){0};
    check(image_measure(&e, "f", copy, sizeof png - 1, &w, &h) == SOHO_BAD,
          "empty", "a picture without columns");
}

/* Every photograph that decodes has the size of its head. */
static void
photographs(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    u32 same = 0, other = 0;
    char path[PATH_MAX + 256], why[ERR_TEXT + 300] = "";

    if (!dir) {
        printf("skip image-measure/%s: no such folder\n", folder);
        return;
    }
    while ((entry = readdir(dir))) {
        Image image = {0};
        Err e = {0};
        u64 bytes;
        u8 *data;
        i32 w, h;

        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (vfs_read_file(&e, path, 1 << 28, &data, &bytes))
            continue;
        if (!image_decode(&e, path, data, bytes, &image)) {
            if (!image_measure(&e, path, data, bytes, &w, &h) && w == image.w &&
                h == image.h) {
                same++;
            } else {
                other++;
                snprintf(why, sizeof why, "%s %s", entry->d_name, e.text);
            }
        }
        image_free(&image);
        free(data);
    }
    closedir(dir);
    check(same > 0 && !other, strrchr(folder, '/') + 1, why);
}

int
main(void)
{
    static const char *const folder[] = {"photos", "bad/jpeg", "bad/png"};
    const char *data = getenv("SOHO_TESTDATA");
    char path[PATH_MAX];

    heads();
    for (u32 i = 0; i < countof(folder); i++) {
        snprintf(path, sizeof path, "%s/%s", data ? data : "../shared/data",
                 folder[i]);
        photographs(path);
    }
    return failed;
}
