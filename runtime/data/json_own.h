/* json_own.h - what the three files of the JSON reader share. */
#ifndef SOHO_JSON_OWN_H
#define SOHO_JSON_OWN_H

#include "runtime/data/data.h"

/* Reads on in the file: 1 if text[ready] is there now, 0 at its end and after
 * an error. */
int json_load(Json *j);
/* Has n bytes from `at` on ready where the text is that long. */
void json_have(Json *j, u64 n);
/* Copies text[at..at+n) for a message, also where it has been given back;
 * returns how many bytes there are. */
u64 json_look(const Json *j, u64 at, u8 *to, u64 n);

/* Passes over a byte order mark. */
void json_mark(Json *j);
/* Passes over white space and returns the byte there, -1 at the end. */
int json_byte(Json *j);

/* "expected X, got what stands at `at`" */
int json_unexpected(Json *j, u64 at, const char *expected);

/* Checks the number that begins here and takes it: *begin is where it begins,
 * *whole says that it has neither fraction nor exponent. */
int json_take_number(Json *j, u64 *begin, int *whole);

/* A string as json_string takes it, named `expected` in messages; to == NULL
 * checks it only. */
int json_take_string(Json *j, const char *expected, char *to, u64 size, u64 *n);

#endif
