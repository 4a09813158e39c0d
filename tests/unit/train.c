/* train.c - training runs of the toy plan: equal bits with any number of
 * workers, after stops and after kill -9 at each kind of moment; refusals;
 * saves that fail; updates that are not finite. */
#include "traincheck.h"

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
    if (open_train_room())
        return 1;
    whole();
    stops();
    kills();
    refuses();
    full_disk();
    not_finite();
    damaged();
    return close_train_room();
}
