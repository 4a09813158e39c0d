/* json_own.h - what json.c and json_scalar.c share. */
#ifndef SOHO_JSON_OWN_H
#define SOHO_JSON_OWN_H

#include "runtime/data/data.h"

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
