/* vocab.h - a WordPiece vocabulary made from questions. */
#ifndef SOHO_VOCAB_H
#define SOHO_VOCAB_H

#include "runtime/data/pack.h"

typedef struct Vocab Vocab;

/* NULL: no memory, the error is set. */
Vocab *vocab_open(Err *e);
void vocab_close(Vocab *vocab);

/* Adds the words of a text in UTF-8 that are not there yet, as BERT's basic
 * tokenizer finds them; too long ones and those with control characters stay
 * unknown. */
int vocab_add(Err *e, Vocab *vocab, const char *text, u64 bytes);

/* Puts the words in the order of their bytes; without it the order is that of
 * their coming. */
void vocab_sort(Vocab *vocab);

u32 vocab_count(const Vocab *vocab);

/* The file: the five special tokens, then the words, one a line.  NULL: the
 * special tokens alone. */
void vocab_print(const Vocab *vocab, Bytes *to);

#endif
