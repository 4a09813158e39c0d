/* front.c - from MODEL.lua to a program.
 *
 * The model and the files of lib/ beneath its folder are read here, then a
 * child process behind walls (sandbox.c) runs them and writes the program as
 * text into a pipe.  That text is hostile input: it is parsed, and every node
 * is inferred again, as if nobody had done so before.  A file that begins with
 * "soho 1" is such a text itself, for instance a dump. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "compiler/front.h"

enum { WALL_SECONDS = 20, MOST_TEXT = 64 << 20 };

/* ------------------------------------------------------------------ sources */

/* The file's name as places show it: no byte that could mean something. */
static const char *
plain_name(const char *name)
{
    char text[256];
    u64 n = 0;

    for (; *name && n + 1 < sizeof text; name++)
        text[n++] = strchr("./-@_", *name) || name_good(intern_n(name, 1))
                        ? *name
                        : '_';
    text[n] = 0;
    return intern(text);
}

static void
add_source(Source *s, const char *file, const u8 *text, u64 bytes)
{
    if (bytes >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
        text += 3; /* a byte order mark */
        bytes -= 3;
    }
    *s = (Source){file, (const char *)text, bytes};
    diag_source(s->file, s->text, s->bytes);
}

/* Whether it is the one text form instead of Lua. */
static bool
is_text(const char *s, u64 bytes)
{
    return bytes >= 7 && !memcmp(s, "soho 1\n", 7);
}

static void
read_model(const char *path)
{
    const char *slash = strrchr(path, '/');
    u64 bytes;
    u8 *text = file_read(path, MOST_TEXT, &bytes);

    if (!text && errno != EFBIG)
        die(SOHO_IO, "%s: cannot read the model: %s", path, strerror(errno));
    if (!text || (bytes > MOST_SOURCE && !is_text((const char *)text, bytes)))
        die(SOHO_BAD, "%s: a model of at most %d bytes expected", path,
            MOST_SOURCE);
    diag_folder(slash ? intern_n(path, (u64)(slash - path) + 1) : "");
    add_source(&front.model, plain_name(slash ? slash + 1 : path), text, bytes);
}

/* Opens lib/NAME as an ordinary file; a link could lead anywhere. */
static void
read_library(int folder, const char *name)
{
    const char *file = format("lib/%s", name);
    int fd =
        openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    u64 n = 0;
    u8 *text;

    if (fd < 0 || fstat(fd, &st))
        die(SOHO_IO, "%s: cannot read the file: %s", file,
            errno == ELOOP ? "a link; put the file itself there"
                           : strerror(errno));
    if (!S_ISREG(st.st_mode) || st.st_size > MOST_SOURCE)
        die(SOHO_BAD, "%s: a file of at most %d bytes expected", file,
            MOST_SOURCE);
    text = mem_alloc((u64)st.st_size + 1);
    while (n < (u64)st.st_size) {
        ssize_t got = read(fd, text + n, (u64)st.st_size - n);

        if (got <= 0)
            die(SOHO_IO, "%s: cannot read the file: %s", file,
                got ? strerror(errno) : "it became shorter");
        n += (u64)got;
    }
    close(fd);
    add_source(&front.library[front.nlibrary++], file, text, n);
}

static bool
library_name(const char *name)
{
    u64 n = strlen(name);

    return n > 4 && !strcmp(name + n - 4, ".lua") && name_good(name);
}

/* All lib/NAME.lua beneath the model's folder, in the order of their names. */
static void
read_libraries(const char *model)
{
    const char *slash = strrchr(model, '/');
    const char *folder =
        format("%slib", slash ? intern_n(model, (u64)(slash - model) + 1) : "");
    const char *name[MOST_LIBRARIES];
    DIR *d = opendir(folder);
    struct dirent *e;
    u32 n = 0;

    if (!d && errno == ENOENT)
        return;
    if (!d)
        die(SOHO_IO, "%s: cannot read the folder: %s", folder, strerror(errno));
    while ((e = readdir(d))) {
        if (!library_name(e->d_name))
            continue;
        if (n == MOST_LIBRARIES)
            die(SOHO_BAD, "%s: at most %d files expected", folder,
                MOST_LIBRARIES);
        name[n++] = intern(e->d_name);
    }
    qsort(name, n, sizeof *name, lua_by_name);
    for (u32 i = 0; i < n; i++)
        read_library(dirfd(d), name[i]);
    closedir(d);
}

/* -------------------------------------------------------------------- child */

static void
send(int pipe, const char *text, u64 bytes)
{
    while (bytes) {
        ssize_t n = write(pipe, text, bytes);

        if (n < 0 && errno != EINTR)
            die(SOHO_IO, "the model's process cannot send its program: %s",
                strerror(errno));
        if (n > 0) {
            text += n;
            bytes -= (u64)n;
        }
    }
}

static _Noreturn void
child(Prog *p, int pipe)
{
    char *text = NULL;
    size_t bytes;
    FILE *f;

    sandbox_enter(pipe);
    front.p = p;
    lua_run();
    if (diag_count())
        _exit(SOHO_BAD);
    p->nanswer = 0; /* the parent has them */
    p->vocab_bytes = 0;
    f = open_memstream(&text, &bytes);
    if (!f)
        die(SOHO_MEMORY, "out of memory: the program's text");
    print_prog(p, f);
    if (fclose(f))
        die(SOHO_MEMORY, "out of memory: the program's text");
    send(pipe, text, bytes);
    _exit(0);
}

/* ------------------------------------------------------------------- parent */

static i64
milliseconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Why the child is not waited for any longer, or NULL: it has closed. */
static const char *
receive(int pipe, char **text, u64 *bytes)
{
    i64 end = milliseconds() + WALL_SECONDS * 1000;
    u64 cap = 0;

    for (*bytes = 0;;) {
        struct pollfd poll_one = {.fd = pipe, .events = POLLIN};
        i64 left = end - milliseconds();
        ssize_t n;

        if (*bytes == cap) {
            cap = cap ? 2 * cap : 1 << 20;
            *text = cap <= MOST_TEXT ? realloc(*text, cap) : NULL;
            if (!*text)
                return "its program is larger than 64 MiB of text";
        }
        if (left <= 0)
            return format("it took more than %d seconds", WALL_SECONDS);
        if (poll(&poll_one, 1, (int)left) <= 0)
            continue;
        n = read(pipe, *text + *bytes, cap - *bytes);
        if (n == 0)
            return NULL;
        if (n > 0)
            *bytes += (u64)n;
        else if (errno != EINTR)
            return strerror(errno);
    }
}

/* What a child that did not exit by itself ran into. */
static const char *
signal_text(int number)
{
    return number == SIGXCPU ? "it needed more than 5 seconds of processor time"
           : number == SIGKILL ? "it was killed; is there memory left?"
           : number == SIGSYS  ? "it tried a forbidden system call"
                               : format("it died of signal %d", number);
}

/* Runs the model in a child and returns the text it hands over. */
static char *
run_child(Prog *p, u64 *bytes)
{
    char *text = NULL;
    const char *why;
    int ends[2], status = 0;
    pid_t pid;

    fflush(stdout);
    fflush(stderr);
    if (pipe2(ends, O_CLOEXEC) || (pid = fork()) < 0)
        die(SOHO_IO, "cannot start the model's process: %s", strerror(errno));
    if (pid == 0) {
        close(ends[0]);
        child(p, ends[1]);
    }
    close(ends[1]);
    why = receive(ends[0], &text, bytes);
    close(ends[0]);
    if (why)
        kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (!why && WIFSIGNALED(status))
        why = signal_text(WTERMSIG(status));
    if (why)
        die(SOHO_BAD, "%s: the model was stopped: %s", p->opt.model, why);
    if (WEXITSTATUS(status))
        exit(WEXITSTATUS(status)); /* it has said why */
    return text;
}

/* Infers every node as if nobody had, and compares with what the text says. */
static void
check_nodes(const Prog *p, Func *f)
{
    for (u32 k = 0; k < f->nnode; k++) {
        Node *n = &f->node[k];
        Type said[MAX_OUT];

        memcpy(said, n->out, sizeof said);
        if (!infer_node(f, k))
            exit(SOHO_BAD);
        for (u32 o = 0; o < n->nout; o++)
            if (!type_same(&said[o], &n->out[o]))
                die(SOHO_BAD, "%s: %%%u of %s is %s, the text says %s",
                    p->opt.model, k, f->name, type_text(&n->out[o]),
                    type_text(&said[o]));
    }
}

static void
check_loss(const Prog *p, const Func *f)
{
    Type t;

    if (f->kind != PH_train)
        return;
    if (f->loss == VAL_NONE)
        die(SOHO_BAD, "%s: phase %s has no loss", p->opt.model, f->name);
    t = type_of(f, f->loss);
    if (t.dtype != DT_f32 || type_count(&t) != 1)
        die(SOHO_BAD, "%s: the loss of %s must be one number, not %s",
            p->opt.model, f->name, type_text(&t));
}

/* A model describes parameters, states and phases; only passes make more. */
static void
check_model(const Prog *p)
{
    for (u32 i = 0; i < p->ntensor; i++)
        if (p->tensor[i].role != RO_param && p->tensor[i].role != RO_state)
            die(SOHO_BAD, "%s: %s is neither param nor state", p->opt.model,
                p->tensor[i].name);
    for (u32 i = 0; i < p->nfunc; i++) {
        const Func *f = &p->func[i];

        if (f->kind != PH_train && f->kind != PH_eval && f->kind != PH_infer)
            die(SOHO_BAD, "%s: phase %s is not a model's", p->opt.model,
                f->name);
        check_loss(p, f);
        for (u32 k = 0; k < f->nnode; k++)
            if (!strcmp(optab[f->node[k].op].family_name, "optim"))
                die(SOHO_BAD, "%s: %%%u of %s is an optimiser's step",
                    p->opt.model, k, f->name);
    }
}

static void
read_text(Prog *p, const char *text, u64 bytes)
{
    Prog names = *p;

    p->nanswer = 0;
    p->vocab_bytes = 0;
    p->vocab = NULL;
    if (!parse_prog(p, front.model.file, text, bytes))
        exit(SOHO_BAD);
    if (!p->nanswer) {
        p->answer = names.answer;
        p->nanswer = names.nanswer;
    }
    if (!p->vocab_bytes) {
        p->vocab = names.vocab;
        p->vocab_bytes = names.vocab_bytes;
    }
    for (u32 i = 0; i < p->nfunc; i++)
        check_nodes(p, &p->func[i]);
}

void
front_read(Prog *p)
{
    u64 bytes;
    char *text;

    read_model(p->opt.model);
    if (is_text(front.model.text, front.model.bytes)) {
        read_text(p, front.model.text, front.model.bytes);
        keep_values(p);
        return;
    }
    read_libraries(p->opt.model);
    names_read(p);
    text = run_child(p, &bytes);
    read_text(p, text, bytes);
    check_model(p);
    keep_values(p);
    free(text);
    meta_set(p, "model", front.model.file);
}
