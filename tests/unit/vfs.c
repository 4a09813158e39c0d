/* vfs.c - error texts, and files that are whole or not there whatever
 * operation fails. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "runtime/replace.h"
#include "runtime/vfs.h"

static char room[64] = "/tmp/soho-vfs-XXXXXX";

static const char *
in_room(const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", room, name);
    return path;
}

/* ------------------------------------------------------------------ errors */

static int
cleaned(const char *in, size_t n, size_t size, const char *want)
{
    char out[64];

    return !strcmp(err_clean(out, size, in, n), want);
}

static void
errors(void)
{
    Err e = {0};
    char big[2 * ERR_TEXT];

    err_set(&e, SOHO_BAD, "first %d", 1);
    check(err_set(&e, SOHO_IO, "second") == SOHO_BAD &&
              !strcmp(e.text, "first 1"),
          "err/first-cause-wins", e.text);
    check(err_at(&e, "file %d", 7) == SOHO_BAD &&
              !strcmp(e.text, "file 7: first 1"),
          "err/at-prepends", e.text);
    memset(big, 'x', sizeof big);
    big[sizeof big - 1] = 0;
    err_at(&e, "%s", big);
    check(strlen(e.text) == ERR_TEXT - 1, "err/long-text-is-cut", "length");
    check(cleaned("a\033[31m\x7f", 7, 64, "a\\x1b[31m\\x7f"), "err/no-escapes",
          "a control byte got through");
    check(cleaned("\xc3\xa4\xc2\x9b\xff\xc0\xaf", 7, 64,
                  "\xc3\xa4\\xc2\\x9b\\xff\\xc0\\xaf"),
          "err/utf8-only", "C1, stray or overlong bytes got through");
    check(cleaned("abcdefghij", 10, 8, "abcd...") &&
              cleaned("abcdefg", 7, 8, "abcdefg") &&
              cleaned("ab\033defg", 7, 8, "ab..."),
          "err/cut-with-dots", "cut wrongly");
}

/* ----------------------------------------------------------------- reading */

static void
reading(void)
{
    Err e = {0};
    u8 *data = NULL;
    u64 n = 0;
    char path[256];

    strcpy(path, in_room("five"));
    replace_file(&e, path, "12345", 5);
    check(!vfs_read_file(&e, path, 5, &data, &n) && n == 5 &&
              !strcmp((char *)data, "12345"),
          "vfs/read-whole", e.text);
    free(data);
    err_clear(&e);
    check(vfs_read_file(&e, path, 4, &data, &n) == SOHO_BAD &&
              strstr(e.text, path),
          "vfs/limit", e.text);
    err_clear(&e);
    check(vfs_read_file(&e, in_room("none"), 4, &data, &n) == SOHO_IO &&
              strstr(e.text, "No such file"),
          "vfs/missing", e.text);
    err_clear(&e);
    check(vfs_read_file(&e, room, 4, &data, &n) == SOHO_IO,
          "vfs/folder-is-no-file", e.text);
    err_clear(&e);
    mkfifo(in_room("fifo"), 0600);
    check(vfs_read_file(&e, in_room("fifo"), 4, &data, &n) == SOHO_IO &&
              strstr(e.text, "not a regular file"),
          "vfs/fifo-does-not-block", e.text);
    err_clear(&e);
    check(vfs_read_file(&e, "/dev/zero", 4, &data, &n) == SOHO_IO,
          "vfs/device-is-refused", e.text);
    unlink(in_room("fifo"));
}

/* ------------------------------------- the n-th operation that fails */

static const Vfs *real;
static Vfs lame;
static int countdown; /* operations until one fails; below 0: none does */
static int slow;      /* writes take one byte, and every second one EINTR */

static int
trips(void)
{
    if (countdown < 0 || countdown-- > 0)
        return 0;
    errno = ENOSPC;
    return 1;
}

static int
lame_open(const char *path, int flags, int mode)
{
    return trips() ? -1 : real->open(path, flags, mode);
}

static int
lame_close(int fd)
{
    int bad = trips();

    return real->close(fd) || bad ? -1 : 0;
}

static i64
lame_write(int fd, const void *from, u64 n)
{
    static int turn;

    if (slow && (turn ^= 1)) {
        errno = EINTR;
        return -1;
    }
    return trips() ? -1 : real->write(fd, from, slow && n ? 1 : n);
}

static int
lame_fsync(int fd)
{
    return trips() ? -1 : real->fsync(fd);
}

static int
lame_rename(const char *from, const char *to)
{
    return trips() ? -1 : real->rename(from, to);
}

/* Both ways to write a file anew. */
typedef int Writer(Err *e, const char *path);

static int
write_whole(Err *e, const char *path)
{
    return replace_file(e, path, "the new one", 11);
}

static int
write_stream(Err *e, const char *path)
{
    Replace r;
    FILE *out = replace_stream(e, &r, path);

    if (!out)
        return e->code;
    fputs("the new", out);
    fflush(out); /* so that it is written in two pieces */
    fputs(" one", out);
    return replace_close(&r);
}

static void
replacing(Writer *writer, const char *how)
{
    char path[256], name[64];
    int operations = 0, whole = 1, told = 1, tidy = 1;

    real = vfs;
    lame = *real;
    lame.open = lame_open, lame.close = lame_close, lame.write = lame_write;
    lame.fsync = lame_fsync, lame.rename = lame_rename;
    strcpy(path, in_room("state"));
    for (int code = 1; code && operations < 100; operations++) {
        Err e = {0}, other = {0};
        u8 *data = NULL;
        u64 n = 0;

        countdown = -1;
        replace_file(&other, path, "old", 3);
        vfs = &lame;
        countdown = operations;
        code = writer(&e, path);
        vfs = real;
        vfs_read_file(&other, path, 99, &data, &n);
        whole &= data && (!strcmp((char *)data, "the new one") ||
                          (code && !strcmp((char *)data, "old")));
        told &= !code || (code == SOHO_IO && strstr(e.text, room) &&
                          strstr(e.text, "No space"));
        tidy &= access(in_room("state.tmp"), F_OK) != 0;
        free(data);
    }
    snprintf(name, sizeof name, "vfs/%s-every-operation", how);
    check(operations > 6 && operations < 100, name,
          "not every operation was made to fail");
    snprintf(name, sizeof name, "vfs/%s-old-or-new", how);
    check(whole, name, "a torn file");
    snprintf(name, sizeof name, "vfs/%s-tells", how);
    check(told, name, "an error without place or reason");
    snprintf(name, sizeof name, "vfs/%s-leaves-nothing", how);
    check(tidy, name, "state.tmp was left");
}

static void
writing_slowly(void)
{
    Err e = {0};
    u8 *data = NULL;
    u64 n = 0;
    char path[256];

    strcpy(path, in_room("slow"));
    vfs = &lame;
    countdown = -1;
    slow = 1;
    replace_file(&e, path, "byte by byte", 12);
    vfs = real;
    slow = 0;
    check(!vfs_read_file(&e, path, 99, &data, &n) &&
              !strcmp((char *)data, "byte by byte"),
          "vfs/short-writes-and-eintr", e.text);
    free(data);
}

static void
removing(void)
{
    Err e = {0};
    char path[256], inner[300];

    strcpy(path, in_room("box"));
    snprintf(inner, sizeof inner, "%s/a", path);
    vfs->mkdir(path, 0700);
    replace_file(&e, inner, "a", 1);
    snprintf(inner, sizeof inner, "%s/sub", path);
    vfs->mkdir(inner, 0700);
    check(vfs_remove_dir(&e, path) == SOHO_IO && !access(inner, F_OK),
          "vfs/remove-does-not-descend", e.text);
    rmdir(inner);
    err_clear(&e);
    check(!symlink(path, in_room("link")) &&
              vfs_remove_dir(&e, in_room("link")) == SOHO_IO,
          "vfs/remove-follows-no-link", e.text);
    unlink(in_room("link"));
    err_clear(&e);
    check(!vfs_remove_dir(&e, path) && access(path, F_OK), "vfs/remove-folder",
          e.text);
}

int
main(void)
{
    Err e = {0};

    if (!mkdtemp(room)) {
        printf("not ok vfs: no folder %s\n", room);
        return 1;
    }
    errors();
    reading();
    replacing(write_whole, "replace");
    replacing(write_stream, "stream");
    writing_slowly();
    removing();
    check(!vfs_remove_dir(&e, room), "vfs/room-is-empty-again", e.text);
    return failed;
}
