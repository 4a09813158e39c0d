/* soho_rt.c - `soho-rt COMMAND ...`: finds the command, returns its exit code.
 *
 * In: argv.  Out: what the command prints; its exit code, or SOHO_IO where
 * standard output could not be written. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/cmd.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} command[] = {
    {"train", cmd_train, "train a plan on a data folder"},
    {"eval", cmd_eval, "accuracy of weights on a data folder"},
    {"infer", cmd_infer, "answer a question about a picture"},
    {"exec", cmd_exec, "run phases on tensors from files"},
    {"convert", cmd_convert, "weights of PyTorch to safetensors, or back"},
    {"bench", cmd_bench, "time the steps of a phase"},
    {"tune", cmd_tune, "choose library calls by their times on this GPU"},
    {"plan", cmd_plan, "show or check a plan as text"},
    {"calibrate", cmd_calibrate, "what this machine computes per second"},
    {"data", cmd_data, "make data sets; read one file and show it"},
    {"codes", cmd_codes, "draw what a dictionary's entries stand for"},
    {"score", cmd_score, "the official VQA accuracy of a file of answers"},
};

static int
help(FILE *out)
{
    fputs("usage: soho-rt COMMAND ...\n", out);
    for (u32 i = 0; i < countof(command); i++)
        fprintf(out, "  %-10s %s\n", command[i].name, command[i].help);
    fputs("soho-rt COMMAND --help lists a command's options.\n", out);
    return out == stdout ? 0 : SOHO_USAGE;
}

static int
unknown(const char *word)
{
    const char *list[countof(command)], *near;

    for (u32 i = 0; i < countof(command); i++)
        list[i] = command[i].name;
    near = cmd_nearest(word, list, countof(command));
    fprintf(stderr, "soho-rt: unknown command '%s'%s%s%s\n", word,
            near ? ", did you mean " : "", near ? near : "", near ? "?" : "");
    return help(stderr);
}

static int
dispatch(int argc, char **argv)
{
    if (argc < 2)
        return help(stderr);
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help"))
        return help(stdout);
    for (u32 i = 0; i < countof(command); i++)
        if (!strcmp(argv[1], command[i].name))
            return command[i].run(argc - 1, argv + 1);
    return unknown(argv[1]);
}

/* By default GNU OpenMP's threads spin for milliseconds where they wait for
 * each other.  On an idle machine that is right; with one other busy process a
 * step takes ten times as long.  2000 rounds cover the gaps between steps.
 * The library reads its environment before main(), hence the second start. */
static void
spin_briefly(char **argv)
{
    char self[PATH_MAX]; /* a second start under the name that ps shows */
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    if (n < 0 || getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT"))
        return;
    self[n] = 0;
    setenv("GOMP_SPINCOUNT", "2000", 1);
    execv(self, argv); /* goes on as it is where that fails */
}

int
main(int argc, char **argv)
{
    int code;

    spin_briefly(argv);
    code = dispatch(argc, argv);

    if (fflush(stdout) || ferror(stdout)) {
        fprintf(stderr, "soho-rt: cannot write standard output: %s\n",
                strerror(errno));
        return code ? code : SOHO_IO;
    }
    return code;
}
