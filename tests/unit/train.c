/* train.c - training runs of the toy plan: equal bits with any number of
 * workers, after stops and after kill -9 at each kind of moment; refusals;
 * saves that fail; updates that are not finite.
 *
 * Every run is a child process, so that it can die; what it says goes to a
 * file. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/data/shapes.h"
#include "runtime/train.h"
#include "runtime/vfs.h"
#include "toyplan.h"

static int failed;
static char room[64];   /* the test's own folder */
static char said[4096]; /* by the last run */

static void
check(int good, const char *name, const char *why)
{
    if (good)
        printf("ok %s\n", name);
    else
        printf("not ok %s: %s\n", name, why);
    failed |= !good;
}

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

/* --------------------------------------------------------------- the tests */

static void
whole(void)
{
    TrainSpec spec = spec_of("whole");
    char *log;
    int code, good = 1;

    plain();
    code = train(&spec);
    check(code == 0, "train/runs", said);
    log = read_log("whole");
    check(strstr(log, "\"step\":10,\"t\":30,") &&
              strstr(log, "\"split\":\"val\""),
          "train/logs", log);
    free(log);
    for (u32 workers = 1; workers <= 3; workers += 2) {
        char name[16];

        snprintf(name, sizeof name, "workers%u", workers);
        spec = spec_of(name);
        spec.workers = workers;
        good &= !train(&spec) && same_run("whole", name);
    }
    check(good, "train/workers-change-no-bit", "1 or 3 workers gave others");
}

/* Ends at some steps, saving, and goes on: the same bits. */
static void
stops(void)
{
    TrainSpec spec = spec_of("stops");
    int codes = 1, at[] = {3, 3, 2};

    plain();
    for (u32 i = 0; i < countof(at); i++) {
        plot.stop_count = at[i];
        codes &= train(&spec) == SOHO_STOPPED;
        codes &= strstr(said, "--resume") != NULL;
        spec.resume = 1;
    }
    check(codes, "train/stop-exits-75", said);
    plain();
    check(!train(&spec) && same_run("whole", "stops"), "train/resumed-is-equal",
          said);
    check(!train(&spec) && same_run("whole", "stops"),
          "train/resumed-at-the-end", said);
}

/* One run killed at the count'th moment of a kind, every third one again in
 * its recovery, then let go to its end. */
static int
killed_run(int kind, int count, int again, int hit[NMOMENT])
{
    TrainSpec spec = spec_of("killed");
    char command[128];
    int code;

    snprintf(command, sizeof command, "rm -rf %s", in_room("killed"));
    if (system(command))
        return 0;
    plain();
    plot.kill_kind = kind;
    plot.kill_count = count;
    spec.resume = 1;
    while ((code = train(&spec)) == 256 + SIGKILL) {
        hit[kind]++;
        plot.kill_kind = again ? kind : -1;
        plot.kill_count = 2;
        again = 0;
    }
    return code == 0 && same_run("whole", "killed");
}

static void
kills(void)
{
    /* about as many moments of each kind as a run has */
    static const int moments[NMOMENT] = {STEPS, 10 * STEPS, 4 * STEPS,
                                         5 * (STEPS - 2)};
    int good = 1, most = 1, hit[NMOMENT] = {0};

    for (int i = 0; i < 8 && good; i++)
        for (int kind = 0; kind < NMOMENT && good; kind++)
            good = killed_run(kind, i * (moments[kind] - 2) / 8 + 1, i % 3 == 2,
                              hit);
    for (int k = 0; k < NMOMENT; k++) {
        printf("# killed at %d moments of kind %s\n", hit[k], moment_name[k]);
        most &= hit[k] >= 8;
    }
    check(good && most, "train/survives-kills", said);
}

static void
refuses(void)
{
    TrainSpec spec = spec_of("whole");
    const char *folder;
    int lock;
    Err e = {0};

    plain();
    check(train(&spec) == SOHO_BAD && strstr(said, "--resume"),
          "train/refuses-old-folder", said);
    spec.resume = 1;
    spec.seed = 7;
    check(train(&spec) == SOHO_BAD && strstr(said, "seed 1") &&
              strstr(said, "says 7"),
          "train/refuses-other-seed", said);
    spec.seed = TRAIN_SAME;
    spec.plan = in_room("other/plan.bin");
    check(train(&spec) == SOHO_BAD && strstr(said, "plan of hash") &&
              strstr(said, "other/plan.bin") &&
              strstr(said, "; config.salt is 2 now, it was 1 then"),
          "train/refuses-other-plan", said);
    spec.plan = in_room("toy/plan.bin");
    folder = in_room("data2");
    spec.data = &folder;
    check(train(&spec) == SOHO_BAD && strstr(said, "data of hash") &&
              strstr(said, "data2/train_data_vqa.json"),
          "train/refuses-other-data", said);
    checkpoint_lock(&e, in_room("whole"), &lock);
    folder = in_room("data");
    check(train(&spec) == SOHO_IO && strstr(said, "process"),
          "train/refuses-second-process", said);
    checkpoint_unlock(lock);
}

/* The number behind "name": in the line of the log that begins with `start`,
 * -1: there is no such line. */
static long
logged(const char *run, const char *start, const char *name)
{
    char *log = read_log(run), *at = strstr(log, start), *value;
    long n = -1;

    if (at && (value = strstr(at, name)))
        n = strtol(value + strlen(name), NULL, 10);
    free(log);
    return n;
}

/* Micro-batches of an epoch, as the last run said. */
static int
epoch_said(void)
{
    const char *end = strstr(said, " an epoch"), *at = end;

    while (at && at > said && at[-1] >= '0' && at[-1] <= '9')
        at--;
    return at == end ? -1 : atoi(at);
}

/* A run with `spec`, whole and in two pieces: the same bits. */
static int
same_in_pieces(TrainSpec spec, const char *whole_run, const char *pieces)
{
    int good;

    plain();
    spec.run = in_room(whole_run);
    good = !train(&spec);
    plot.stop_count = 5;
    spec.run = in_room(pieces);
    good &= train(&spec) == SOHO_STOPPED;
    plain();
    spec.resume = 1;
    spec.repeat = TRAIN_SAME; /* the checkpoint knows */
    spec.drop_last = 0;
    return good && !train(&spec) && same_run(whole_run, pieces);
}

/* Passes that count as one epoch; batches that are left out. */
static void
order(void)
{
    TrainSpec spec = spec_of("");
    long one = logged("whole", "{\"step\":10,", "\"epoch\":"), two;
    int full, half;

    plain();
    spec.run = in_room("whole");
    spec.resume = 1;
    train(&spec);
    full = epoch_said();
    spec.resume = 0;
    spec.repeat = 2;
    check(same_in_pieces(spec, "twice", "twice-pieces"), "train/repeat-resumes",
          said);
    half = epoch_said();
    two = logged("twice", "{\"step\":10,", "\"epoch\":");
    check(full > 0 && half == 2 * full && one == 1 && two == 0,
          "train/repeat-makes-longer-epochs", said);
    check(!same_file("whole", "twice", "ckpt-10/weights.safetensors"),
          "train/repeat-counts", "the phases do not see it");
    spec.run = in_room("twice");
    spec.resume = 1;
    spec.repeat = 3;
    check(train(&spec) == SOHO_BAD && strstr(said, "made with --repeat 2"),
          "train/refuses-other-repeat", said);

    spec = spec_of("");
    spec.drop_last = 1;
    check(same_in_pieces(spec, "drop", "drop-pieces"), "train/drop-resumes",
          said);
    check(epoch_said() > 0 && epoch_said() < full, "train/drop-shortens-epochs",
          said);
    spec = spec_of("whole");
    spec.resume = spec.drop_last = 1;
    check(train(&spec) == SOHO_BAD && strstr(said, "without --drop-last"),
          "train/refuses-other-drop", said);
}

/* The step behind which the run was evaluated for the first time. */
static int
evaluated_step(const char *run)
{
    char *log = read_log(run), *at = strstr(log, ",\"split\"");
    int step = -1;

    while (at && at > log && at[-1] != '\n')
        at--;
    if (at)
        sscanf(at, "{\"step\":%d", &step);
    free(log);
    return step;
}

/* The steps behind which the run was evaluated: "4 8 10 ". */
static void
evaluated_steps(const char *run, char *to, size_t size)
{
    char *log = read_log(run), *rest = NULL;
    size_t n = 0;

    to[0] = 0;
    for (char *line = strtok_r(log, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest))
        if (strstr(line, ",\"split\"") && n < size)
            n += (size_t)snprintf(to + n, size - n, "%d ", atoi(line + 8));
    free(log);
}

/* Every fourth step and the last, also of a run in pieces. */
static void
evaluates_by_steps(void)
{
    TrainSpec spec = spec_of("");
    char at[64];

    plain();
    spec.eval_every = 0;
    spec.eval_steps = 4;
    check(same_in_pieces(spec, "often", "often-pieces"),
          "train/eval-steps-resumes", said);
    evaluated_steps("often", at, sizeof at);
    check(!strcmp(at, "4 8 10 "), "train/evaluates-by-steps", at);
    evaluated_steps("often-pieces", at, sizeof at);
    check(!strcmp(at, "4 8 10 "), "train/evaluates-by-steps-in-pieces", at);
}

/* When it saves, and what it evaluates first. */
static void
control(void)
{
    static const char first[] =
        "{\"step\":0,\"t\":0,\"epoch\":0,\"split\":\"val\",";
    TrainSpec spec = spec_of("control");
    char path[512];
    int good = 1, evaluated = evaluated_step("whole");
    char *log;

    plain();
    spec.save_every = INFINITY;
    spec.save_steps = 4;
    spec.keep = 9;
    spec.eval_first = 1;
    good = !train(&spec);
    for (int i = 1; i <= 10; i++) {
        snprintf(path, sizeof path, "%s/ckpt-%d", in_room("control"), i);
        good &= !access(path, F_OK) == (i == 4 || i == 8 || i == 10);
    }
    check(good, "train/saves-by-steps", said);
    log = read_log("control");
    check(!strncmp(log, first, strlen(first)) &&
              !strstr(log + strlen(first), "\"step\":0,"),
          "train/evaluates-first", log);
    free(log);
    spec = spec_of("epochs");
    spec.save_every = INFINITY;
    spec.save_epochs = 1;
    spec.eval_every = 0;
    spec.keep = 99;
    good = !train(&spec);
    for (int i = 1; i < 10; i++) {
        snprintf(path, sizeof path, "%s/ckpt-%d", in_room("epochs"), i);
        good &= !access(path, F_OK) == (i == evaluated);
    }
    check(good && evaluated > 1 && logged("epochs", "{", "\"split\"") == -1,
          "train/saves-by-epochs", said);
}

static int
found_step(const char *run)
{
    Err e = {0};
    Found found;

    if (checkpoint_find(&e, in_room(run), &found) || !found.path[0])
        return -1;
    return (int)found.progress.step;
}

static void
full_disk(void)
{
    TrainSpec spec = spec_of("full");

    plain();
    plot.full = 4;
    check(train(&spec) == SOHO_IO &&
              strstr(said, "warning: step 4 not saved") &&
              strstr(said, "3 saves in a row"),
          "train/three-failed-saves", said);
    check(found_step("full") == 3, "train/keeps-saved", "step 3 is not there");
    plain();
    spec.resume = 1;
    check(!train(&spec) && same_run("whole", "full"),
          "train/goes-on-after-full-disk", said);
}

static void
not_finite(void)
{
    TrainSpec spec = spec_of("nan");

    plain();
    spec.seed = 666;
    spec.save_every = 1e9;
    spec.steps = 30;
    check(train(&spec) == SOHO_NUMERICS && strstr(said, "step 20"),
          "train/refused-updates-end-it", said);
}

/* A damaged newest checkpoint: the one before, loudly, and the same end. */
static void
damaged(void)
{
    TrainSpec spec = spec_of("damaged");
    FILE *file;
    int c;

    plain();
    plot.stop_count = 7;
    check(train(&spec) == SOHO_STOPPED, "train/stops-for-damage", said);
    file = fopen(in_room("damaged/ckpt-6/train.safetensors"), "r+");
    if (!file || fseek(file, -3, SEEK_END) || (c = fgetc(file)) == EOF ||
        fseek(file, -3, SEEK_END) || fputc(c ^ 1, file) == EOF || fclose(file))
        exit(1);
    plain();
    spec.resume = 1;
    check(!train(&spec) && strstr(said, "warning: 1 damaged checkpoint") &&
              strstr(said, "goes on from") && strstr(said, "ckpt-5") &&
              same_run("whole", "damaged"),
          "train/falls-back-loudly", said);
}

int
main(void)
{
    ShapesSpec shapes = {NULL, {10, 6}, 5, 64, 48};
    ShapesReport report;
    char command[128];
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
    whole();
    stops();
    kills();
    refuses();
    order();
    control();
    evaluates_by_steps();
    full_disk();
    not_finite();
    damaged();
    snprintf(command, sizeof command, "rm -rf %s", room);
    return system(command) || failed;
}
