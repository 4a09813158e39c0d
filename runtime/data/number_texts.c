/* number_texts.c - different texts, numbered in the order in which they came.
 *
 * In: texts of any bytes.  Out: equal texts have equal numbers.  A balanced
 * search tree, because no input can make it slow. */
#include "runtime/data/number_texts.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

static int
by_text(const void *a, const void *b)
{
    const Text *x = a, *y = b;

    if (x->n != y->n)
        return x->n < y->n ? -1 : 1;
    return memcmp(x->at, y->at, x->n);
}

/* A text and its bytes in one block. */
static Text *
copy_text(Err *e, const char *s, u64 n)
{
    Text *text = malloc(sizeof *text + n + 1);
    char *at = (char *)(text + 1);

    if (!text) {
        err_set(e, SOHO_MEMORY, "no memory for a text of %llu bytes",
                (unsigned long long)n);
        return NULL;
    }
    memcpy(at, s, n);
    at[n] = 0;
    *text = (Text){.n = n, .at = at};
    return text;
}

int
texts_number(Err *e, Texts *texts, const char *s, u64 n, u32 *number)
{
    const Text key = {.n = n, .at = s};
    void *found = tfind(&key, &texts->tree, by_text);
    Text *text, **to;

    if (found) {
        *number = (*(Text **)found)->number;
        return 0;
    }
    texts->list.size = sizeof text;
    to = list_add(e, &texts->list, 1);
    if (!to)
        return e->code;
    *to = text = copy_text(e, s, n);
    if (!text || !tsearch(text, &texts->tree, by_text)) {
        texts->list.n--;
        free(text);
        return err_set(e, SOHO_MEMORY, "no memory for texts");
    }
    *number = text->number = (u32)texts->list.n - 1;
    return 0;
}

void
texts_free(Texts *texts)
{
    tdestroy(texts->tree, free);
    free(texts->list.at);
    *texts = (Texts){.tree = NULL};
}
