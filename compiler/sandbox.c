/* sandbox.c - the walls around the process that runs a model.
 *
 * A model is a program that a stranger may have written.  Its process has read
 * nothing and opens nothing: everything it needs is in memory before the fork.
 * What it may do from here on is compute for a few seconds, ask for memory up
 * to a limit, and write to the pipe and to stderr. */
#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#include "compiler/front.h"
#include "soho/seccomp.h"

enum { CPU_SECONDS = 5 };
static const u64 MORE_BYTES = (u64)768 << 20; /* beyond what sohoc has mapped */

/* A sanitizer maps more than any limit. */
#ifdef __SANITIZE_ADDRESS__
enum { LIMIT_MEMORY = 0 };
#else
enum { LIMIT_MEMORY = 1 };
#endif

/* True if the kernel now refuses all but computing and writing. */
static bool
filter_calls(int pipe)
{
#ifdef SECCOMP_ARCH
    struct sock_filter rule[] = {RULES_BEGIN, RULES_COMPUTE,
                                 RULES_FILES(write, 2, pipe), RULES_MMAP};
    struct sock_fprog program = {countof(rule), rule};

    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
#else
    (void)pipe;
    return false;
#endif
}

static void
limit(int what, u64 soft, u64 hard)
{
    struct rlimit r = {soft, hard};

    if (setrlimit(what, &r))
        die(SOHO_BUG, "cannot limit the model's process: %s", strerror(errno));
}

/* Bytes of address space that this process has now. */
static u64
mapped_bytes(void)
{
    unsigned long long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");

    if (f && fscanf(f, "%llu", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return pages * (u64)sysconf(_SC_PAGESIZE);
}

void
sandbox_enter(int pipe)
{
    u64 mapped = mapped_bytes();

    diag_child = true;
    close(0);
    close(1);
    if (pipe > 3)
        close_range(3, (u32)pipe - 1, 0);
    close_range((u32)pipe + 1, ~0u, 0);
    limit(RLIMIT_CPU, CPU_SECONDS, CPU_SECONDS + 1);
    limit(RLIMIT_CORE, 0, 0);
    limit(RLIMIT_NOFILE, 0, 0);
    if (LIMIT_MEMORY && mapped)
        limit(RLIMIT_AS, mapped + MORE_BYTES, mapped + MORE_BYTES);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        die(SOHO_BUG, "cannot lock the model's process: %s", strerror(errno));
    if (!filter_calls(pipe))
        diag_note("", "note: this kernel has no seccomp filter; the model runs "
                      "within the other limits only");
}
