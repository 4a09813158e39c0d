/* cmd.c - the one reader of command lines: a table of options per command.
 *
 * In: a table and argv.  Out: the targets of the table filled, the help text,
 * or a message that names the wrong word and the nearest right one. */
#include "runtime/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_MAX = 63 };

int
cmd_fail(const char *command, const Err *e)
{
    fflush(stdout);
    fprintf(stderr, "soho-rt %s: %s\n", command, e->text);
    return e->code;
}

/* Letters to insert, delete or change between two words. */
static u32
distance(const char *a, const char *b)
{
    u32 row[WORD_MAX + 1], n = (u32)strlen(b);

    if (n > WORD_MAX)
        return n;
    for (u32 j = 0; j <= n; j++)
        row[j] = j;
    for (u32 i = 1; *a; a++, i++) {
        u32 diagonal = row[0];

        row[0] = i;
        for (u32 j = 1; j <= n; j++) {
            u32 change = diagonal + (*a != b[j - 1]);

            diagonal = row[j];
            row[j] = (u32)min_i64(change, min_i64(row[j], row[j - 1]) + 1);
        }
    }
    return row[n];
}

const char *
cmd_nearest(const char *word, const char *const *list, u32 n)
{
    u32 best = (u32)strlen(word) / 2 + 1; /* farther words are no typos */
    const char *near = NULL;

    for (u32 i = 0; i < n; i++) {
        u32 d = distance(word, list[i]);

        if (d < best) {
            best = d;
            near = list[i];
        }
    }
    return near;
}

/* ------------------------------------------------------------------ errors */

static int
complain(const char *command, const char *what, const char *word,
         const char *hint)
{
    char shown[256];

    err_clean(shown, sizeof shown, word, strlen(word));
    fflush(stdout);
    fprintf(stderr, "soho-rt %s: %s '%s'%s (soho-rt %s --help)\n", command,
            what, shown, hint, command);
    return SOHO_USAGE;
}

static int
is_option(const Option *o)
{
    return o->kind != OPT_OPERAND && o->kind != OPT_MORE;
}

static int
unknown(const Option *options, const char *command, const char *word)
{
    const char *list[WORD_MAX], *near;
    char hint[128] = "";
    u32 n = 0;

    for (const Option *o = options; o->kind != OPT_END && n < WORD_MAX; o++)
        if (is_option(o))
            list[n++] = o->name;
    near = cmd_nearest(word, list, n);
    if (near)
        snprintf(hint, sizeof hint, ", did you mean %s?", near);
    return complain(command, "unknown option", word, hint);
}

/* -------------------------------------------------------------------- help */

static void
print_help(const Option *options, const char *what, const char *command)
{
    printf("usage: soho-rt %s", command);
    for (const Option *o = options; o->kind != OPT_END; o++)
        if (!is_option(o))
            printf(o->must ? " %s" : " [%s]", o->name);
        else if (o->must)
            printf(" %s %s", o->name, o->value);
    printf(" [option ...]\n%s\n", what);
    for (const Option *o = options; o->kind != OPT_END; o++) {
        char left[WORD_MAX + 1];

        snprintf(left, sizeof left, "%s%s%s", o->name, o->value ? " " : "",
                 o->value ? o->value : "");
        printf("  %-20s %s\n", left, o->help);
    }
}

/* ------------------------------------------------------------------ values */

static int
add_text(const char *command, const Option *o, const char *value)
{
    TextList *list = o->target;

    if (list->n == TEXT_LIST)
        return complain(command, "too many of", o->name, "");
    list->at[list->n++] = value;
    return -1;
}

/* What follows the decimal number that `text` begins with, or NULL. */
static const char *
scan_count(const char *text, u64 *number)
{
    char *end;

    errno = 0;
    *number = strtoull(text, &end, 10);
    return *text < '0' || *text > '9' || errno ? NULL : end;
}

static int
read_count(const char *command, const Option *o, const char *value)
{
    u64 number;
    const char *end = scan_count(value, &number);

    if (!end || *end)
        return complain(command, "expected a whole number, got", value, "");
    *(u64 *)o->target = number;
    return -1;
}

static int
read_counts(const char *command, const Option *o, const char *value)
{
    CountList *list = o->target;
    const char *at = value;

    list->n = 0;
    do {
        if (list->n == COUNT_LIST)
            return complain(command, "too many numbers:", value, "");
        at = scan_count(at, &list->at[list->n]);
        if (!at || !list->at[list->n++] || (*at && *at != ','))
            return complain(command, "expected numbers from 1, as 1,5,20, got",
                            value, "");
    } while (*at++);
    return -1;
}

static int
read_number(const char *command, const Option *o, const char *value)
{
    char *end;
    f64 number = strtod(value, &end);

    if (end == value || *end || number - number != 0)
        return complain(command, "expected a number, got", value, "");
    *(f64 *)o->target = number;
    return -1;
}

static int
take(const char *command, const Option *o, const char *value)
{
    switch (o->kind) {
    case OPT_COUNT:
        return read_count(command, o, value);
    case OPT_COUNTS:
        return read_counts(command, o, value);
    case OPT_NUMBER:
        return read_number(command, o, value);
    case OPT_LIST:
    case OPT_MORE:
        return add_text(command, o, value);
    default:
        *(const char **)o->target = value;
        return -1;
    }
}

/* ------------------------------------------------------------------- words */

typedef struct Words {
    const Option *options;
    int argc, at;
    char **argv;
    u64 given; /* bit per row */
} Words;

/* "--name", "--name value" or "--name=value" at w->at. */
static int
read_option(Words *w)
{
    const char *word = w->argv[w->at], *equals = strchr(word, '=');
    size_t n = equals ? (size_t)(equals - word) : strlen(word);
    const Option *o = w->options;

    while (o->kind != OPT_END &&
           (!is_option(o) || strlen(o->name) != n || memcmp(o->name, word, n)))
        o++;
    if (o->kind == OPT_END)
        return unknown(w->options, w->argv[0], word);
    w->given |= (u64)1 << (o - w->options);
    if (o->kind == OPT_FLAG) {
        if (equals)
            return complain(w->argv[0], "no value follows", o->name, "");
        *(int *)o->target = 1;
        return -1;
    }
    if (equals)
        return take(w->argv[0], o, equals + 1);
    if (w->at + 1 == w->argc)
        return complain(w->argv[0], "a value has to follow", word, "");
    return take(w->argv[0], o, w->argv[++w->at]);
}

/* The first operand that is still free takes the word. */
static int
read_operand(Words *w)
{
    const Option *o = w->options;

    for (; o->kind != OPT_END; o++) {
        u64 bit = (u64)1 << (o - w->options);

        if (o->kind == OPT_MORE ||
            (o->kind == OPT_OPERAND && !(w->given & bit))) {
            w->given |= bit;
            return take(w->argv[0], o, w->argv[w->at]);
        }
    }
    return complain(w->argv[0], "one word too many:", w->argv[w->at], "");
}

int
cmd_options(const Option *options, const char *what, int argc, char **argv)
{
    Words w = {.options = options, .argc = argc, .argv = argv};
    int plain = 0, code = -1;

    for (w.at = 1; w.at < argc && code < 0; w.at++) {
        const char *word = argv[w.at];

        if (!plain && !strcmp(word, "--help")) {
            print_help(options, what, argv[0]);
            return 0;
        }
        if (!plain && !strcmp(word, "--"))
            plain = 1;
        else if (!plain && word[0] == '-' && word[1])
            code = read_option(&w);
        else
            code = read_operand(&w);
    }
    for (const Option *o = options; code < 0 && o->kind != OPT_END; o++)
        if (o->must && !(w.given >> (o - options) & 1))
            code = complain(argv[0], "missing", o->name, "");
    return code;
}
