/* sohoc_util.c - the compiler's memory, strings and files. */
#include <errno.h>
#include <unistd.h>

#include "compiler/sohoc.h"

static int failed;

static void
check(bool good, const char *name, const char *why)
{
    if (good)
        printf("ok util/%s\n", name);
    else
        printf("not ok util/%s: %s\n", name, why);
    failed |= !good;
}

static void
memory(void)
{
    u32 *row = NULL, n = 0, cap = 0;
    bool good = true;

    for (u32 i = 0; i < 100000; i++)
        *PUSH(row, n, cap) = i;
    for (u32 i = 0; i < n; i++)
        good &= row[i] == i;
    check(good && n == 100000, "push-keeps-rows", "a row changed");
    good = true;
    for (u32 i = 1; i < 3000; i += 7) {
        u8 *p = mem_alloc(i * 700);

        good &= (uintptr_t)p % 16 == 0;
        for (u32 k = 0; k < i * 700; k++)
            good &= !p[k];
        memset(p, 255, i * 700);
    }
    check(good, "alloc-is-zero-and-aligned", "not zero, or not aligned to 16");
}

static void
strings(void)
{
    static const char *const words[] = {"stride", "pad", "dilation", "groups"};
    char text[2048];
    bool good = true;

    for (u32 i = 0; i < 5000; i++)
        good &= format("w%u", i) == intern(format("w%u", i));
    good &= intern_n("abcd", 2) == intern("ab") && intern("a") != intern("b");
    check(good, "equal-text-is-equal-pointer", "two pointers for one text");
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    check(strlen(format("%s%d", text, 1)) == sizeof text, "format-any-length",
          "a long text was cut");
    check(glob("*", "") && glob("a.*", "a.b.c") && glob("*.c", "a.b.c") &&
              glob("a*b*c", "aXbYbZc") && glob("?b", "ab") &&
              !glob("?b", "b") && !glob("a.*", "ab") && !glob("", "a") &&
              !glob("a*b", "abc"),
          "glob", "a pattern matches wrongly");
    check(nearest("strid", words, 4) == words[0] &&
              nearest("dilatoin", words, 4) == words[2] &&
              nearest("pad", words, 4) == words[1] &&
              !nearest("kernel", words, 4),
          "nearest", "the wrong word");
}

static void
files(void)
{
    const char *dir = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    const char *top = format("%s/util.%ld", dir, (long)getpid());
    const char *deep = format("%s/a/b", top), *file = format("%s/f", deep);
    u64 n = 0;
    u8 *data;

    check(make_dirs(deep) && make_dirs(deep), "make-dirs", strerror(errno));
    check(file_write(file, "12345", 5) && file_write(file, "123", 3), "write",
          strerror(errno));
    data = file_read(file, 3, &n);
    check(data && n == 3 && !memcmp(data, "123", 4), "read-back",
          "other bytes, or no 0 behind them");
    check(!file_read(file, 2, &n) && errno == EFBIG, "read-has-a-limit",
          "a file over the limit was read");
    check(!file_read(deep, 9, &n) && errno == EISDIR, "read-no-folder",
          "a folder was read");
    check(!make_dirs(format("%s/g", file)) && errno == ENOTDIR,
          "no-folder-in-file", "made a folder inside a file");
    check(!file_write(format("%s/none/f", top), "", 0), "write-needs-folder",
          "wrote into no folder");
    unlink(file);
    check(!rmdir(deep) && !rmdir(format("%s/a", top)) && !rmdir(top),
          "nothing-left-behind", strerror(errno));
}

int
main(void)
{
    memory();
    strings();
    files();
    return failed;
}
