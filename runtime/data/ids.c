/* ids.c - numbers like question_id, found by binary search.
 *
 * In: ids in the order of a file.  Out: the row of each. */
#include "runtime/data/ids.h"

#include <stdlib.h>

int
ids_add(Err *e, Ids *ids, u64 id)
{
    u64 row = ids->list.n;
    IdRow *to;

    ids->list.size = sizeof *to;
    to = list_add(e, &ids->list, 1);
    if (!to)
        return e->code;
    *to = (IdRow){id, row};
    return 0;
}

static int
by_id(const void *a, const void *b)
{
    const IdRow *x = a, *y = b;

    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static const IdRow *
row_at(const Ids *ids, u64 i)
{
    return (const IdRow *)(const void *)ids->list.at + i;
}

/* Most files are sorted already, and sorting takes memory. */
void
ids_sort(Ids *ids)
{
    for (u64 i = 1; i < ids->list.n; i++)
        if (row_at(ids, i - 1)->id > row_at(ids, i)->id) {
            qsort(ids->list.at, ids->list.n, ids->list.size, by_id);
            return;
        }
}

const IdRow *
ids_twin(const Ids *ids)
{
    for (u64 i = 1; i < ids->list.n; i++)
        if (row_at(ids, i - 1)->id == row_at(ids, i)->id)
            return row_at(ids, i);
    return NULL;
}

i64
ids_find(const Ids *ids, u64 id)
{
    u64 low = 0, high = ids->list.n;

    while (low < high) {
        u64 middle = (low + high) / 2;

        if (row_at(ids, middle)->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == ids->list.n || row_at(ids, low)->id != id)
        return -1;
    return (i64)row_at(ids, low)->row;
}

void
ids_free(Ids *ids)
{
    free(ids->list.at);
    *ids = (Ids){.list.n = 0};
}
