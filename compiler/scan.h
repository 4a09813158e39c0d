/* scan.h - words of the one text form, for parse.c. */
#ifndef SCAN_H
#define SCAN_H

#include "compiler/sohoc.h"

typedef struct Reader {
    Prog *p;
    Func *f;                    /* between "func" and "end" */
    const char *name, *s, *end; /* of the line */
    u32 line, nodes;
    bool bad; /* an error was reported */
} Reader;

/* A "word=value" of a fixed line. */
typedef struct Field {
    const char *name;
    char type; /* i i32, f f64, s string, l list into f64[], n i64 */
    void *to;
    u32 *count;
} Field;

/* Each reads one thing and steps over it; false after an error was reported,
 * of which only a text's first is. */
bool scan_fail(Reader *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
char scan_peek(Reader *r); /* the next character that is not a space, or 0 */
bool scan_take(Reader *r, char c); /* steps over c if it is next */
bool scan_word(Reader *r, const char **out);
bool scan_number(Reader *r, f64 *out);
bool scan_integer(Reader *r, i64 least, i64 most, i64 *out);
bool scan_string(Reader *r, const char **out);
bool scan_list(Reader *r, f64 *out, u32 *n); /* at most MAX_LIST */
bool scan_bytes(Reader *r, u8 *out, u64 n);  /* 2 n hex digits */
bool scan_one_of(Reader *r, const char *what, const char *const *names, u32 n,
                 u32 *out);
bool scan_place(Reader *r, const char **out); /* to the end of the line */
bool scan_end(Reader *r);                     /* of the line */
bool scan_type(Reader *r, Type *t);
bool scan_value(Reader *r, Val *out); /* made by an earlier node of r->f */
bool scan_fields(Reader *r, const Field *fields, u32 n);

#endif
