/* list.h - growing arrays, and strings that stay where they are. */
#ifndef SOHO_LIST_H
#define SOHO_LIST_H

#include "runtime/err.h"

/* A growing array of elements of `size` bytes; free(list.at) ends it. */
typedef struct List {
    u8 *at;
    u64 n, cap;
    u64 size;
} List;

/* Adds k elements (not cleared) and returns the first; NULL: no memory, or more
 * than 2^32-1 elements, and the error is set. */
void *list_add(Err *e, List *list, u64 k);

/* Strings of less than POOL_BLOCK bytes that never move. */
enum { POOL_BLOCK = 1 << 16 };

typedef struct Pool {
    struct PoolBlock *block;
} Pool;

/* A copy of the string; NULL: no memory, the error is set. */
const char *pool_text(Err *e, Pool *pool, const char *text);
void pool_free(Pool *pool);
/* Moves all strings of `from` into `to`. */
void pool_join(Pool *to, Pool *from);

#endif
