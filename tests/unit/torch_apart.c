/* torch_apart.c - the process that reads PyTorch's files: its walls end it at
 * the first call that reading has no need of, and what it says is not believed
 * where it cannot be.
 *
 * The process is taken over as a hostile file might: it calls vfs->pread, which
 * is the test's. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "runtime/torch/pth_own.h"
#include "torchcheck.h"

#ifdef __SANITIZE_ADDRESS__
enum { SANITIZED = 1 }; /* refused calls fail; nothing ends */
#else
enum { SANITIZED = 0 };
#endif

/* ------------------------------------------------------------------- walls */

enum Deed {
    D_READ, /* what is allowed comes first */
    D_WRITE,
    D_MEMORY,
    D_SORT,
    D_OPEN,
    D_EXEC,
    D_FORK,
    D_SOCKET,
    D_KILL,
    D_UNLINK,
    D_READ_OTHER,
    D_WRITE_OTHER,
    D_MAP_FILE,
    D_MAP_CODE,
    D_MAKE_CODE,
    DEEDS
};
static const char *const deed_name[DEEDS] = {
    "read the file", "write to the pipe", "ask for memory",
    "sort",          "open a file",       "start a program",
    "fork",          "open a connection", "kill the parent",
    "remove a file", "read another file", "write to stderr",
    "map the file",  "map code",          "make memory code",
};

static int
by_byte(const void *a, const void *b)
{
    return *(const char *)a - *(const char *)b;
}

/* 1: it was done. */
static int
done(int deed, int fd, int pipe)
{
    static char page[8192] __attribute__((aligned(4096)));
    char *const argv[] = {NULL};
    char byte = 0;
    char *p;

    switch (deed) {
    case D_READ:
        return pread(fd, &byte, 1, 0) == 1;
    case D_WRITE:
        return write(pipe, &byte, 1) == 1;
    case D_MEMORY:
        p = malloc(64 << 20);
        memset(p, 1, 64 << 20);
        p = realloc(p, 200 << 20);
        free(p);
        return p != NULL;
    case D_SORT: /* the C library asks how much memory there is */
        qsort(page, sizeof page / 16, 16, by_byte);
        return 1;
    case D_OPEN:
        return open("/dev/null", O_RDONLY) >= 0;
    case D_EXEC:
        execve("/bin/true", argv, argv); /* which ends well */
        return 0;
    case D_FORK:
        return fork() >= 0;
    case D_SOCKET:
        return socket(AF_INET, SOCK_STREAM, 0) >= 0;
    case D_KILL:
        return !kill(getppid(), 0);
    case D_UNLINK:
        return !unlink(in_room("precious"));
    case D_READ_OTHER:
        return pread(fd + 20, &byte, 1, 0) == 1;
    case D_WRITE_OTHER:
        return write(2, &byte, 0) == 0;
    case D_MAP_FILE:
        return mmap(NULL, 1, PROT_READ, MAP_PRIVATE, fd, 0) != MAP_FAILED;
    case D_MAP_CODE:
        return mmap(NULL, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
                    -1, 0) != MAP_FAILED;
    default:
        return !mprotect(page, 4096, PROT_READ | PROT_EXEC);
    }
}

static void
walls(void)
{
    int fd = open(in_room("precious"), O_RDWR | O_CREAT, 0600), ends[2];

    if (fd < 0 || write(fd, "x", 1) != 1 || dup2(fd, fd + 20) < 0 || pipe(ends))
        exit(1);
    for (int deed = 0; deed < DEEDS; deed++) {
        char why[80];
        int status = 0, good;
        pid_t child;

        fflush(stdout);
        child = fork();
        if (!child) {
            if (!pth_walls(fd, ends[1]))
                _exit(2);
            _exit(!done(deed, fd, ends[1]));
        }
        waitpid(child, &status, 0);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 2) {
            printf("skip walls: this kernel has no seccomp filter\n");
            return;
        }
        good = deed <= D_SORT ? status == 0
               : SANITIZED    ? status != 0
                           : WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
        snprintf(why, sizeof why, "ended with status %#x", status);
        check(good, deed_name[deed], why);
    }
    check(!access(in_room("precious"), F_OK), "nothing was removed", "it was");
    close(fd);
    close(fd + 20);
    close(ends[0]);
    close(ends[1]);
}

/* -------------------------------------------------------------------- lies */

/* What the process taken over says: a whole answer about two tensors, changed
 * in one place. */
static struct Speech {
    PthAnswer a;
    TensorRow row[2];
    char names[16];
    u64 bytes; /* of it that are said */
    int deed;  /* or what it does instead, -1: nothing */
} speech;
static int pipe_fd, calls;
static const Vfs *real;
static Vfs table;

static void
utter(const void *from, u64 n)
{
    n = (u64)min_i64((i64)n, (i64)speech.bytes);
    speech.bytes -= n;
    if (n && write(pipe_fd, from, n) != (ssize_t)n)
        _exit(1);
}

static i64
take_over(int fd, void *to, u64 n, u64 offset)
{
    if (!calls++) /* the parent looks at the file's head */
        return real->pread(fd, to, n, offset);
    if (speech.deed >= 0)
        done(speech.deed, fd, pipe_fd);
    utter(&speech.a, sizeof speech.a);
    utter(speech.row, (speech.a.n < 2 ? speech.a.n : 2) * sizeof *speech.row);
    utter(speech.names, speech.a.names < 16 ? speech.a.names : 16);
    _exit(0);
}

static void
prepare(void)
{
    speech = (struct Speech){
        .a = {.n = 2, .names = 4, .walls = 1},
        .row = {{.dtype = DT_f32,
                 .rank = 1,
                 .dim = {2},
                 .stride = {1},
                 .offset = 8,
                 .bytes = 8},
                {.dtype = DT_f32,
                 .rank = 1,
                 .dim = {2},
                 .stride = {2},
                 .offset = 8,
                 .bytes = 8,
                 .span = 12}},
        .names = "a\0b",
        .bytes = UINT32_MAX,
        .deed = -1,
    };
}

/* Opens a file of 64 bytes, whose reader says `speech`. */
static void
hears(const char *label, int code, const char *message)
{
    Tensors *file = NULL;
    Err e = {0};
    char why[ERR_TEXT + 200];
    int got;

    pipe_fd = open("/dev/null", O_RDONLY); /* file, then both ends of a pipe */
    close(pipe_fd);
    pipe_fd += 2;
    calls = 0;
    got = tensors_open(&e, in_room("64.pth"), &file);
    snprintf(why, sizeof why, "expected %d '%s', got %d '%s'", code, message,
             got, e.text);
    check(got == code && strstr(e.text, message) &&
              (got || tensors_count(file) == 2),
          label, why);
    tensors_close(file);
}

static void
lies(void)
{
    static const char unsound[] = "64.pth: what reads it gave no sound answer";
    static const struct {
        const char *label;
        u64 at, bytes, value; /* a number of the speech */
    } lie[] = {
#define LIE(label, field, value)                                               \
    {label, offsetof(struct Speech, field), sizeof speech.field, (u64)(value)}
        LIE("no rows but names", a.n, 0),
        LIE("more rows than names", a.n, 3),
        LIE("rows without end", a.n, UINT32_MAX),
        LIE("names without end", a.names, UINT32_MAX),
        LIE("a name that does not end", a.names, 3),
        LIE("a name too many", a.names, 8),
        LIE("a name without letters", names[2], 0),
        LIE("an escape sequence in a name", names[0], '\33'),
        LIE("an exit code that there is not", a.e.code, 99),
        LIE("a type that there is not", row[0].dtype, TD_COUNT),
        LIE("a type far away", row[0].dtype, UINT32_MAX),
        LIE("nine dimensions", row[0].rank, 9),
        LIE("a negative size", row[0].dim[0], -2),
        LIE("a negative stride", row[1].stride[0], -1),
        LIE("a stride that wraps", row[1].stride[0], INT64_MAX),
        LIE("more bytes than its shape", row[0].bytes, 12),
        LIE("fewer bytes than its shape", row[0].bytes, 4),
        LIE("a size that wraps", row[0].dim[0], (u64)1 << 62),
        LIE("beyond the file", row[0].offset, 57),
        LIE("a place that wraps", row[0].offset, UINT64_MAX - 4),
        LIE("a view beyond its span", row[1].span, 8),
        LIE("a view beyond the file", row[1].span, 60),
        LIE("a span that wraps", row[1].span, UINT64_MAX),
    };

    prepare();
    hears("a sound answer", 0, "");
    for (u32 i = 0; i < countof(lie); i++) {
        prepare();
        memcpy((u8 *)&speech + lie[i].at, &lie[i].value, lie[i].bytes);
        hears(lie[i].label, SOHO_BUG, unsound);
    }
    for (u64 n = 0; n < sizeof speech.a + 2 * sizeof *speech.row + 4; n += 37) {
        prepare();
        speech.bytes = n;
        hears("an answer that breaks off", SOHO_BUG, unsound);
    }
    prepare();
    speech.row[0].dim[0] = speech.row[1].dim[0] = (i64)1 << 40;
    speech.row[0].bytes = speech.row[1].bytes = (u64)4 << 40;
    speech.row[1].stride[0] = 0;
    hears("terabytes of a view", SOHO_BUG, unsound);
    prepare();
    speech.a.e = (Err){SOHO_BAD, "64.pth: \33[31mred\33[0m"};
    hears("an escape sequence in a message", SOHO_BAD, "\\x1b[31mred");
    prepare();
    speech.deed = D_EXEC;
    if (SANITIZED)
        printf("skip says what ended it: a sanitizer\n");
    else
        hears("says what ended it", SOHO_BUG,
              "ended by signal 31, for a system call it has no need of");
}

int
main(void)
{
    u8 bytes[64] = "anything";
    FILE *out;

    if (!mkdtemp(room))
        return 1;
    walls();
    out = fopen(in_room("64.pth"), "wb");
    if (!out || fwrite(bytes, sizeof bytes, 1, out) != 1 || fclose(out))
        return 1;
    real = vfs;
    table = *real;
    table.pread = take_over;
    vfs = &table;
    lies();
    vfs_remove_dir(&(Err){0}, room);
    return failed;
}
