/* apart.c - a PyTorch file is read behind walls, in a process of its own.
 *
 * In: an open file from anybody.  Out: rows that lie inside the file.
 *
 * The reader builds nothing but numbers and names.  Were it wrong, a hostile
 * file would still have got no further than a process that can compute, read
 * this one file and write to a pipe.  What comes out of the pipe is hostile
 * input once more: a PthAnswer, the rows, their names one after the other. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/torch/pth_own.h"
#include "runtime/torch/torch.h"
#include "soho/seccomp.h"

/* --------------------------------------------------------------- the child */

int
pth_walls(int fd, int pipe)
{
    struct rlimit none = {0, 0};

    setrlimit(RLIMIT_CORE, &none); /* of this program's memory */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#ifdef SECCOMP_ARCH
    struct sock_filter rule[] = {RULES_BEGIN,
                                 RULES_COMPUTE,
                                 ALLOW(sysinfo), /* for qsort */
                                 RULES_FILES(write, pipe, pipe),
                                 RULES_FILES(pread64, fd, fd),
                                 RULES_MPROTECT,
                                 RULES_MMAP};
    struct sock_fprog program = {countof(rule), rule};

    return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
           !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
#else
    (void)fd;
    (void)pipe;
    return 0;
#endif
}

static void
tell(int pipe, const void *from, u64 n)
{
    const u8 *at = from;

    while (n) {
        ssize_t done = write(pipe, at, n);

        if (done < 0)
            _exit(1);
        at += done;
        n -= (u64)done;
    }
}

static _Noreturn void
read_apart(Tensors *t, int pipe)
{
    PthAnswer a;

    memset(&a, 0, sizeof a);
    a.walls = pth_walls(t->fd, pipe);
    if (!pth_read(&a.e, t)) {
        a.n = t->n;
        a.names = (u32)t->used;
        memcpy(a.note, t->note, sizeof a.note);
    }
    tell(pipe, &a, sizeof a);
    tell(pipe, t->row, a.n * sizeof *t->row);
    tell(pipe, t->names, a.names);
    _exit(0);
}

/* -------------------------------------------------------------- the parent */

/* 0 where the pipe ends before n bytes. */
static int
hear(int pipe, void *to, u64 n)
{
    u8 *at = to;

    while (n) {
        ssize_t got = read(pipe, at, n);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return 0;
        at += got;
        n -= (u64)got;
    }
    return 1;
}

/* The child's words, fit for a terminal. */
static void
clean(char *text, size_t size)
{
    char out[ERR_TEXT];

    text[size - 1] = 0;
    err_clean(out, size < sizeof out ? size : sizeof out, text, strlen(text));
    memcpy(text, out, strlen(out) + 1);
}

/* Does the row hold what a file of these many bytes can? */
static int
row_good(const TensorRow *row, u64 bytes)
{
    u64 size = tensors_dtype_bytes(row->dtype), all, range;
    i64 last;

    for (u32 i = 0; i < row->rank; i++)
        if (row->dim[i] < 0 || row->stride[i] < 0)
            return 0;
    all = tensors_shape_bytes(row);
    last = all && all != UINT64_MAX ? pth_last_element(row) : 0;
    if (all != row->bytes || all == UINT64_MAX || last < 0)
        return 0;
    range = row->span ? row->span : all;
    if (row->span && (!all || row->span / size <= (u64)last))
        return 0;
    return range <= bytes && row->offset <= bytes - range;
}

/* Gives the rows their names, which follow each other. */
static int
check_rows(Tensors *t)
{
    char *name = t->names, *end = t->names + t->used;
    u64 total = 0;

    for (u32 i = 0; i < t->n; i++) {
        TensorRow *row = &t->row[i];
        char *stop = memchr(name, 0, (u64)(end - name));

        if (!stop || stop == name || stop - name > PTH_NAME ||
            !pth_name_good(name, (u64)(stop - name)) ||
            row->dtype >= TD_COUNT || row->rank > TENSOR_RANK ||
            !row_good(row, t->bytes) || row->bytes > UINT64_MAX - total)
            return 0;
        total += row->bytes;
        row->name = name;
        name = stop + 1;
    }
    return name == end && total <= 4 * t->bytes + (1 << 20);
}

/* Rows and names as they come; 0: not what a reader would say. */
static int
hear_rows(Err *e, Tensors *t, const PthAnswer *a, int pipe)
{
    if (a->names > PICKLE_BYTES || a->n > a->names / 2)
        return 0;
    t->row = malloc(a->n * sizeof *t->row + 1);
    t->names = malloc(a->names + 1u);
    if (!t->row || !t->names) {
        err_set(e, SOHO_MEMORY, "%s: no memory for %u tensors", t->path, a->n);
        return 1;
    }
    t->n = t->room = a->n;
    t->used = a->names;
    return hear(pipe, t->row, a->n * sizeof *t->row) &&
           hear(pipe, t->names, a->names) && check_rows(t);
}

/* Whatever a file holds, its reader should have had an answer. */
static int
ended(Err *e, const Tensors *t, int status)
{
    if (WIFSIGNALED(status))
        return err_set(e, SOHO_BUG,
                       "%s: what reads it was ended by signal %d%s; nothing "
                       "else came to harm, do not trust the file",
                       t->path, WTERMSIG(status),
                       WTERMSIG(status) == SIGSYS
                           ? ", for a system call it has no need of"
                           : "");
    return err_set(e, SOHO_BUG,
                   "%s: what reads it gave no sound answer; do not trust the "
                   "file",
                   t->path);
}

static int
listen_to(Err *e, Tensors *t, int pipe, pid_t child)
{
    PthAnswer a;
    int sound = hear(pipe, &a, sizeof a), status = 0;

    if (sound && a.e.code) {
        sound = a.e.code == SOHO_BAD || a.e.code == SOHO_IO ||
                a.e.code == SOHO_MEMORY;
        clean(a.e.text, sizeof a.e.text);
        if (sound)
            err_set(e, a.e.code, "%s", a.e.text);
    } else if (sound) {
        clean(a.note, sizeof a.note);
        memcpy(t->note, a.note, sizeof t->note);
        sound = hear_rows(e, t, &a, pipe);
    }
    close(pipe); /* a child that still writes ends here */
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (!sound)
        return ended(e, t, status);
    if (!a.walls && !e->code)
        snprintf(t->note + strlen(t->note), sizeof t->note - strlen(t->note),
                 "%sread without walls: this kernel has no seccomp filter",
                 *t->note ? "; " : "");
    return e->code;
}

int
torch_read(Err *e, Tensors *t)
{
    sigset_t all, before;
    pid_t child;
    int ends[2];

    FAIL_IF(pipe2(ends, O_CLOEXEC), e, SOHO_IO, "%s: no pipe to its reader: %s",
            t->path, strerror(errno));
    /* No handler of this program runs in the child. */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    child = fork();
    if (!child) {
        close(ends[0]);
        read_apart(t, ends[1]);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return err_set(e, SOHO_MEMORY, "%s: no process to read it in: %s",
                       t->path, strerror(errno));
    }
    return listen_to(e, t, ends[0], child);
}
