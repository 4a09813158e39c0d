/* cmd_train.c - soho-rt train: a plan, a data folder and a run folder become
 * weights.
 *
 * The first SIGINT or SIGTERM ends the run at the next step with a checkpoint
 * and SOHO_STOPPED; the second one at once, leaving the checkpoints there
 * are. */
#include <math.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "runtime/cmd.h"
#include "runtime/train.h"

static volatile sig_atomic_t stop;

static void
on_signal(int number)
{
    static const char text[] = "\nsaving; once more ends at once\n";

    (void)number;
    if (stop)
        _exit(SOHO_STOPPED);
    stop = 1;
    (void)!write(2, text, sizeof text - 1);
}

static void
catch_signals(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN; /* a closed terminal is no reason to die */
    sigaction(SIGPIPE, &action, NULL);
}

static int
check_numbers(Err *e, const TrainSpec *s)
{
    FAIL_IF(s->keep < 2, e, SOHO_USAGE,
            "--keep-last %llu: at least 2, so that one stays whole while "
            "another is damaged",
            (unsigned long long)s->keep);
    FAIL_IF(s->log_every < 1 || s->repeat < 1 || s->workers > FEED_WORKERS, e,
            SOHO_USAGE,
            "--log-every and --repeat are at least 1, --workers at most %d",
            FEED_WORKERS);
    FAIL_IF(s->epochs != TRAIN_SAME && s->steps != TRAIN_SAME, e, SOHO_USAGE,
            "give --epochs or --steps, not both");
    return 0;
}

typedef struct Lists {
    TextList data, images, weights;
    CountList at_epochs, at_steps;
} Lists;

static void
take_lists(TrainSpec *s, const Lists *l)
{
    s->data = l->data.at;
    s->ndata = l->data.n;
    s->images = l->images.at;
    s->nimages = l->images.n;
    s->weights = l->weights.at;
    s->nweights = l->weights.n;
    s->at_epochs = l->at_epochs.at;
    s->nat_epochs = l->at_epochs.n;
    s->at_steps = l->at_steps.at;
    s->nat_steps = l->at_steps.n;
}

int
cmd_train(int argc, char **argv)
{
    TrainSpec s = {.epochs = TRAIN_SAME,
                   .steps = TRAIN_SAME,
                   .seed = TRAIN_SAME,
                   .repeat = TRAIN_SAME,
                   .workers = 1,
                   .keep = 2,
                   .eval_every = TRAIN_SAME,
                   .log_every = 10,
                   .save_every = -1,
                   .stop = &stop};
    Lists l = {.data.n = 0};
    const Option options[] = {
        {OPT_OPERAND, "PLAN", NULL, &s.plan, 1, "plan.bin of a model"},
        {OPT_LIST, "--data", "DIR", &l.data, 1,
         "folder with train_data_vqa.json (train_data_caps.json for "
         "pre-training) and its pictures; several are one data set"},
        {OPT_TEXT, "--run", "DIR", &s.run, 1,
         "folder for checkpoints and log.jsonl"},
        {OPT_LIST, "--images", "PATH", &l.images, 0,
         "archive, folder or index of the pictures, one for each --data"},
        {OPT_LIST, "--weights", "W", &l.weights, 0,
         "begin with what fits of these: file (safetensors, PyTorch), "
         "checkpoint or run folder; may be given several times"},
        {OPT_FLAG, "--resume", NULL, &s.resume, 0,
         "go on from the newest whole checkpoint of the run folder"},
        {OPT_COUNT, "--epochs", "N", &s.epochs, 0,
         "passes over the data, in batches of the first one"},
        {OPT_COUNT, "--steps", "N", &s.steps, 0, "updates to make in all"},
        {OPT_COUNT, "--repeat", "N", &s.repeat, 0,
         "passes over the data that count as one epoch (1)"},
        {OPT_FLAG, "--drop-last", NULL, &s.drop_last, 0,
         "leave out batches that are not full; otherwise they are refilled"},
        {OPT_COUNT, "--seed", "N", &s.seed, 0,
         "of weights, dropout and data order (1)"},
        {OPT_COUNT, "--workers", "N", &s.workers, 0,
         "threads that read pictures (1); changes no bit"},
        {OPT_COUNT, "--keep-last", "K", &s.keep, 0,
         "checkpoints kept (2, which is the least)"},
        {OPT_NUMBER, "--save-every", "SECONDS", &s.save_every, 0,
         "time between checkpoints (60, or none with another interval; 0: "
         "every step)"},
        {OPT_COUNT, "--save-steps", "N", &s.save_steps, 0,
         "steps between checkpoints"},
        {OPT_COUNT, "--save-epochs", "N", &s.save_epochs, 0,
         "epochs between checkpoints"},
        {OPT_COUNT, "--eval-every", "EPOCHS", &s.eval_every, 0,
         "epochs between evaluations on val (1, or none with one of the next "
         "three; 0: none)"},
        {OPT_COUNT, "--eval-steps", "N", &s.eval_steps, 0,
         "steps between evaluations on val"},
        {OPT_COUNTS, "--eval-at-epochs", "N,N,...", &l.at_epochs, 0,
         "epochs after which to evaluate"},
        {OPT_COUNTS, "--eval-at-steps", "N,N,...", &l.at_steps, 0,
         "steps after which to evaluate"},
        {OPT_FLAG, "--eval-first", NULL, &s.eval_first, 0,
         "evaluate before the first step, too"},
        {OPT_COUNT, "--log-every", "N", &s.log_every, 0,
         "steps between lines of the log (10)"},
        {.kind = OPT_END},
    };
    Err e = {0};
    int code = cmd_options(options,
                           "Train a model on a folder of questions and "
                           "pictures.",
                           argc, argv);

    if (code >= 0)
        return code;
    take_lists(&s, &l);
    if (s.eval_every == TRAIN_SAME)
        s.eval_every = !s.eval_steps && !s.nat_epochs && !s.nat_steps;
    if (s.save_every < 0)
        s.save_every = s.save_steps || s.save_epochs ? INFINITY : 60;
    catch_signals();
    if (check_numbers(&e, &s) || train_run(&e, &s))
        return cmd_fail("train", &e);
    return 0;
}
