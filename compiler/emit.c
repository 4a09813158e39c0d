/* emit.c - kernels become source files.
 *
 * needs PLACE; gives CODE: below the output folder
 *   gen/KERNEL.c            one file per kernel, for the reader
 *   gen/unity0.c, unity1.c  half of the kernels each, for the C compiler
 *   gen/prelude.h, kernel.h what they include
 * or .cu with one unity0.cu on target cuda.
 * Files that an earlier compilation left there are removed. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#include "compiler/sohoc.h"

static const char mark[] = "/* made by sohoc from ";

static void
write_file(const Prog *p, const char *name, const void *text, u64 bytes)
{
    const char *path = format("%s/gen/%s", p->opt.out, name);

    if (!file_write(path, text, bytes))
        die(SOHO_IO, "%s: cannot write: %s", path, strerror(errno));
}

static void
copy_embed(const Prog *p, const char *from, const char *name)
{
    const char *text = tmpl_text(from);

    if (!text)
        bug("%s is not built in", from);
    write_file(p, name, text, strlen(text));
}

/* Kernel names become file names and C identifiers. */
static void
check_name(const Prog *p, u32 kernel)
{
    const char *name = p->kernel[kernel].name;

    for (const char *s = name; *s; s++)
        if (!islower((u8)*s) && *s != '_' && !(isdigit((u8)*s) && s > name))
            bug("kernel name \"%s\" is not [a-z_][a-z0-9_]*", name);
    if (!*name || !strncmp(name, "unity", 5))
        bug("kernel name \"%s\" is reserved", name);
    for (u32 i = 0; i < kernel; i++)
        if (!strcmp(p->kernel[i].name, name))
            bug("two kernels are named %s", name);
}

static void
write_kernel(Prog *p, u32 kernel)
{
    Kernel *k = &p->kernel[kernel];
    u64 bytes;
    char *text = tmpl_instance(p->opt.target, k, &bytes);
    const char *name = format("%s.%s", k->name, p->opt.target->suffix);

    check_name(p, kernel);
    write_file(p, name, text, bytes);
    free(text);
    k->source = (char *)format("gen/%s", name);
}

/* File `part` of `parts`: every parts-th kernel. */
static void
write_unity(const Prog *p, u32 part, u32 parts)
{
    const char *text = format("%sgen/, to be compiled in one go */\n", mark);
    const char *suffix = p->opt.target->suffix;

    if (half_type(p) == DT_f16)
        text = format("%s#define HALF_F16\n", text);

    for (u32 i = part; i < p->nkernel; i += parts)
        text =
            format("%s#include \"%s.%s\"\n", text, p->kernel[i].name, suffix);
    write_file(p, format("unity%u.%s", part, suffix), text, strlen(text));
}

/* Whether `name` in gen/ is ours, but not of this compilation. */
static bool
is_stale(const Prog *p, const char *name)
{
    const char *path = format("%s/gen/%s", p->opt.out, name);
    const char *dot = strrchr(name, '.');
    u64 bytes = 0;
    const u8 *text;

    if (!dot || (strcmp(dot, ".c") && strcmp(dot, ".cu")))
        return false;
    for (u32 i = 0; i < p->nkernel; i++)
        if (intern(name) ==
            format("%s.%s", p->kernel[i].name, p->opt.target->suffix))
            return false;
    text = file_read(path, 1 << 20, &bytes);
    return text && bytes >= strlen(mark) && !memcmp(text, mark, strlen(mark));
}

static void
remove_stale(const Prog *p)
{
    const char *dir = format("%s/gen", p->opt.out);
    DIR *d = opendir(dir);
    struct dirent *e;

    if (!d)
        die(SOHO_IO, "%s: cannot read the folder: %s", dir, strerror(errno));
    while ((e = readdir(d)))
        if (is_stale(p, e->d_name) && unlink(format("%s/%s", dir, e->d_name)))
            die(SOHO_IO, "%s/%s: cannot remove: %s", dir, e->d_name,
                strerror(errno));
    closedir(d);
}

void
pass_emit(Prog *p)
{
    const char *dir = format("%s/gen", p->opt.out ? p->opt.out : "");

    bool cuda = p->opt.target->id == TARGET_cuda;
    u32 parts = cuda ? 1 : UNITY_PARTS;

    if (!p->opt.out || p->opt.target->id == TARGET_null)
        return;
    if (!make_dirs(dir))
        die(SOHO_IO, "%s: cannot make the folder: %s", dir, strerror(errno));
    remove_stale(p);
    copy_embed(p, "include/soho/kernel.h", "kernel.h");
    copy_embed(p, "templates/functions.h", "functions.h");
    copy_embed(p, format("templates/%s/prelude.h", p->opt.target->folder),
               "prelude.h");
    if (cuda) {
        copy_embed(p, "templates/cuda/attention.h", "attention.h");
        copy_embed(p, "templates/cuda/emu.h", "emu.h");
    }
    for (u32 i = 0; i < p->nkernel; i++)
        write_kernel(p, i);
    for (u32 i = 0; i < parts; i++)
        write_unity(p, i, parts);
}
