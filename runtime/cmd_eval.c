/* cmd_eval.c - soho-rt eval: accuracy of weights on a split, beside who knows
 * only the question, and beside the same model shown other pictures; for a plan
 * of pre-training, means of its losses and accuracies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/checkpoint.h"
#include "runtime/cmd.h"
#include "runtime/evaluate.h"
#include "runtime/quote.h"
#include "runtime/replace.h"

typedef struct Eval {
    const char *plan, *weights, *split, *submit;
    TextList data, images;
    u64 workers;
    int json, shuffle;
} Eval;

typedef struct Result {
    Tally model, guess;
    Meters meters; /* of pre-training */
    int labelled;  /* the split has answers */
    int guessed;   /* a training split was there to learn from */
    i32 *answer;   /* [nquestion] or NULL */
    FeedStats stats;
} Result;

/* ---------------------------------------------------------------- measuring */

static int
run_model(Err *e, Run *run, const Eval *o, const PlanData *plan,
          const Dataset *data, Result *r)
{
    Feeder feeder;
    FeedSpec *spec = &feeder.buckets.spec;
    Evaluation task = {.run = run,
                       .data = data,
                       .plan = plan,
                       .feeder = &feeder,
                       .tally = plan->captions ? NULL : &r->model,
                       .meters = &r->meters,
                       .answer = r->answer};

    TRY(meters_open(e, run, PH_eval, &r->meters));
    TRY(buckets_open(e, run, PH_eval, &feeder.buckets));
    spec->workers = (u32)o->workers;
    spec->strangers = o->shuffle;
    if (!feeder_open(e, run, data, &feeder) && !evaluate(e, &task))
        r->stats = feed_stats(feeder.feed);
    feeder_close(&feeder);
    return e->code;
}

static DataWanted
wanted(const Eval *o, const char *split)
{
    return (DataWanted){.folder = o->data.at,
                        .nfolder = o->data.n,
                        .images = o->images.at,
                        .nimages = o->images.n,
                        .split = split};
}

/* The question-only guess, learned from the training split if it is there. */
static int
run_guess(Err *e, const Eval *o, const PlanData *plan, const Vqa *test,
          Result *r)
{
    DataWanted from = wanted(o, "train");
    Vqa train = {0};

    if (!dataset_has(plan, &from))
        return 0;
    if (!dataset_read(e, plan, &from, 1, &train))
        r->guessed = !score_guess(e, &train, test, plan->answers, plan->names,
                                  &r->guess);
    vqa_close(&train);
    return e->code;
}

static int
measure(Err *e, Run *run, const Eval *o, const PlanData *plan,
        const Dataset *data, Result *r)
{
    const Vqa *set = &data->set;

    for (u32 q = 0; q < set->nquestion && !r->labelled; q++)
        r->labelled = set->question[q].nlabel > 0;
    if (o->submit) {
        r->answer = calloc(set->nquestion + 1ull, sizeof *r->answer);
        FAIL_IF(!r->answer, e, SOHO_MEMORY, "no memory for %u answers",
                set->nquestion);
    }
    TRY(run_model(e, run, o, plan, data, r));
    return r->labelled ? run_guess(e, o, plan, set, r) : 0;
}

/* ------------------------------------------------------------------ telling */

static void
show_means(const Eval *o, const Dataset *data, const Result *r)
{
    const Meters *m = &r->meters;
    char text[METER_TEXT];

    if (o->json) {
        printf("{\"split\": \"%s\", \"sentences\": %u, \"pictures\": %u, "
               "\"shuffled_images\": %s, %s\"batches\": %llu}\n",
               o->split, data->set.nquestion, data->set.npicture,
               o->shuffle ? "true" : "false", meters_json(text, m),
               (unsigned long long)m->batches);
        return;
    }
    printf("%s: %u sentences about %u pictures, %llu batches\n",
           data->part->json, data->set.nquestion, data->set.npicture,
           (unsigned long long)m->batches);
    for (u32 i = 0; i < m->n; i++)
        printf("%-16s %.6f\n", m->name[i], meters_mean(m, i));
}

/* "name": value pairs of one tally. */
static void
json_tally(const Tally *t)
{
    printf("{\"accuracy\": %.6f", tally_accuracy(t));
#define X(kind, shown)                                                         \
    printf(", \"" #kind "\": %.6f, \"" #kind "_questions\": %llu",             \
           tally_kind(t, KIND_##kind), (unsigned long long)t->n[KIND_##kind]);
    SCORE_KINDS(X)
#undef X
    if (t->loss_rows)
        printf(", \"loss\": %.6f", tally_loss(t));
    printf("}");
}

static void
show_json(const Eval *o, const Dataset *data, const Result *r)
{
    printf("{\"split\": \"%s\", \"questions\": %u, \"shuffled_images\": %s",
           o->split, data->set.nquestion, o->shuffle ? "true" : "false");
    if (r->labelled) {
        printf(", \"model\": ");
        json_tally(&r->model);
    }
    if (r->guessed) {
        printf(", \"question_only\": ");
        json_tally(&r->guess);
    }
    printf("}\n");
}

static void
show_tally(const char *who, const Tally *t)
{
    printf("%-24s %6.2f %%", who, 100 * tally_accuracy(t));
#define X(kind, shown)                                                         \
    printf("  %s %6.2f %% of %llu", shown, 100 * tally_kind(t, KIND_##kind),   \
           (unsigned long long)t->n[KIND_##kind]);
    SCORE_KINDS(X)
#undef X
    if (t->loss_rows)
        printf("  loss %.4f", tally_loss(t));
    printf("\n");
}

static void
show_text(const Eval *o, const Dataset *data, const Result *r)
{
    const FeedStats *s = &r->stats;

    printf("%s: %u questions about %u pictures\n", data->part->json,
           data->set.nquestion, data->set.npicture);
    if (r->labelled)
        show_tally(o->shuffle ? "model, pictures shuffled" : "model",
                   &r->model);
    else
        printf("the split has no answers to compare with\n");
    if (r->guessed)
        show_tally("question-only guess", &r->guess);
    printf("padding %.1f %% of the pixels computed; %llu samples shrunk\n",
           s->pixels ? 100 * (f64)s->padding / (f64)s->pixels : 0,
           (unsigned long long)s->shrunk);
}

/* --------------------------------------------------------------- submitting */

/* [{"question_id": N, "answer": "..."}, ...] in the order of the file. */
static void
print_submission(FILE *out, const PlanData *plan, const Vqa *set,
                 const i32 *answer)
{
    fputc('[', out);
    for (u32 q = 0; q < set->nquestion; q++) {
        fprintf(out, "%s{\"question_id\": %llu, \"answer\": ", q ? ",\n " : "",
                (unsigned long long)set->question[q].id);
        quote_json(out, plan->names[answer[q]]);
        fputc('}', out);
    }
    fputs("]\n", out);
}

static int
submit(Err *e, const Eval *o, const PlanData *plan, const Vqa *set,
       const i32 *answer)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out;

    out = open_memstream(&text, &n);
    FAIL_IF(!out, e, SOHO_MEMORY, "%s: no memory for its text", o->submit);
    print_submission(out, plan, set, answer);
    if (fclose(out))
        err_set(e, SOHO_MEMORY, "%s: no memory for its text", o->submit);
    else
        replace_file(e, o->submit, text, n);
    free(text);
    return e->code;
}

/* -------------------------------------------------------------------- whole */

static int
eval(Err *e, Run *run, const Eval *o, const PlanData *plan, Dataset *data)
{
    char path[PATH_MAX];
    DataWanted from = wanted(o, o->split);
    Result r;

    memset(&r, 0, sizeof r);
    FAIL_IF(plan->captions && o->submit, e, SOHO_USAGE,
            "--submit: %s is for pre-training and answers nothing", o->plan);
    FAIL_IF(o->submit && !plan->names, e, SOHO_BAD,
            "%s: has no answer names to submit; compile the model with --set "
            "answers=FILE",
            o->plan);
    TRY(checkpoint_weights(e, o->weights, path));
    TRY(weights_load(e, run, path, NULL));
    if (*e->text)
        fprintf(stderr, "warning: %s\n", e->text);
    TRY(dataset_open(e, plan, &from, 0, data));
    if (!measure(e, run, o, plan, data, &r)) {
        if (plan->captions)
            show_means(o, data, &r);
        else if (o->json)
            show_json(o, data, &r);
        else
            show_text(o, data, &r);
        if (o->submit)
            submit(e, o, plan, &data->set, r.answer);
    }
    free(r.answer);
    return e->code;
}

static int
open_and_eval(Err *e, const Eval *o)
{
    Run *run = NULL;
    PlanData plan = {0};
    Dataset data;

    memset(&data, 0, sizeof data);
    if (!run_open(e, o->plan, 1u << PH_eval, &run) &&
        !plandata_open(e, run, &plan))
        eval(e, run, o, &plan, &data);
    dataset_close(&data);
    plandata_close(&plan);
    run_close(run);
    if (!e->code && (fflush(stdout) || ferror(stdout)))
        err_set(e, SOHO_IO, "cannot write the result");
    return e->code;
}

int
cmd_eval(int argc, char **argv)
{
    Eval o = {.split = "val", .workers = 1};
    const Option options[] = {
        {OPT_OPERAND, "PLAN", NULL, &o.plan, 1, "plan.bin of a model"},
        {OPT_LIST, "--data", "DIR", &o.data, 1,
         "folder with SPLIT_data_vqa.json (SPLIT_data_caps.json for "
         "pre-training) and its pictures; several are one data set"},
        {OPT_TEXT, "--weights", "W", &o.weights, 1,
         "file (safetensors, PyTorch), checkpoint folder or run folder"},
        {OPT_TEXT, "--split", "S", &o.split, 0, "which split (val)"},
        {OPT_LIST, "--images", "PATH", &o.images, 0,
         "archive, folder or index of the pictures, one for each --data"},
        {OPT_TEXT, "--submit", "OUT.json", &o.submit, 0,
         "write the answer to every question"},
        {OPT_FLAG, "--shuffle-images", NULL, &o.shuffle, 0,
         "ask each question about another picture"},
        {OPT_COUNT, "--workers", "N", &o.workers, 0,
         "threads that read pictures (1)"},
        {OPT_FLAG, "--json", NULL, &o.json, 0, "print one JSON object"},
        {.kind = OPT_END},
    };
    Err e = {0};
    int code =
        cmd_options(options, "Measure the accuracy of weights.", argc, argv);

    if (code >= 0)
        return code;
    if (o.workers > FEED_WORKERS)
        err_set(&e, SOHO_USAGE, "--workers is at most %d", FEED_WORKERS);
    if (e.code || open_and_eval(&e, &o))
        return cmd_fail("eval", &e);
    return 0;
}
