/* show.h - the commands `soho-rt data image|zip|tokens|answers|json`: each
 * reads one kind of thing and prints what was read, or the error. */
#ifndef SOHO_SHOW_H
#define SOHO_SHOW_H

#include <stdio.h>

#include "runtime/err.h"

/* argv[0] is the command's own word ("image"); options and files follow.
 * Returns 0 or the code of the first failure.  Where one call reads several
 * things, each further failure is a line on stderr and *e sums them up. */
int show_image(Err *e, int argc, char **argv, FILE *out);
int show_zip(Err *e, int argc, char **argv, FILE *out);
int show_tokens(Err *e, int argc, char **argv, FILE *out);
int show_answers(Err *e, int argc, char **argv, FILE *out);
int show_json(Err *e, int argc, char **argv, FILE *out);

#endif
