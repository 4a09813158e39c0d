/* cmd_score.c - `soho-rt score`: the official accuracy of a file of answers. */
#include <stdio.h>
#include <string.h>

#include "runtime/cmd.h"
#include "runtime/data/vqa_score.h"
#include "runtime/quote.h"

typedef struct Options {
    const char *questions, *annotations, *predictions;
    int json, each;
} Options;

static f64
percent(f64 sum, u64 n)
{
    return n ? 100 * sum / (f64)n : 0;
}

static const TypeSum *
sum_at(const TypeScore *type, u32 number)
{
    return (const TypeSum *)(const void *)type->sum.at + number;
}

/* ----------------------------------------------------------------- as JSON */

static void
json_types(const char *key, const TypeScore *type)
{
    printf(", \"%s\": {", key);
    for (u32 i = 0; i < texts_count(&type->name); i++) {
        const Text *name = texts_at(&type->name, i);

        printf("%s", i ? ", " : "");
        quote_bytes(stdout, name->at, name->n);
        printf(": %.4f", percent(sum_at(type, i)->sum, sum_at(type, i)->n));
    }
    printf("}");
}

static void
show_json(const VqaScore *score, int each)
{
    const QuestionScore *q = (const void *)score->each.at;

    printf("{\"questions\": %llu, \"overall\": %.4f",
           (unsigned long long)score->n, percent(score->sum, score->n));
    json_types("perAnswerType", &score->by_answer);
    json_types("perQuestionType", &score->by_question);
    if (each) {
        printf(", \"perQuestion\": {");
        for (u64 i = 0; i < score->each.n; i++)
            printf("%s\"%llu\": %.4f", i ? ", " : "",
                   (unsigned long long)q[i].id, 100 * q[i].accuracy);
        printf("}");
    }
    printf("}\n");
}

/* ----------------------------------------------------------------- as text */

static void
show_types(const char *title, const TypeScore *type)
{
    printf("\n%s\n", title);
    for (u32 i = 0; i < texts_count(&type->name); i++) {
        const Text *name = texts_at(&type->name, i);
        char shown[80];

        printf("  %-28s %6.2f  of %llu\n",
               err_clean(shown, sizeof shown, name->at, name->n),
               percent(sum_at(type, i)->sum, sum_at(type, i)->n),
               (unsigned long long)sum_at(type, i)->n);
    }
}

static void
show_text(const VqaScore *score, int each)
{
    const QuestionScore *q = (const void *)score->each.at;

    printf("%-30s %6.2f  of %llu questions\n", "accuracy in per cent",
           percent(score->sum, score->n), (unsigned long long)score->n);
    show_types("by type of answer", &score->by_answer);
    show_types("by type of question", &score->by_question);
    if (each)
        printf("\nby question_id\n");
    for (u64 i = 0; each && i < score->each.n; i++)
        printf("  %-28llu %6.2f\n", (unsigned long long)q[i].id,
               100 * q[i].accuracy);
}

int
cmd_score(int argc, char **argv)
{
    Options o = {.json = 0};
    const Option options[] = {
        {OPT_TEXT, "--questions", "Q.json", &o.questions, 1,
         "official file of questions"},
        {OPT_TEXT, "--annotations", "A.json", &o.annotations, 1,
         "official file of annotations"},
        {OPT_TEXT, "--predictions", "P.json", &o.predictions, 1,
         "[{\"question_id\": N, \"answer\": \"...\"}], one for each question"},
        {OPT_FLAG, "--json", NULL, &o.json, 0,
         "print one JSON object, accuracies to 4 decimals"},
        {OPT_FLAG, "--each", NULL, &o.each, 0,
         "print the accuracy of each question, too"},
        {.kind = OPT_END},
    };
    VqaScore score;
    Err e = {0};
    int code = cmd_options(options, "The official VQA accuracy of answers.",
                           argc, argv);

    if (code >= 0)
        return code;
    if (!vqa_score(&e, o.questions, o.annotations, o.predictions, &score))
        (o.json ? show_json : show_text)(&score, o.each);
    vqa_score_free(&score);
    return e.code ? cmd_fail("score", &e) : 0;
}
