/* pack.c - zips that are larger than a plain one can say: with more members,
 * and with members behind the first 4 GiB; libzip reads both. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHECK_PART "pack/"
#include "check.h"
#include "runtime/data/data.h"
#include "runtime/data/pack.h"

enum { MEMBERS = 66000 };

static char path[] = "/tmp/soho-pack-XXXXXX";

/* Whether member i is called `name` and holds `text`. */
static int
holds(Err *e, Zip *zip, u64 i, const char *name, const char *text)
{
    u8 *data = NULL;
    u64 n = 0;
    int good = i < zip_count(zip) && !strcmp(zip_name(zip, i), name) &&
               !zip_read_index(e, zip, i, &data, &n) && n == strlen(text) &&
               !memcmp(data, text, n);

    free(data);
    return good;
}

static void
many(u32 members, const char *name)
{
    PackZip zip;
    Zip *back = NULL;
    Err e = {0};
    char file[32], last[32] = "";
    int good;

    if (!pack_open(&e, &zip, path)) {
        for (u32 i = 0; i < members && !e.code; i++) {
            snprintf(file, sizeof file, "f/%u", i);
            snprintf(last, sizeof last, "text %u", i);
            pack_member(&zip, file, last, strlen(last), 0);
        }
        pack_close(&zip);
    }
    good = !e.code && !zip_open_at(&e, path, &back);
    check(good && zip_count(back) == members &&
              holds(&e, back, 0, "f/0", "text 0") &&
              holds(&e, back, members - 1, file, last),
          name, e.text);
    zip_close_at(back);
}

/* A member in front of a hole of 5 GiB, which takes no room on the disk, two
 * behind it. */
static void
far(void)
{
    const u64 hole = (u64)5 << 30;
    PackZip zip;
    Zip *back = NULL;
    Err e = {0};

    if (!pack_open(&e, &zip, path)) {
        pack_member(&zip, "near", "first", 5, 0);
        if (lseek(zip.file.fd, (off_t)hole, SEEK_CUR) < 0)
            check(0, "hole", "cannot make it");
        zip.at += hole;
        pack_member(&zip, "far", "second", 6, 0);
        pack_member(&zip, "aligned", "third", 5, 64);
        check((zip.at - 5) % 64 == 0, "aligned", "data at another place");
        pack_close(&zip);
    }
    if (!e.code)
        zip_open_at(&e, path, &back);
    check(back && zip_count(back) == 3 && holds(&e, back, 0, "near", "first") &&
              holds(&e, back, 1, "far", "second") &&
              holds(&e, back, 2, "aligned", "third"),
          "beyond-4-gib", e.text);
    zip_close_at(back);
}

/* The one error that is not the file's ends the file, too. */
static void
gives_up(void)
{
    PackZip zip;
    Err e = {0};
    char fresh[64];

    unlink(path);
    if (!pack_open(&e, &zip, path)) {
        pack_member(&zip, "a", "first", 5, 0);
        err_set(&e, SOHO_BAD, "enough");
        pack_close(&zip);
    }
    snprintf(fresh, sizeof fresh, "%s.tmp", path);
    check(e.code == SOHO_BAD && access(path, F_OK) && access(fresh, F_OK),
          "leaves-nothing", e.text);
}

int
main(void)
{
    int fd = mkstemp(path);

    if (fd < 0) {
        printf("not ok pack: no file %s\n", path);
        return 1;
    }
    close(fd);
    many(3, "few");
    many(65534, "most-of-a-plain-one");
    many(65535, "one-more");
    many(MEMBERS, "many");
    far();
    gives_up();
    remove(path);
    return failed;
}
