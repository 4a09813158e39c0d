/* words_own.h - what the readers of words share. */
#ifndef SOHO_WORDS_OWN_H
#define SOHO_WORDS_OWN_H

#include "soho/base.h"

enum {
    WORD_CHARS = 100,            /* a longer word is unknown to BERT */
    WORD_BYTES = 4 * WORD_CHARS, /* of UTF-8 */
    WORD_LONG = -1               /* in place of a length */
};

/* Gets the words in turn: n bytes of UTF-8, or WORD_LONG for a word of more
 * than WORD_CHARS characters.  Not 0 ends the splitting. */
typedef int WordSink(void *context, const char *word, i32 n);

/* Bytes of s[0..n) that are valid UTF-8: n, or the offset of the first error.
 */
u64 words_check(const u8 *s, u64 n);

/* Is that character blank for Python's str.split()? */
int words_space(u32 code);

/* Splits valid UTF-8 as BERT's basic tokenizer does: lower case, a blank
 * around CJK characters, white space, no accents, punctuation alone. */
void words_split(const u8 *s, u64 n, WordSink *sink, void *context);

#endif
