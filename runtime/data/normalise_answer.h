/* normalise_answer.h - answers in the form in which the VQA accuracy compares
 * them. */
#ifndef SOHO_NORMALISE_ANSWER_H
#define SOHO_NORMALISE_ANSWER_H

#include "runtime/data/pack.h"

/* Both add to `to`; text is UTF-8.  Newlines and tabs become blanks and outer
 * white space goes. */
void answer_trim(const char *text, u64 n, Bytes *to);
/* The normal form: see normalise_answer.c.  It may be empty. */
void answer_normalise(const char *text, u64 n, Bytes *to);

#endif
