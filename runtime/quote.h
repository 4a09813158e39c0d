/* quote.h - text as a string of JSON. */
#ifndef SOHO_QUOTE_H
#define SOHO_QUOTE_H

#include <stdio.h>

/* Puts s, which is UTF-8, in quotes, everything escaped that has to be. */
void quote_json(FILE *out, const char *s);

#endif
