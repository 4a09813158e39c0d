/* vocab.c - a WordPiece vocabulary made from questions.
 *
 * In: texts.  Out: the special tokens and every word that occurs, whole: no
 * word is taken to pieces.  A search tree tells which words are there. */
#include "runtime/data/vocab.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/data/list.h"
#include "runtime/data/words_own.h"

struct Vocab {
    void *tree; /* of the strings in the pool */
    List word;  /* const char *, the same strings */
    Pool pool;
    Err *err; /* of the addition that is under way */
};

Vocab *
vocab_open(Err *e)
{
    Vocab *v = calloc(1, sizeof *v);

    if (v)
        v->word.size = sizeof(const char *);
    else
        err_set(e, SOHO_MEMORY, "no memory for a vocabulary");
    return v;
}

/* The tree's strings belong to the pool. */
static void
keep(void *text)
{
    (void)text;
}

void
vocab_close(Vocab *v)
{
    if (!v)
        return;
    tdestroy(v->tree, keep);
    free(v->word.at);
    pool_free(&v->pool);
    free(v);
}

static int
by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int
by_word(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A line of the file cannot show a control character. */
static int
is_plain(const char *word, i32 n)
{
    for (i32 i = 0; i < n; i++)
        if ((u8)word[i] < 0x20 || word[i] == 0x7f)
            return 0;
    return n > 0;
}

static int
add_word(void *context, const char *word, i32 n)
{
    Vocab *v = context;
    char text[WORD_BYTES + 1];
    const char *copy, **at;

    if (n == WORD_LONG || !is_plain(word, n))
        return 0;
    memcpy(text, word, (u64)n);
    text[n] = 0;
    if (tfind(text, &v->tree, by_text))
        return 0;
    copy = pool_text(v->err, &v->pool, text);
    at = list_add(v->err, &v->word, 1);
    if (!copy || !at)
        return v->err->code;
    *at = copy;
    if (!tsearch(copy, &v->tree, by_text))
        err_set(v->err, SOHO_MEMORY, "no memory for a vocabulary");
    return v->err->code;
}

int
vocab_add(Err *e, Vocab *v, const char *text, u64 bytes)
{
    v->err = e;
    words_split((const u8 *)text, bytes, add_word, v);
    return e->code;
}

void
vocab_sort(Vocab *v)
{
    if (v->word.n)
        qsort(v->word.at, v->word.n, v->word.size, by_word);
}

u32
vocab_count(const Vocab *v)
{
    return (u32)v->word.n;
}

void
vocab_print(const Vocab *v, Bytes *to)
{
    static const char special[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";

    bytes_add(to, special, sizeof special - 1);
    for (u64 i = 0; v && i < v->word.n; i++) {
        const char *word = ((const char *const *)(const void *)v->word.at)[i];

        bytes_add(to, word, strlen(word));
        bytes_add(to, "\n", 1);
    }
}
