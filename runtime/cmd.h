/* cmd.h - the commands of soho-rt, and the one reader of their command lines.
 *
 * A command prints and returns an exit code; everything beneath it neither
 * prints nor exits. */
#ifndef SOHO_CMD_H
#define SOHO_CMD_H

#include "runtime/err.h"

/* argv[0] is the command word, argv[1..argc) its arguments. */
int cmd_train(int argc, char **argv);
int cmd_eval(int argc, char **argv);
int cmd_infer(int argc, char **argv);
int cmd_exec(int argc, char **argv);
int cmd_convert(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_plan(int argc, char **argv);
int cmd_calibrate(int argc, char **argv);
int cmd_tune(int argc, char **argv);
int cmd_data(int argc, char **argv);
int cmd_codes(int argc, char **argv);
int cmd_score(int argc, char **argv);

/* What one row of an option table takes, and the type behind `target`. */
enum {
    OPT_END,     /* last row */
    OPT_FLAG,    /* int: 1 if given */
    OPT_TEXT,    /* const char * */
    OPT_LIST,    /* TextList: may be given several times */
    OPT_COUNT,   /* u64: a decimal number */
    OPT_COUNTS,  /* CountList: numbers from 1, as 1,5,20 */
    OPT_NUMBER,  /* f64 */
    OPT_OPERAND, /* const char *: the next word without dashes */
    OPT_MORE     /* TextList: all words that are left */
};

enum { TEXT_LIST = 64 };
typedef struct TextList {
    const char *at[TEXT_LIST];
    u32 n;
} TextList;

enum { COUNT_LIST = 64 };
typedef struct CountList {
    u64 at[COUNT_LIST];
    u32 n;
} CountList;

/* {OPT_TEXT, "--data", "DIR", &data, 1, "folder of the data set"}: targets
 * keep their value where the option is not given. */
typedef struct Option {
    int kind;
    const char *name;  /* "--steps"; of an operand "PLAN" */
    const char *value; /* what follows, "N"; NULL for flags and operands */
    void *target;
    int must; /* it has to be given */
    const char *help;
} Option;

/* Reads the arguments of the command argv[0].  -1: go on; otherwise the exit
 * code to return: 0 after --help (printed from the table), SOHO_USAGE after a
 * message that names the word and the nearest option.  `what` is one sentence
 * on what the command does. */
int cmd_options(const Option *options, const char *what, int argc, char **argv);

/* The word of the list that is nearest to a mistyped one, or NULL. */
const char *cmd_nearest(const char *word, const char *const *list, u32 n);

/* Prints "soho-rt COMMAND: text" on the error stream; returns e->code. */
int cmd_fail(const char *command, const Err *e);

#endif
