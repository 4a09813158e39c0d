/* train_times.c - training runs of the toy plan: what counts as an epoch, and
 * when a run saves and evaluates. */
#include "traincheck.h"

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

/* The steps behind which the run was evaluated, as "1 4 10 ". */
static const char *
evaluated_steps(const char *run, char text[128])
{
    char *log = read_log(run), *line = log, *next;
    size_t n = 0;
    int step;

    text[0] = 0;
    for (; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        if (strstr(line, ",\"split\"") && n < 100 &&
            sscanf(line, "{\"step\":%d", &step) == 1)
            n += (size_t)sprintf(text + n, "%d ", step);
    }
    free(log);
    return text;
}

/* Evaluates after listed epochs and steps, also when it is stopped at one. */
static void
listed(int epoch)
{
    static const u64 epochs[] = {9, 1}, steps[] = {7, 3, 7, 99};
    TrainSpec spec = spec_of("listed");
    char text[128], wanted[64];

    plain();
    spec.eval_every = 0;
    spec.at_epochs = epochs;
    spec.nat_epochs = countof(epochs);
    train(&spec);
    sprintf(wanted, "%d 10 ", epoch);
    check(!strcmp(evaluated_steps("listed", text), wanted),
          "train/evaluates-after-epochs", text);
    spec.nat_epochs = 0;
    spec.at_steps = steps;
    spec.nat_steps = countof(steps);
    check(same_in_pieces(spec, "listed-steps", "listed-pieces"),
          "train/evaluates-after-steps-resumes", said);
    check(!strcmp(evaluated_steps("listed-steps", text), "3 7 10 "),
          "train/evaluates-after-steps", text);
}

/* Every fourth step and the last, also of a run in pieces. */
static void
evaluates_by_steps(void)
{
    TrainSpec spec = spec_of("");
    char text[128];

    plain();
    spec.eval_every = 0;
    spec.eval_steps = 4;
    check(same_in_pieces(spec, "often", "often-pieces"),
          "train/eval-steps-resumes", said);
    check(!strcmp(evaluated_steps("often", text), "4 8 10 "),
          "train/evaluates-by-steps", text);
    check(!strcmp(evaluated_steps("often-pieces", text), "4 8 10 "),
          "train/evaluates-by-steps-in-pieces", text);
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

int
main(void)
{
    TrainSpec spec;

    if (open_train_room())
        return 1;
    spec = spec_of("whole");
    plain();
    check(!train(&spec), "train/runs-whole", said);
    order();
    control();
    listed(evaluated_step("whole"));
    evaluates_by_steps();
    return close_train_room();
}
