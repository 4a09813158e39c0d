/* build.c - source files become the code file that the plan names.
 *
 * needs CODE; gives BLOB.  How is the target's business; here is what targets
 * share: running compilers, and the code file's size and checksum. */
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "compiler/sohoc.h"

enum { NO_PROGRAM = 127, MESSAGES = 3000 };

typedef struct Job {
    const char *const *argv;
    FILE *log; /* what it says */
    pid_t pid;
} Job;

/* In the child: the folder, the log, one language, then the program. */
static _Noreturn void
enter(const char *dir, const Job *j)
{
    int null = open("/dev/null", O_RDONLY);

    if (null < 0 || dup2(null, 0) < 0 || dup2(fileno(j->log), 1) < 0 ||
        dup2(fileno(j->log), 2) < 0 || chdir(dir) || setenv("LC_ALL", "C", 1))
        _exit(NO_PROGRAM);
    execvp(j->argv[0], (char *const *)j->argv);
    _exit(NO_PROGRAM);
}

static void
start(const char *dir, Job *j)
{
    j->log = tmpfile();
    if (!j->log)
        die(SOHO_IO, "cannot make a temporary file: %s", strerror(errno));
    j->pid = fork();
    if (j->pid < 0)
        die(SOHO_MEMORY, "cannot start %s: %s", j->argv[0], strerror(errno));
    if (j->pid == 0)
        enter(dir, j);
}

/* Waits for the end; the wait status. */
static int
await(const Job *j)
{
    int status;

    while (waitpid(j->pid, &status, 0) < 0)
        if (errno != EINTR)
            die(SOHO_IO, "cannot wait for %s: %s", j->argv[0], strerror(errno));
    return status;
}

/* The source file among the arguments, or the program. */
static const char *
subject(const Job *j)
{
    for (u32 i = 1; j->argv[i]; i++)
        if (glob("*.c", j->argv[i]))
            return j->argv[i];
    return j->argv[0];
}

static void
judge(const char *dir, Job *j, int status)
{
    char text[MESSAGES + 1];
    size_t n;

    if (status == 0) {
        fclose(j->log);
        return;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == NO_PROGRAM)
        die(SOHO_IO,
            "cannot run %s in %s: the compiler for generated code; on Debian: "
            "apt-get install gcc",
            j->argv[0], dir);
    rewind(j->log);
    n = fread(text, 1, MESSAGES, j->log);
    text[n] = 0;
    if (WIFSIGNALED(status))
        die(SOHO_MEMORY, "%s %s/%s was killed by signal %d:\n%s", j->argv[0],
            dir, subject(j), WTERMSIG(status), text);
    bug("%s does not take %s/%s:\n%s", j->argv[0], dir, subject(j), text);
}

void
build_run(const char *dir, const char *const *const argv[], u32 n)
{
    Job *job = mem_alloc(n * sizeof *job);
    int *status = mem_alloc(n * sizeof *status);

    fflush(NULL);
    for (u32 i = 0; i < n; i++) {
        job[i].argv = argv[i];
        start(dir, &job[i]);
    }
    for (u32 i = 0; i < n; i++)
        status[i] = await(&job[i]);
    for (u32 i = 0; i < n; i++)
        judge(dir, &job[i], status[i]);
}

void
build_blob(Prog *p, const char *name, u32 arch)
{
    PlanBlob *b = &p->blob[p->nblob];
    const char *path = format("%s/%s", p->opt.out, name);
    u64 bytes = 0;
    u8 *data = file_read(path, (u64)1 << 30, &bytes);

    if (!data)
        die(SOHO_IO, "%s: cannot read: %s", path, strerror(errno));
    if (p->nblob == MAX_BLOBS)
        bug("more than %d code files", MAX_BLOBS);
    if (!EVP_Digest(data, bytes, b->sha256, NULL, EVP_sha256(), NULL))
        die(SOHO_BUG, "libcrypto has no SHA-256");
    b->bytes = bytes;
    b->arch = arch;
    p->blob_name[p->nblob++] = name;
}

void
pass_build(Prog *p)
{
    if (!p->opt.out)
        die(SOHO_USAGE, "a folder for the plan is needed: -o DIR");
    if (!p->opt.target->build(p) && !diag_count())
        bug("target %s said no word", p->opt.target->name);
}
