/* ids.h - numbers like question_id, found by binary search. */
#ifndef SOHO_IDS_H
#define SOHO_IDS_H

#include "runtime/data/list.h"

typedef struct IdRow {
    u64 id;
    u64 row; /* which ids_add it was, from 0 */
} IdRow;

typedef struct Ids {
    List list; /* IdRow; .size is set by the first ids_add */
} Ids;

/* SOHO_MEMORY. */
int ids_add(Err *e, Ids *ids, u64 id);
/* After the last ids_add; finding needs it. */
void ids_sort(Ids *ids);
/* The later one of two rows with the same id, NULL if there are none. */
const IdRow *ids_twin(const Ids *ids);
/* The row of an id, -1 if it is not there. */
i64 ids_find(const Ids *ids, u64 id);
void ids_free(Ids *ids);

static inline u64
ids_count(const Ids *ids)
{
    return ids->list.n;
}

#endif
