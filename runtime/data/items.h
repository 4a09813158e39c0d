/* items.h - where the items of an annotation file stand in its text. */
#ifndef SOHO_ITEMS_H
#define SOHO_ITEMS_H

#include "runtime/data/list.h"
#include "runtime/data/pack.h"
#include "runtime/digest.h"

enum { ITEM_FILE = 4096 /* bytes of a file name, with its 0 */ };

#define ITEM_NONE UINT32_MAX /* a group that there is not */

/* One item: a picture with questions or with captions, or a question with its
 * picture. */
typedef struct Item {
    u64 start, end;    /* bytes start to end of the file */
    u64 words, nwords; /* its sentences: Items.sentences, one a line */
    const char *file;  /* file_name */
    /* Filled in by who splits the file. */
    u8 digest[DIGEST_BYTES]; /* of the picture */
    u32 group;               /* of pictures with equal bytes */
    u32 again;               /* another item before it has the same picture */
} Item;

typedef struct Items {
    const char *path;
    int fd; /* -1: not open */
    u64 bytes;
    u64 head, tail; /* of the file, inside the items' brackets */
    List list;      /* Item */
    Bytes sentences;
    Pool names;
} Items;

/* Reads a file that vqa_open or caps_open has found good: the items of "data",
 * or those of an array; `path` has to last.  items_close in any case.  SOHO_IO,
 * SOHO_BAD, SOHO_MEMORY. */
int items_open(Err *e, const char *path, Items *items);
void items_close(Items *items);
/* Copies the bytes from start to end.  SOHO_IO, SOHO_BAD where the file has
 * become shorter. */
int items_copy(const Items *items, u64 start, u64 end, Replace *to);

static inline u64
items_count(const Items *items)
{
    return items->list.n;
}

static inline Item *
items_at(const Items *items, u64 i)
{
    return (Item *)(void *)items->list.at + i;
}

#endif
