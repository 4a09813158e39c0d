/* seccomp.h - what system call filters are made of: sohoc has one around a
 * model, soho-rt around the reader of PyTorch's files.
 *
 * A filter is a program of the kernel's packet filter.  It begins with
 * RULES_BEGIN, has rules in any order, of which the first that names the call
 * decides, and ends with RULES_MMAP, which refuses all that no rule allows. */
#ifndef SOHO_SECCOMP_H
#define SOHO_SECCOMP_H

#include <errno.h>
#include <stddef.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* Not defined on machines whose calls nobody has looked at. */
#if defined(__x86_64__)
#define SECCOMP_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define SECCOMP_ARCH AUDIT_ARCH_AARCH64
#endif

/* A sanitizer's runtime asks for more, for our tests only: one call that it
 * cannot do without; others fail instead of ending the process. */
#ifdef __SANITIZE_ADDRESS__
#define RULE_REFUSED    (SECCOMP_RET_ERRNO | EPERM)
#define SANITIZER_RULES ALLOW(sigaltstack),
#else
#define RULE_REFUSED SECCOMP_RET_KILL_PROCESS
#define SANITIZER_RULES
#endif

/* Arguments are 64 bits; the low word comes first on both machines. */
#define RULE_LOAD(field)                                                       \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RULE_IF_EQUAL(value, yes, no)                                          \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define RULE_IF_ANY_BIT(value, yes, no)                                        \
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, value, yes, no)
#define RULE_RETURN(what) BPF_STMT(BPF_RET | BPF_K, what)
#define ALLOW(call)                                                            \
    RULE_IF_EQUAL(__NR_##call, 0, 1), RULE_RETURN(SECCOMP_RET_ALLOW)

#define RULES_BEGIN                                                            \
    RULE_LOAD(arch), RULE_IF_EQUAL(SECCOMP_ARCH, 1, 0),                        \
        RULE_RETURN(SECCOMP_RET_KILL_PROCESS), RULE_LOAD(nr)

/* To compute, to give memory back, to end. */
#define RULES_COMPUTE                                                          \
    SANITIZER_RULES ALLOW(brk), ALLOW(munmap), ALLOW(mremap), ALLOW(madvise),  \
        ALLOW(futex), ALLOW(clock_gettime), ALLOW(rt_sigreturn), ALLOW(exit),  \
        ALLOW(exit_group)

/* A call whose first argument is one of two files. */
#define RULES_FILES(call, a, b)                                                \
    RULE_IF_EQUAL(__NR_##call, 0, 5), RULE_LOAD(args[0]),                      \
        RULE_IF_EQUAL((unsigned)(a), 1, 0),                                    \
        RULE_IF_EQUAL((unsigned)(b), 0, 1), RULE_RETURN(SECCOMP_RET_ALLOW),    \
        RULE_RETURN(RULE_REFUSED)

/* mprotect that makes no code. */
#define RULES_MPROTECT                                                         \
    RULE_IF_EQUAL(__NR_mprotect, 0, 4), RULE_LOAD(args[2]),                    \
        RULE_IF_ANY_BIT(PROT_EXEC, 1, 0), RULE_RETURN(SECCOMP_RET_ALLOW),      \
        RULE_RETURN(RULE_REFUSED)

/* mmap of memory that is neither a file nor code; all else is refused. */
#define RULES_MMAP                                                             \
    RULE_IF_EQUAL(__NR_mmap, 0, 5), RULE_LOAD(args[4]),                        \
        RULE_IF_EQUAL(0xffffffffu, 0, 3), RULE_LOAD(args[2]),                  \
        RULE_IF_ANY_BIT(PROT_EXEC, 1, 0), RULE_RETURN(SECCOMP_RET_ALLOW),      \
        RULE_RETURN(RULE_REFUSED)

#endif
