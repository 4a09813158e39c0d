/* list.c - growing arrays, and strings that stay where they are.
 *
 * In: elements and strings one by one.  Out: one array that may move while it
 * grows; copies in blocks that do not. */
#include "runtime/data/list.h"

#include <stdlib.h>
#include <string.h>

struct PoolBlock {
    struct PoolBlock *next;
    u64 used;
    char text[POOL_BLOCK];
};

void *
list_add(Err *e, List *list, u64 k)
{
    u64 need = list->n + k, cap = list->cap ? list->cap : 256;
    void *at;

    while (cap < need)
        cap *= 2;
    if (cap > list->cap) {
        at = need > UINT32_MAX ? NULL : realloc(list->at, cap * list->size);
        if (!at) {
            err_set(e, SOHO_MEMORY, "no memory for %llu items of %llu bytes",
                    (unsigned long long)cap, (unsigned long long)list->size);
            return NULL;
        }
        list->at = at;
        list->cap = cap;
    }
    list->n = need;
    return list->at + (need - k) * list->size;
}

const char *
pool_text(Err *e, Pool *pool, const char *text)
{
    struct PoolBlock *block = pool->block;
    u64 n = strlen(text) + 1;
    char *copy;

    if (!block || block->used + n > POOL_BLOCK) {
        block = malloc(sizeof *block);
        if (!block) {
            err_set(e, SOHO_MEMORY, "no memory for names");
            return NULL;
        }
        block->next = pool->block;
        block->used = 0;
        pool->block = block;
    }
    copy = block->text + block->used;
    memcpy(copy, text, n);
    block->used += n;
    return copy;
}

void
pool_free(Pool *pool)
{
    struct PoolBlock *block = pool->block;

    while (block) {
        struct PoolBlock *next = block->next;

        free(block);
        block = next;
    }
    pool->block = NULL;
}

void
pool_join(Pool *to, Pool *from)
{
    struct PoolBlock **end = &from->block;

    while (*end)
        end = &(*end)->next;
    *end = to->block;
    to->block = from->block;
    from->block = NULL;
}
