/* sohoc_emit.c - emit and build around the kernels: lines that are put in, what
 * the C compiler says about them, stale files, equal bytes in two folders. */
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compiler/sohoc.h"

static int failed;

static void
check(bool good, const char *name, const char *why)
{
    if (good)
        printf("ok emit/%s\n", name);
    else
        printf("not ok emit/%s: %s\n", name, why);
    failed |= !good;
}

static const char *
folder(const char *name)
{
    const char *tmp = getenv("TMPDIR");

    return format("%s/emit_%s", tmp ? tmp : "/tmp", name);
}

/* Two kernels; the body of the first is `text`, made at line 41 of a model. */
static Prog *
program(const char *out, const char *text)
{
    static const char place[] = "models/a b.lua:41 < models/top.lua:9";
    Prog *p = mem_alloc(sizeof *p);
    Splice *s = mem_alloc(2 * sizeof *s);

    s[0] = (Splice){"args", "float *y = a[2].p;", place};
    s[1] = (Splice){"body", text, place};
    p->opt.out = folder(out);
    p->opt.target = &target_cpu;
    p->opt.cpu = CPU_avx2;
    p->nkernel = 2;
    p->kernel = mem_alloc(2 * sizeof *p->kernel);
    p->kernel[0] = (Kernel){.name = "put_in",
                            .tmpl = "elem",
                            .splice = s,
                            .nsplice = 2,
                            .job = "op \"quoted\" */ end",
                            .place = place};
    p->kernel[1] = (Kernel){.name = "plain", .tmpl = "commit"};
    p->kernel[0].def = mem_alloc(sizeof(Define));
    p->kernel[0].def[0] = (Define){"TILE", "64"};
    p->kernel[0].ndef = 1;
    return p;
}

static void
put_in(void)
{
    static const char want[] = "#line 41 \"models/a b.lua\"\n"
                               "            y[j] = 1;\n"
                               "#line ";
    Prog *p = program("put_in", "y[j] = 1;");
    u64 bytes, again;
    char *text = tmpl_instance(p->opt.target, &p->kernel[0], &bytes);
    char *twice = tmpl_instance(p->opt.target, &p->kernel[0], &again);

    check(strstr(text, want), "line-of-the-model", "no #line before the text");
    check(strstr(text, "#define TILE 64\n") &&
              strstr(text, "\n#undef TILE\n") &&
              strstr(text, "\n#undef NAME\n"),
          "defines-and-undefines", "a macro is missing");
    check(!strstr(text, "#ifndef NAME"), "no-defaults", "defaults are left");
    check(strstr(text, "for op _quoted_ _/ end\n") != NULL, "safe-comment",
          "a job's text reached the comment as it is");
    check(bytes == again && !memcmp(text, twice, bytes), "same-text-twice",
          "the texts differ");
    free(text);
    free(twice);
}

/* Lines of one place in a row share a #line, whoever called for them. */
static void
share_line(void)
{
    static const char want[] = "#line 41 \"lib/a.lua\"\n"
                               "            y[j] = 1;\n"
                               "            y[j] = 2;\n"
                               "#line 7 \"lib/a.lua\"\n"
                               "            y[j] = 3;\n"
                               "#line 41 \"lib/a.lua\"\n"
                               "            y[j] = 4;\n"
                               "#line ";
    Splice s[] = {{"body", "y[j] = 1;", "lib/a.lua:41 < top.lua:9"},
                  {"body", "y[j] = 2;", "lib/a.lua:41 < top.lua:10"},
                  {"body", "y[j] = 3;", "lib/a.lua:7"},
                  {"body", "y[j] = 4;", "lib/a.lua:41"}};
    Kernel k = {.name = "run", .tmpl = "elem", .splice = s, .nsplice = 4};
    u64 bytes;
    char *text = tmpl_instance(&target_cpu, &k, &bytes);

    check(strstr(text, want), "one-line-per-run",
          "the #lines of a slot are not those of its runs");
    free(text);
}

/* Runs emit and build in a child; its exit code and messages. */
static int
run_child(Prog *p, char *said, u64 most)
{
    FILE *log = tmpfile();
    pid_t pid;
    int status;
    size_t n;

    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        dup2(fileno(log), 2);
        pass_emit(p);
        pass_build(p);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    rewind(log);
    n = fread(said, 1, most - 1, log);
    said[n] = 0;
    fclose(log);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
faults(void)
{
    char said[8192];
    const char *path;
    Prog *p = program("fault", "y[j] = nonsense;");
    int code = run_child(p, said, sizeof said);

    check(code == SOHO_BUG && strstr(said, "models/a b.lua:41:") &&
              strstr(said, "nonsense"),
          "error-names-the-model", said);
    p = program("fault", "y[j] = 1;");
    p->kernel[0].splice[1].slot = "nowhere";
    code = run_child(p, said, sizeof said);
    check(code == SOHO_BUG && strstr(said, "no slot nowhere"), "unknown-slot",
          said);
    p = program("fault", "y[j] = 1;");
    p->kernel[1].name = "../up";
    code = run_child(p, said, sizeof said);
    check(code == SOHO_BUG && strstr(said, "kernel name"), "hostile-name",
          said);
    p = program("fault", "y[j] = 1;");
    path = format("%s", getenv("PATH"));
    setenv("PATH", "/nowhere", 1);
    code = run_child(p, said, sizeof said);
    setenv("PATH", path, 1);
    check(code == SOHO_IO && strstr(said, "cannot run cc"), "no-compiler",
          said);
}

static bool
exists(const char *out, const char *name)
{
    struct stat st;

    return stat(format("%s/%s", folder(out), name), &st) == 0;
}

static void
folders(void)
{
    Prog *a = program("one", "y[j] = 1;"),
         *b = program("two/deep", "y[j] = 1;");
    Prog *c = program("one", "y[j] = 1;");
    u64 na = 0, nb = 0;
    u8 *one, *two;

    pass_emit(a);
    pass_build(a);
    setenv("LC_ALL", "de_DE.UTF-8", 1);
    pass_emit(b);
    pass_build(b);
    setenv("LC_ALL", "C", 1);
    one = file_read(format("%s/kernels.so", a->opt.out), 1 << 24, &na);
    two = file_read(format("%s/kernels.so", b->opt.out), 1 << 24, &nb);
    check(one && two && na == nb && !memcmp(one, two, na) &&
              a->blob->bytes == na && !strcmp(a->blob_name[0], "kernels.so") &&
              !memcmp(a->blob->sha256, b->blob->sha256, 32),
          "same-bytes-in-two-folders", "kernels.so differs");
    check(exists("one", "gen/prelude.h") && exists("one", "gen/kernel.h") &&
              exists("one", "gen/plain.c") && !exists("one", "gen/unity0.o") &&
              !strcmp(a->kernel[1].source, "gen/plain.c"),
          "files", "a file is missing or left over");
    c->nkernel = 1;
    file_write(format("%s/gen/own.c", c->opt.out), "int x;\n", 7);
    pass_emit(c);
    check(!exists("one", "gen/plain.c") && exists("one", "gen/own.c") &&
              exists("one", "gen/put_in.c"),
          "stale-files", "not exactly the stale file went");
}

int
main(void)
{
    put_in();
    share_line();
    faults();
    folders();
    return failed;
}
