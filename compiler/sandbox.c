/* sandbox.c - the walls around the process that runs a model.
 *
 * A model is a program that a stranger may have written.  Its process has read
 * nothing and opens nothing: everything it needs is in memory before the fork.
 * What it may do from here on is compute for a few seconds, ask for memory up
 * to a limit, and write to the pipe and to stderr. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "compiler/front.h"

enum { CPU_SECONDS = 5 };
static const u64 MORE_BYTES = (u64)768 << 20; /* beyond what sohoc has mapped */

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif

/* A sanitizer's runtime asks for more, for our tests only: one call that it
 * cannot do without; others fail instead of ending the process. */
#ifdef __SANITIZE_ADDRESS__
#define REFUSED         (SECCOMP_RET_ERRNO | EPERM)
#define SANITIZER_CALLS ALLOW(sigaltstack),
enum { LIMIT_MEMORY = 0 };
#else
#define REFUSED SECCOMP_RET_KILL_PROCESS
#define SANITIZER_CALLS
enum { LIMIT_MEMORY = 1 };
#endif

#define LOAD(field)                                                            \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IF_EQUAL(value, yes, no)                                               \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define IF_ANY_BIT(value, yes, no)                                             \
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, value, yes, no)
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, what)
#define ALLOW(call)  IF_EQUAL(__NR_##call, 0, 1), RETURN(SECCOMP_RET_ALLOW)

/* True if the kernel now refuses all but the calls below. */
static bool
filter_calls(int pipe)
{
#ifdef ARCH
    /* Arguments are 64 bits; the low word comes first on both machines. */
    struct sock_filter rule[] = {
        LOAD(arch),
        IF_EQUAL(ARCH, 1, 0),
        RETURN(SECCOMP_RET_KILL_PROCESS),
        LOAD(nr),
        ALLOW(brk),
        ALLOW(munmap),
        ALLOW(mremap),
        ALLOW(madvise),
        ALLOW(futex),
        ALLOW(clock_gettime),
        ALLOW(rt_sigreturn),
        ALLOW(exit),
        ALLOW(exit_group),
        SANITIZER_CALLS
            /* write to the pipe and stderr */
            IF_EQUAL(__NR_write, 0, 5),
        LOAD(args[0]),
        IF_EQUAL(2, 1, 0),
        IF_EQUAL((u32)pipe, 0, 1),
        RETURN(SECCOMP_RET_ALLOW),
        RETURN(REFUSED),
        /* mmap of memory that is neither a file nor code */
        IF_EQUAL(__NR_mmap, 0, 5),
        LOAD(args[4]),
        IF_EQUAL(0xffffffffu, 0, 3),
        LOAD(args[2]),
        IF_ANY_BIT(PROT_EXEC, 1, 0),
        RETURN(SECCOMP_RET_ALLOW),
        RETURN(REFUSED),
    };
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
