/* util.c - memory, strings and files of the compiler.
 *
 * Memory comes from one arena that lives until exit: a compilation is short
 * and its graph small, so nothing is freed.  Under AddressSanitizer every
 * request gets a block of its own, so that overruns are seen.
 * Out of memory ends the program with exit code 4. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compiler/sohoc.h"

/* ----------------------------------------------------------------- memory */

#ifdef __SANITIZE_ADDRESS__
enum { CHUNK = 0 };
#else
enum { CHUNK = 1 << 20 };
#endif

typedef struct Chunk {
    struct Chunk *next; /* keeps all memory reachable for leak checkers */
    _Alignas(16) u8 data[];
} Chunk;

static Chunk *chunks;
static u8 *room; /* free bytes of the newest chunk */
static u64 room_bytes;

void *
mem_alloc(u64 bytes)
{
    void *p;

    bytes = align_up(bytes ? bytes : 1, 16);
    if (bytes > room_bytes) {
        u64 size = bytes > CHUNK ? bytes : CHUNK;
        Chunk *c = calloc(1, sizeof *c + size);

        if (!c)
            die(SOHO_MEMORY, "out of memory: %llu bytes more were needed",
                (unsigned long long)size);
        c->next = chunks;
        chunks = c;
        room = c->data;
        room_bytes = size;
    }
    p = room;
    room += bytes;
    room_bytes -= bytes;
    return p;
}

void *
mem_grow(void *p, u32 n, u32 *cap, u64 size)
{
    void *q;

    if (n < *cap)
        return p;
    if (n >= 1u << 30)
        die(SOHO_MEMORY, "out of memory: a table of %u rows", n);
    *cap = n < 4 ? 8 : 2 * n;
    q = mem_alloc(*cap * size);
    if (n)
        memcpy(q, p, n * size);
    return q;
}

/* ---------------------------------------------------------------- strings */

typedef struct Word {
    const char *text;
    u64 n, hash;
} Word;

static Word *words; /* open addressing; text NULL: free */
static u64 nword, word_cap;

static u64
hash_of(const char *s, u64 n)
{
    u64 h = 0xcbf29ce484222325u; /* FNV-1a */

    for (u64 i = 0; i < n; i++)
        h = (h ^ (u8)s[i]) * 0x100000001b3u;
    return h;
}

/* The row of the text, or the free row where it belongs. */
static Word *
word_at(const char *s, u64 n, u64 hash)
{
    for (u64 i = hash;; i++) {
        Word *w = &words[i & (word_cap - 1)];

        if (!w->text ||
            (w->hash == hash && w->n == n && !memcmp(w->text, s, n)))
            return w;
    }
}

static void
grow_words(void)
{
    Word *old = words;
    u64 n = word_cap;

    word_cap = n ? 2 * n : 1024;
    words = mem_alloc(word_cap * sizeof *words);
    for (u64 i = 0; i < n; i++)
        if (old[i].text)
            *word_at(old[i].text, old[i].n, old[i].hash) = old[i];
}

const char *
intern_n(const char *s, u64 n)
{
    u64 hash = hash_of(s, n);
    Word *w;
    char *copy;

    if (2 * nword >= word_cap)
        grow_words();
    w = word_at(s, n, hash);
    if (w->text)
        return w->text;
    copy = mem_alloc(n + 1);
    memcpy(copy, s, n);
    *w = (Word){copy, n, hash};
    nword++;
    return copy;
}

const char *
intern(const char *s)
{
    return intern_n(s, strlen(s));
}

const char *
format(const char *fmt, ...)
{
    char small[512], *big = small;
    const char *s;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(small, sizeof small, fmt, ap);
    va_end(ap);
    if (n < 0)
        bug("format: bad format \"%s\"", fmt);
    if ((size_t)n >= sizeof small) {
        big = malloc((size_t)n + 1);
        if (!big)
            die(SOHO_MEMORY, "out of memory: a text of %d bytes", n);
        va_start(ap, fmt);
        vsnprintf(big, (size_t)n + 1, fmt, ap);
        va_end(ap);
    }
    s = intern_n(big, (u64)n);
    if (big != small)
        free(big);
    return s;
}

bool
glob(const char *pattern, const char *text)
{
    const char *star = NULL, *mark = NULL; /* the last '*' and its try */

    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            mark = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++mark;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

/* Changes of one letter (insert, delete, replace) from a to b. */
static u32
distance(const char *a, const char *b)
{
    enum { LONGEST = 64 };
    u32 row[LONGEST + 1], na = (u32)strlen(a), nb = (u32)strlen(b);

    if (na > LONGEST || nb > LONGEST)
        return LONGEST;
    for (u32 j = 0; j <= nb; j++)
        row[j] = j;
    for (u32 i = 1; i <= na; i++) {
        u32 corner = row[0];

        row[0] = i;
        for (u32 j = 1; j <= nb; j++) {
            u32 swap = corner + (a[i - 1] != b[j - 1]);
            u32 step = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;

            corner = row[j];
            row[j] = swap < step ? swap : step;
        }
    }
    return row[nb];
}

const char *
nearest(const char *word, const char *const *list, u32 n)
{
    const char *best = NULL;
    u32 limit = 1 + (u32)strlen(word) / 3;

    for (u32 i = 0; i < n; i++) {
        u32 d = distance(word, list[i]);

        if (d <= limit) {
            best = list[i];
            limit = d ? d - 1 : 0;
            if (!d)
                break;
        }
    }
    return best;
}

/* ------------------------------------------------------------------ files */

/* All bytes of an open file, at most `limit`; a 0 follows them. */
static u8 *
read_all(int fd, u64 limit, u64 *bytes)
{
    struct stat st;
    u64 cap, n = 0;
    u8 *data;

    if (fstat(fd, &st))
        return NULL;
    if (!S_ISREG(st.st_mode)) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
        return NULL;
    }
    cap = (u64)st.st_size;
    if (cap > limit) {
        errno = EFBIG;
        return NULL;
    }
    data = mem_alloc(cap + 1);
    while (n < cap) {
        ssize_t got = read(fd, data + n, cap - n);

        if (got < 0 && errno != EINTR)
            return NULL;
        if (got == 0)
            break; /* it became shorter meanwhile */
        if (got > 0)
            n += (u64)got;
    }
    *bytes = n;
    return data;
}

u8 *
file_read(const char *path, u64 limit, u64 *bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), why;
    u8 *data;

    if (fd < 0)
        return NULL;
    data = read_all(fd, limit, bytes);
    why = errno;
    close(fd);
    errno = why;
    return data;
}

static bool
write_all(int fd, const u8 *data, u64 bytes)
{
    while (bytes) {
        ssize_t n = write(fd, data, bytes);

        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0) {
            data += n;
            bytes -= (u64)n;
        }
    }
    return true;
}

bool
file_write(const char *path, const void *data, u64 bytes)
{
    const char *tmp = format("%s.%ld.tmp", path, (long)getpid());
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), why;
    bool good;

    if (fd < 0)
        return false;
    good = write_all(fd, data, bytes);
    why = errno;
    if (close(fd) && good) {
        good = false;
        why = errno;
    }
    if (good && rename(tmp, path) == 0)
        return true;
    if (good)
        why = errno;
    unlink(tmp);
    errno = why;
    return false;
}

bool
make_dirs(const char *path)
{
    u64 n = strlen(path);

    for (u64 i = 1; i <= n; i++) {
        const char *part;
        struct stat st;

        if (path[i] && path[i] != '/')
            continue;
        part = intern_n(path, i);
        if (mkdir(part, 0777) == 0)
            continue;
        if (errno != EEXIST || stat(part, &st))
            return false;
        if (!S_ISDIR(st.st_mode)) {
            errno = ENOTDIR;
            return false;
        }
    }
    return true;
}
