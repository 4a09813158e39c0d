/* spy.c - stands between a running soho-rt and libc (LD_PRELOAD): counts calls
 * of the allocator by who made them, or kills the process at a chosen moment.
 *
 * SPY_OUT=FILE   from the SPY_FROM'th line of log.jsonl (2) to the last one:
 *                calls by object, bytes of live heap at both ends
 * SPY_KILL=KIND:N  kill -9 at the N'th moment (from 0) of a KIND:
 *                step    a line of the log, written once per step
 *                save    a write or fsync of a checkpoint
 *                rename  a finished file or folder gets its name
 *                prune   a checkpoint or leftover is being removed */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);
void *__libc_memalign(size_t align, size_t n);

/* ------------------------------------------------------------- allocations */

enum { OBJECTS = 64 };
static struct {
    ElfW(Addr) from, to;
    const char *name;
    atomic_ulong calls;
    unsigned long first, last; /* calls at both ends of the watch */
} object[OBJECTS];
static int nobject;

static int
add_object(struct dl_phdr_info *info, size_t size, void *unused)
{
    const char *slash = strrchr(info->dlpi_name, '/');

    (void)size;
    (void)unused;
    for (int i = 0; i < info->dlpi_phnum && nobject < OBJECTS; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];

        if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
            continue;
        object[nobject].from = info->dlpi_addr + p->p_vaddr;
        object[nobject].to = object[nobject].from + p->p_memsz;
        object[nobject].name = nobject == 0 ? "soho-rt"
                               : slash      ? slash + 1
                                            : info->dlpi_name;
        nobject++;
    }
    return 0;
}

static void
count(const void *caller)
{
    ElfW(Addr) at = (ElfW(Addr))caller;

    for (int i = 0; i < nobject; i++)
        if (at >= object[i].from && at < object[i].to) {
            atomic_fetch_add(&object[i].calls, 1);
            return;
        }
}

static atomic_size_t live; /* bytes handed out and not yet taken back */

/* Counts a block that is handed out to `caller`. */
static void *
out(void *p, const void *caller)
{
    count(caller);
    live += malloc_usable_size(p);
    return p;
}

#define OUT(p) out(p, __builtin_return_address(0))

void *
malloc(size_t n)
{
    return OUT(__libc_malloc(n));
}

void *
calloc(size_t n, size_t size)
{
    return OUT(__libc_calloc(n, size));
}

void *
realloc(void *p, size_t n)
{
    live -= malloc_usable_size(p);
    return OUT(__libc_realloc(p, n));
}

void
free(void *p)
{
    live -= malloc_usable_size(p);
    __libc_free(p);
}

void *
aligned_alloc(size_t align, size_t n)
{
    return OUT(__libc_memalign(align, n));
}

void *
memalign(size_t align, size_t n)
{
    return OUT(__libc_memalign(align, n));
}

int
posix_memalign(void **p, size_t align, size_t n)
{
    *p = OUT(__libc_memalign(align, n));
    return *p ? 0 : 12;
}

/* ---------------------------------------------------------- lines and ends */

static int lines;
static size_t heap_first, heap_last;

/* A line of the log was written: a step has ended. */
static void
line(void)
{
    const char *from = getenv("SPY_FROM");
    int first = ++lines == (from ? atoi(from) : 2);

    for (int i = 0; i < OBJECTS; i++) {
        if (first && i == 0) { /* kernels.so was opened by now */
            nobject = 0;
            dl_iterate_phdr(add_object, NULL);
        }
        object[i].last = object[i].calls;
        if (first)
            object[i].first = object[i].calls;
    }
    heap_last = live;
    if (first)
        heap_first = heap_last;
}

__attribute__((constructor)) static void
begin(void)
{
    dl_iterate_phdr(add_object, NULL);
}

__attribute__((destructor)) static void
end(void)
{
    const char *path = getenv("SPY_OUT");
    FILE *out = path ? fopen(path, "w") : NULL;

    if (!out)
        return;
    fprintf(out, "lines %d\nheap %zu %zu\n", lines, heap_first, heap_last);
    for (int i = 0; i < nobject; i++)
        fprintf(out, "calls %s %lu\n", object[i].name,
                object[i].last - object[i].first);
    fclose(out);
}

/* ----------------------------------------------------------------- moments */

enum { STEP, SAVE, RENAME, PRUNE };
static const char *const word[] = {"step", "save", "rename", "prune"};

static void
moment(int kind)
{
    static int seen[4];
    const char *plot = getenv("SPY_KILL");
    size_t n = strlen(word[kind]);

    if (plot && !strncmp(plot, word[kind], n) && plot[n] == ':' &&
        atoi(plot + n + 1) == seen[kind])
        kill(getpid(), SIGKILL);
    seen[kind]++;
}

#define REAL(name)                                                             \
    static __typeof__(name) *real;                                             \
    if (!real)                                                                 \
    *(void **)&real = dlsym(RTLD_NEXT, #name)

static int
is_named(int fd, const char *part)
{
    char link[64], path[4096];
    ssize_t n;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof path - 1);
    path[n < 0 ? 0 : n] = 0;
    return strstr(path, part) != NULL;
}

ssize_t
write(int fd, const void *from, size_t n)
{
    REAL(write);
    if (is_named(fd, "/ckpt-")) {
        moment(SAVE);
    } else if (is_named(fd, "/log.jsonl")) {
        moment(STEP);
        line();
    }
    return real(fd, from, n);
}

int
fsync(int fd)
{
    REAL(fsync);
    moment(SAVE);
    return real(fd);
}

int
rename(const char *from, const char *to)
{
    size_t n = strlen(to);
    REAL(rename);

    moment(n > 4 && !strcmp(to + n - 4, ".tmp") ? PRUNE : RENAME);
    return real(from, to);
}

int
unlink(const char *path)
{
    REAL(unlink);
    moment(PRUNE);
    return real(path);
}

int
rmdir(const char *path)
{
    REAL(rmdir);
    moment(PRUNE);
    return real(path);
}
