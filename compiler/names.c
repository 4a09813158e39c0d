/* names.c - the files that --set names: answers=FILE and vocab=FILE.
 *
 * They become parts of the plan, so that plan and weights answer a question.
 * The model's process sees only how many lines there are. */
#include <errno.h>

#include "compiler/front.h"

enum { MOST_BYTES = 16 << 20, MOST_LINES = 1000000 };

typedef struct Lines {
    const char *path;
    const char **text; /* interned, without the line's end */
    u32 n, cap;
    int answers; /* one may be empty: "a" in normal form is */
} Lines;

/* "answers=yes.txt" -> "yes.txt"; NULL for another key, or a number. */
static const char *
path_of(const char *option, const char *key)
{
    u64 n = strlen(key);

    if (strncmp(option, key, n) || option[n] != '=')
        return NULL;
    option += n + 1;
    return option[strspn(option, "-.0123456789")] ? option : NULL;
}

static u8 *
read_file(const char *key, const char *path, u64 *bytes)
{
    u8 *text = file_read(path, MOST_BYTES, bytes);

    if (!text)
        die(SOHO_IO,
            "--set %s=%s: cannot read the file: %s; a file with one %s a line, "
            "or their number, is expected",
            key, path, strerror(errno),
            strcmp(key, "vocab") ? "answer" : "token");
    if (*bytes >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
        text += 3; /* a byte order mark */
        *bytes -= 3;
    }
    while (*bytes && strchr("\r\n", text[*bytes - 1]))
        --*bytes;
    if (!*bytes)
        die(SOHO_BAD, "%s: the file is empty; one %s a line expected", path,
            strcmp(key, "vocab") ? "answer" : "token");
    return text;
}

static void
add_line(Lines *l, const char *s, u64 n)
{
    u32 line = l->n + 1;
    u64 bad;

    if (n && s[n - 1] == '\r')
        n--;
    if (!n && !l->answers)
        die(SOHO_BAD, "%s:%u: an empty line", l->path, line);
    bad = diag_plain(s, n);
    if (bad < n)
        die(SOHO_BAD, "%s:%u: byte %llu is 0x%02x: plain UTF-8 text expected",
            l->path, line, (unsigned long long)bad + 1, (u8)s[bad]);
    if (l->n == MOST_LINES || n > 1000)
        die(SOHO_BAD, "%s:%u: at most %d lines of at most 1000 bytes", l->path,
            line, MOST_LINES);
    *PUSH(l->text, l->n, l->cap) = intern_n(s, n);
}

static void
split(Lines *l, const u8 *text, u64 bytes)
{
    const char *s = (const char *)text, *end = s + bytes;

    while (s < end) {
        const char *stop = memchr(s, '\n', (u64)(end - s));

        add_line(l, s, (u64)((stop ? stop : end) - s));
        s = stop ? stop + 1 : end;
    }
}

static int
by_address(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;

    return x < y ? -1 : x > y;
}

static void
refuse_twins(const Lines *l)
{
    const char **sorted = mem_alloc(l->n * sizeof *sorted);

    memcpy(sorted, l->text, l->n * sizeof *sorted);
    qsort(sorted, l->n, sizeof *sorted, by_address);
    for (u32 i = 1; i < l->n; i++)
        if (sorted[i] == sorted[i - 1])
            die(SOHO_BAD, "%s: \"%s\" is there twice", l->path, sorted[i]);
}

static void
require_specials(const Lines *l)
{
    static const char *const word[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]",
                                       "[MASK]"};

    for (u32 i = 0; i < countof(word); i++) {
        const char *want = intern(word[i]);
        u32 k = 0;

        while (k < l->n && l->text[k] != want)
            k++;
        if (k == l->n)
            die(SOHO_BAD,
                "%s: no line %s among %u: is it a WordPiece vocabulary, one "
                "token a line?",
                l->path, want, l->n);
    }
}

void
names_read(Prog *p)
{
    for (u32 i = 0; i < p->opt.nset; i++) {
        const char *answers = path_of(p->opt.set[i], "answers");
        const char *vocab = path_of(p->opt.set[i], "vocab");
        Lines l = {.path = answers ? answers : vocab,
                   .answers = answers != NULL};
        u64 bytes;
        u8 *text;

        if (!l.path)
            continue;
        text = read_file(answers ? "answers" : "vocab", l.path, &bytes);
        split(&l, text, bytes);
        refuse_twins(&l);
        if (answers) {
            p->answer = l.text;
            p->nanswer = p->answer_cap = l.n;
        } else {
            require_specials(&l);
            p->vocab = text;
            p->vocab_bytes = bytes;
            front.words = l.n;
        }
    }
}
