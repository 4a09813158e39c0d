/* traincheck.h - what the tests of training share: runs of the toy plan in
 * children, so that they can die, a file table that kills, stops or fails, and
 * what finished runs are compared by.  What a run says goes to a file. */
#ifndef TRAINCHECK_H
#define TRAINCHECK_H

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "runtime/data/shapes.h"
#include "runtime/train.h"
#include "runtime/vfs.h"
#include "toyplan.h"

static char room[64];   /* the test's own folder */
static char said[4096]; /* by the last run */

/* Path in the test's folder; lives as long as the test. */
static const char *
in_room(const char *name)
{
    static char path[512][128];
    static u32 n;

    for (u32 i = 0; i < n; i++)
        if (!strcmp(path[i] + strlen(room) + 1, name))
            return path[i];
    assert(n < countof(path));
    snprintf(path[n], sizeof path[n], "%s/%s", room, name);
    return path[n++];
}

/* -------------------------------- a file table that kills, stops or fails */

enum { AT_step, AT_save, AT_rename, AT_prune, NMOMENT };
static const char *const moment_name[NMOMENT] = {"step", "save", "rename",
                                                 "prune"};
enum { STEPS = 10 }; /* of a whole run, about two epochs */
static const Vfs *real;
static volatile sig_atomic_t stop;
static char open_name[64][256]; /* by descriptor */

/* What happens at the count'th moment of that kind; -1: nothing. */
static struct {
    int kill_kind, kill_count;
    int stop_count; /* writes of the log after which the flag is set */
    int full;       /* writes into checkpoints fail from that step on */
    int seen[NMOMENT];
} plot;

static int
moment(int kind)
{
    if (plot.kill_kind == kind && plot.seen[kind] == plot.kill_count)
        kill(getpid(), SIGKILL);
    if (kind == AT_step && plot.seen[kind] + 1 == plot.stop_count)
        stop = 1;
    return plot.seen[kind]++;
}

static int
t_open(const char *path, int flags, int mode)
{
    int fd = real->open(path, flags, mode);

    if (fd >= 0 && fd < (int)countof(open_name))
        snprintf(open_name[fd], sizeof open_name[fd], "%s", path);
    return fd;
}

static i64
t_write(int fd, const void *from, u64 n)
{
    const char *name =
        fd >= 0 && fd < (int)countof(open_name) ? open_name[fd] : "";

    if (strstr(name, "log.jsonl"))
        moment(AT_step);
    else
        moment(AT_save);
    if (plot.full && plot.seen[AT_step] >= plot.full &&
        strstr(name, "/ckpt-")) {
        errno = ENOSPC;
        return -1;
    }
    return real->write(fd, from, n);
}

/* What a killed process wrote is in the page cache all the same: no need to
 * wait for the disk here. */
static int
t_fsync(int fd)
{
    (void)fd;
    moment(AT_save);
    return 0;
}

static int
t_rename(const char *from, const char *to)
{
    size_t n = strlen(to);

    moment(n > 4 && !strcmp(to + n - 4, ".tmp") ? AT_prune : AT_rename);
    return real->rename(from, to);
}

static int
t_unlink(const char *path)
{
    moment(AT_prune);
    return real->unlink(path);
}

static int
t_rmdir(const char *path)
{
    moment(AT_prune);
    return real->rmdir(path);
}

static Vfs table;

static void
plain(void)
{
    memset(&plot, 0, sizeof plot);
    plot.kill_kind = -1;
    plot.stop_count = -1;
}

/* -------------------------------------------------------------------- runs */

static TrainSpec
spec_of(const char *run)
{
    static const char *data;

    data = in_room("data");
    return (TrainSpec){.plan = in_room("toy/plan.bin"),
                       .data = &data,
                       .ndata = 1,
                       .run = in_room(run),
                       .epochs = TRAIN_SAME,
                       .steps = STEPS,
                       .seed = TRAIN_SAME,
                       .repeat = TRAIN_SAME,
                       .keep = 2,
                       .eval_every = 1,
                       .log_every = 1,
                       .save_every = 0,
                       .stop = &stop};
}

/* Runs in a child: exit code, or 256 + the signal it died of. */
static int
train(const TrainSpec *spec)
{
    int status;
    pid_t child;
    FILE *in;
    size_t n = 0;

    fflush(stdout);
    child = fork();
    if (!child) {
        Err e = {0};
        int code;

        stop = 0;
        if (!freopen(in_room("said"), "w", stderr))
            _exit(99);
        code = train_run(&e, spec);
        fprintf(stderr, "%s\n", e.text);
        fflush(stderr);
        _exit(code);
    }
    waitpid(child, &status, 0);
    in = fopen(in_room("said"), "r");
    if (in) {
        n = fread(said, 1, sizeof said - 1, in);
        fclose(in);
    }
    said[n] = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

/* The log without what the clock put there. */
static char *
read_log(const char *run)
{
    char path[512];
    char *text = calloc(1, 1 << 20), *line = malloc(4096);
    FILE *in;

    snprintf(path, sizeof path, "%s/log.jsonl", in_room(run));
    in = fopen(path, "r");
    while (in && fgets(line, 4096, in)) {
        char *clock = strstr(line, ",\"samples_per_second\"");

        if (clock)
            strcpy(clock, "}\n");
        strcat(text, line);
    }
    if (in)
        fclose(in);
    free(line);
    return text;
}

static int
same_file(const char *run, const char *other, const char *name)
{
    char a[512], b[512];
    u8 da[DIGEST_BYTES], db[DIGEST_BYTES];
    Err e = {0};

    snprintf(a, sizeof a, "%s/%s", in_room(run), name);
    snprintf(b, sizeof b, "%s/%s", in_room(other), name);
    return !digest_file(&e, a, da, NULL) && !digest_file(&e, b, db, NULL) &&
           !memcmp(da, db, DIGEST_BYTES);
}

/* Weights, state, best weights and log of two finished runs. */
static int
same_run(const char *run, const char *other)
{
    char *a = read_log(run), *b = read_log(other);
    int same = *a && !strcmp(a, b);

    free(a);
    free(b);
    return same && same_file(run, other, "ckpt-10/weights.safetensors") &&
           same_file(run, other, "ckpt-10/train.safetensors") &&
           same_file(run, other, "best.safetensors");
}

/* Data sets, plans, and the file table under all that follows. */
static int
open_train_room(void)
{
    ShapesSpec shapes = {NULL, {10, 6}, 5, 64, 48};
    ShapesReport report;
    Err e = {0};

    snprintf(room, sizeof room, "%s/soho-train-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(room))
        return 1;
    shapes.out = in_room("data");
    if (shapes_make(&e, &shapes, &report))
        return 1;
    shapes.out = in_room("data2");
    shapes.seed = 6;
    if (shapes_make(&e, &shapes, &report))
        return 1;
    mkdir(in_room("toy"), 0777);
    mkdir(in_room("other"), 0777);
    toy_make(in_room("toy"), "1");
    toy_make(in_room("other"), "2");
    real = vfs;
    table = *real;
    table.open = t_open;
    table.write = t_write;
    table.fsync = t_fsync;
    table.rename = t_rename;
    table.unlink = t_unlink;
    table.rmdir = t_rmdir;
    vfs = &table;
    return 0;
}

static int
close_train_room(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf %s", room);
    return system(command) || failed;
}

#endif
