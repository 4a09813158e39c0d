/* number_texts.h - different texts, numbered in the order in which they came.
 */
#ifndef SOHO_NUMBER_TEXTS_H
#define SOHO_NUMBER_TEXTS_H

#include "runtime/data/list.h"

/* One text; n bytes, and a 0 behind them. */
typedef struct Text {
    u32 number;
    u64 n;
    const char *at;
} Text;

typedef struct Texts {
    void *tree; /* of the Text in `list` */
    List list;  /* Text *, by number */
} Texts;

/* The number of s[0..n), which is added where it is new.  SOHO_MEMORY. */
int texts_number(Err *e, Texts *texts, const char *s, u64 n, u32 *number);
void texts_free(Texts *texts);

static inline u32
texts_count(const Texts *texts)
{
    return (u32)texts->list.n;
}

static inline const Text *
texts_at(const Texts *texts, u32 number)
{
    return ((Text *const *)(void *)texts->list.at)[number];
}

#endif
