/* quote.h - text as a string of JSON. */
#ifndef SOHO_QUOTE_H
#define SOHO_QUOTE_H

#include <stdio.h>

#include "soho/base.h"

/* Puts s, which is UTF-8, in quotes, everything escaped that has to be. */
void quote_json(FILE *out, const char *s);
/* The same of s[0..n), which may hold NUL. */
void quote_bytes(FILE *out, const char *s, u64 n);

#endif
