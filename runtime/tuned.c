/* tuned.c - reads and writes tuned.txt. */
#include "runtime/tuned.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/exec.h"
#include "runtime/replace.h"
#include "runtime/vfs.h"

#define MARK "soho tuned 1"
enum { MOST_BYTES = 4 << 20, HASH_TEXT = 65 };

static void
hash_text(const Plan *plan, char text[HASH_TEXT])
{
    for (u32 i = 0; i < 32; i++)
        snprintf(text + 2 * i, 3, "%02x", plan->head->hash[i]);
}

int
tuned_path(Err *e, const Plan *plan, char path[PATH_MAX])
{
    return run_beside(e, plan, "tuned.txt", path);
}

/* ----------------------------------------------------------------- reading */

/* "step 12 3"; the rest of the line is for people. */
static int
read_step(Err *e, const char *path, u32 number, const char *line, u32 nstep,
          u8 *choice)
{
    unsigned step, candidate;
    int end = 0;

    FAIL_IF(sscanf(line, "step %u %u%n", &step, &candidate, &end) != 2 ||
                (line[end] && line[end] != ' ' && line[end] != ';'),
            e, SOHO_BAD,
            "%s:%u: \"step NUMBER CANDIDATE\" expected; remove the file, or "
            "write it again with soho-rt tune",
            path, number);
    FAIL_IF(step >= nstep || candidate >= CANDIDATES, e, SOHO_BAD,
            "%s:%u: step %u of %u, candidate %u of %d: remove the file, or "
            "write it again with soho-rt tune",
            path, number, step, nstep, candidate, CANDIDATES);
    choice[step] = (u8)candidate;
    return 0;
}

/* Is the line `key` and then exactly this? */
static int
says(const char *line, const char *key, const char *what)
{
    size_t n = strlen(key);

    return line && !strncmp(line, key, n) && line[n] == ' ' &&
           !strcmp(line + n + 1, what);
}

static int
read_lines(Err *e, const char *path, char *text, const Plan *plan,
           const char *on, u8 *choice)
{
    char hash[HASH_TEXT], *rest = NULL;
    char *line = strtok_r(text, "\n", &rest);
    u32 number = 3;

    FAIL_IF(!line || strcmp(line, MARK), e, SOHO_BAD,
            "%s:1: \"%s\" expected; remove the file, or write it again with "
            "soho-rt tune",
            path, MARK);
    hash_text(plan, hash);
    if (!says(strtok_r(NULL, "\n", &rest), "plan", hash) ||
        !says(strtok_r(NULL, "\n", &rest), "on", on))
        return 0;
    while ((line = strtok_r(NULL, "\n", &rest)))
        TRY(read_step(e, path, ++number, line, plan->nstep, choice));
    return 0;
}

int
tuned_read(Err *e, const Plan *plan, const char *on, u8 *choice)
{
    char path[PATH_MAX];
    u64 bytes;
    u8 *data;

    memset(choice, 0, plan->nstep);
    TRY(tuned_path(e, plan, path));
    if (access(path, F_OK))
        return 0;
    TRY(vfs_read_file(e, path, MOST_BYTES, &data, &bytes));
    read_lines(e, path, (char *)data, plan, on, choice);
    free(data);
    return e->code;
}

/* ----------------------------------------------------------------- writing */

int
tuned_write(Err *e, const Plan *plan, const char *on, const RunChoice *choice,
            u32 n)
{
    char path[PATH_MAX], hash[HASH_TEXT];
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);

    FAIL_IF(!out, e, SOHO_MEMORY, "no memory for %u steps", n);
    hash_text(plan, hash);
    fprintf(out, "%s\nplan %s\non %s\n", MARK, hash, on);
    for (u32 i = 0; i < n; i++)
        if (choice[i].choice)
            fprintf(out, "step %u %u  ; %s: %.4f ms, the first of %u %.4f\n",
                    choice[i].step, choice[i].choice,
                    plan_text(plan, plan->step[choice[i].step].name),
                    choice[i].ms, choice[i].candidates, choice[i].first_ms);
    if (fclose(out))
        err_set(e, SOHO_MEMORY, "no memory for %u steps", n);
    if (!e->code && !tuned_path(e, plan, path))
        replace_file(e, path, text, bytes);
    free(text);
    return e->code;
}
