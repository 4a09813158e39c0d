/* cmd_infer.c - soho-rt infer: answers to questions about one picture. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/checkpoint.h"
#include "runtime/cmd.h"
#include "runtime/quote.h"
#include "runtime/run.h"

enum { INFER_TOP = 1000 };
#define NO_SEED UINT64_MAX

typedef struct Infer {
    const char *plan, *image, *weights;
    TextList question;
    u64 seed, top;
    int json, memory;
} Infer;

/* Weights from where the options say: a path, else a seed, else ./run. */
static int
load(Err *e, Soho *soho, const Infer *o)
{
    const char *from = o->weights;
    char path[PATH_MAX];

    if (!from && o->seed != NO_SEED)
        return soho_init(soho, o->seed);
    if (!from) {
        from = "run";
        FAIL_IF(access(from, F_OK), e, SOHO_USAGE,
                "which weights? give --weights W, or --seed N for starting "
                "values (there is no folder ./run)");
    }
    TRY(checkpoint_weights(e, from, path));
    if (!o->weights)
        fprintf(stderr, "weights from %s\n", path);
    TRY(soho_load(soho, path, NULL));
    if (*soho_message(soho))
        fprintf(stderr, "warning: %s\n", soho_message(soho));
    return 0;
}

/* Of one question; with others beside it, the question too. */
static void
print_answers(const Infer *o, const char *question, const SohoAnswer *answer)
{
    char shown[256];

    if (o->json) {
        printf("{\"question\": ");
        quote_json(stdout, question);
        printf(", \"answers\": [");
    } else if (o->question.n > 1) {
        printf("%s\n",
               err_clean(shown, sizeof shown, question, strlen(question)));
    }
    for (u32 i = 0; i < o->top; i++) {
        const char *text = answer[i].text;

        if (!text && !(answer[i].probability > 0))
            break; /* the model has no more answers */
        if (o->json) {
            printf("%s{\"label\": %u, \"probability\": %.9g", i ? ", " : "",
                   answer[i].label, (f64)answer[i].probability);
            if (text) {
                printf(", \"answer\": ");
                quote_json(stdout, text);
            }
            printf("}");
        } else if (text) {
            printf("%6.2f %%  %s\n", 100 * (f64)answer[i].probability,
                   err_clean(shown, sizeof shown, text, strlen(text)));
        } else {
            printf("%6.2f %%  label %u\n", 100 * (f64)answer[i].probability,
                   answer[i].label);
        }
    }
    if (o->json)
        printf("]}\n");
}

/* Bytes of the process that are in memory now, 0 where the system does not
 * say. */
static u64
resident_bytes(void)
{
    FILE *in = fopen("/proc/self/status", "r");
    char line[256];
    u64 kib = 0;

    while (in && fgets(line, sizeof line, in) &&
           sscanf(line, "VmRSS: %" SCNu64, &kib) != 1)
        continue;
    if (in)
        fclose(in);
    return kib << 10;
}

static void
print_memory(const Infer *o, const Run *run)
{
    static const char *const name[NARENA] = {
#define X(word, what) #word,
        SOHO_ARENAS(X)
#undef X
    };
    FILE *out = o->json ? stdout : stderr;
    u64 all = 0;

    fputs(o->json ? "{\"arenas\": {" : "memory:", out);
    for (u32 k = 0; k < NARENA; k++) {
        fprintf(out, o->json ? "%s\"%s\": %" PRIu64 : "%s%s %" PRIu64,
                o->json ? k ? ", " : "" : " ", name[k], run->arena_bytes[k]);
        all += run->arena_bytes[k];
    }
    fprintf(out,
            o->json ? "}, \"arena_bytes\": %" PRIu64
                      ", \"resident_bytes\": %" PRIu64 "}\n"
                    : ", in all %" PRIu64 " bytes of arenas; %" PRIu64
                      " bytes resident\n",
            all, resident_bytes());
}

/* One question after the other. */
static int
ask(Soho *soho, const Infer *o, SohoAnswer *answer)
{
    for (u32 i = 0; i < o->question.n; i++) {
        const char *question = o->question.at[i];

        TRY(soho_ask(soho, o->image, question, answer, (u32)o->top));
        if (*soho_message(soho) && i == 0)
            fprintf(stderr, "note: %s\n", soho_message(soho));
        print_answers(o, question, answer);
    }
    if (o->memory)
        print_memory(o, (const Run *)soho);
    return 0;
}

static int
infer(Err *e, Soho *soho, const Infer *o)
{
    SohoAnswer *answer = calloc(o->top, sizeof *answer);
    int code;

    FAIL_IF(!answer, e, SOHO_MEMORY, "no memory for %llu answers",
            (unsigned long long)o->top);
    code = load(e, soho, o);
    if (!code)
        code = ask(soho, o, answer);
    if (code)
        err_set(e, code, "%s", soho_message(soho));
    free(answer);
    return e->code;
}

/* Only what is run is opened: phase init needs all of the training's state. */
static const char *
kinds(const Infer *o)
{
    return o->seed == NO_SEED ? "infer" : "init,infer";
}

int
cmd_infer(int argc, char **argv)
{
    Infer o = {.plan = "build/plan.bin", .seed = NO_SEED, .top = 5};
    const Option options[] = {
        {OPT_OPERAND, "PLAN", NULL, &o.plan, 0, "plan.bin (build/plan.bin)"},
        {OPT_TEXT, "--image", "F", &o.image, 1, "a PNG or JPEG file"},
        {OPT_LIST, "--question", "Q", &o.question, 1,
         "about the picture; may be given several times"},
        {OPT_TEXT, "--weights", "W", &o.weights, 0,
         "file (safetensors, PyTorch), checkpoint or run folder (./run)"},
        {OPT_COUNT, "--seed", "N", &o.seed, 0, "starting values instead"},
        {OPT_COUNT, "--top", "N", &o.top, 0, "answers shown (5)"},
        {OPT_FLAG, "--json", NULL, &o.json, 0,
         "print one JSON object a question"},
        {OPT_FLAG, "--memory", NULL, &o.memory, 0,
         "say how much is resident after the answers"},
        {.kind = OPT_END},
    };
    Err e = {0};
    Soho *soho = NULL;
    int code =
        cmd_options(options, "Answer questions about a picture.", argc, argv);

    if (code >= 0)
        return code;
    if (o.top < 1 || o.top > INFER_TOP)
        err_set(&e, SOHO_USAGE, "--top is 1 to %d", INFER_TOP);
    else if (o.weights && o.seed != NO_SEED)
        err_set(&e, SOHO_USAGE, "give --weights or --seed, not both");
    else if ((code = soho_open(o.plan, kinds(&o), &soho)))
        err_set(&e, code, "%s", soho_message(soho));
    else
        infer(&e, soho, &o);
    soho_close(soho);
    if (!e.code && (fflush(stdout) || ferror(stdout)))
        err_set(&e, SOHO_IO, "cannot write the answers");
    return e.code ? cmd_fail("infer", &e) : 0;
}
