/* accuracy.c - the normal form of answers, and what an answer is worth beside
 * those of ten annotators. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#define CHECK_PART "accuracy/"
#include "check.h"
#include "runtime/data/normalise_answer.h"
#include "runtime/data/vqa_score.h"

/* Worked out by hand from the rules of the official evaluation. */
static const char *const form[][2] = {
    {"", ""},
    {"Yes", "yes"},
    {" two  DOGS\t", "2 dogs"},
    {"None", "0"},
    {"ten", "10"},
    {"eleven", "eleven"},
    {"The cat on a mat", "cat on mat"},
    {"an", ""},
    /* punctuation beside a blank vanishes, elsewhere it becomes one */
    {"black/white", "black white"},
    {"black /white/grey", "black whitegrey"},
    {"t-shirt", "t shirt"},
    {"left - right-hand", "left righthand"},
    {"yes, sir", "yes sir"},
    {"a,b", "b"},
    {"(1)", "1"},
    {"what?!", "what"},
    {"4:30", "4:30"},
    {"50%", "50%"},
    /* a comma between digits makes all of it vanish */
    {"1,000", "1000"},
    {"1,000-seat/hall", "1000seathall"},
    {"x1,y", "x1 y"},
    {"\xd9\xa3,\xd9\xa4-z", "\xd9\xa3\xd9\xa4z"}, /* Arabic digits */
    /* periods stay before digits only */
    {"St. Paul", "st paul"},
    {"1.5", "1.5"},
    {".5.", ".5"},
    {"U.S.", "us"},
    {"2.-5", "2 5"},
    {"7. ,8", "7 8"},
    {"v.\xd9\xa3", "v.\xd9\xa3"},
    {"...................................2", "...2"}, /* of 35 */
    /* contractions */
    {"dont", "don't"},
    {"Couldntve", "couldntve"},
    {"couldnt've", "couldn't've"},
    {"couldn'tve", "couldn't've"},
    {"somebody'd", "somebodyd"},
    {"twas OClock", "'twas o'clock"},
    {"yall'd've", "y'all'd've"},
    {"im", "im"},
    {"cant.", "can't"},
    {"whos the", "who's"},
    {"aintx", "aintx"},
    {"ain", "ain"},
    /* characters beyond ASCII */
    {"\xc3\x89"
     "COLE",
     "\xc3\xa9"
     "cole"},
    {"\xe2\x80\x83red\xc2\xa0"
     "fox",
     "red fox"},                              /* em and hard blanks */
    {"\xc4\xb0", "i\xcc\x87"},                /* dotted I */
    {"\xce\x9f\xce\xa3", "\xce\xbf\xcf\x82"}, /* final sigma */
    {"\xce\xa3\xce\x9f", "\xcf\x83\xce\xbf"},
    {"\xce\x9f\xce\xa3'\xce\x9f", "\xce\xbf\xcf\x83'\xce\xbf"},
};

static void
forms(void)
{
    char what[256];

    for (u32 i = 0; i < countof(form); i++) {
        Bytes got = {.n = 0};

        answer_normalise(form[i][0], strlen(form[i][0]), &got);
        bytes_add(&got, "", 1);
        if (got.failed || strcmp((char *)got.data, form[i][1])) {
            snprintf(what, sizeof what, "'%s' became '%s', expected '%s'",
                     form[i][0], (char *)got.data, form[i][1]);
            check(0, "form", what);
        }
        bytes_free(&got);
    }
    check(1, "forms", "");
}

/* The answers of the annotators, with a slash behind each. */
static f64
accuracy(const char *answers, const char *said)
{
    Annotation a = {.nanswer = 0};
    f64 value;

    bytes_add(&a.text, answers, strlen(answers));
    for (u64 i = 0, from = 0; i < a.text.n; i++)
        if (answers[i] == '/') {
            a.answer[a.nanswer++] = (Span){from, i - from};
            from = i + 1;
        }
    value = vqa_accuracy(&a, said, strlen(said));
    bytes_free(&a.text);
    return value;
}

static void
is(const char *name, const char *answers, const char *said, f64 want)
{
    f64 got = accuracy(answers, said);
    char what[80];

    snprintf(what, sizeof what, "%.17g, expected %g", got, want);
    check(fabs(got - want) < 1e-12, name, what);
}

#define NO(n) NO_##n
#define NO_10 "no/no/no/no/no/no/no/no/no/no/"
#define NO_9  "no/no/no/no/no/no/no/no/no/"
#define NO_8  "no/no/no/no/no/no/no/no/"
#define NO_7  "no/no/no/no/no/no/no/"
#define NO_6  "no/no/no/no/no/no/"

int
main(void)
{
    forms();
    is("none", NO_10, "yes", 0);
    is("all", NO_10, "no", 1);
    is("one", NO_9 "yes/", "yes", 0.3);
    is("two", NO_8 "yes/yes/", "yes", 0.6);
    is("three", NO_7 "yes/yes/yes/", "yes", 0.9);
    is("four", NO_6 "yes/yes/yes/yes/", "yes", 1);
    is("most", NO_9 "yes/", "no", 1);
    is("nine", NO_9, "no", 1);
    is("three-of-three", "no/no/no/", "no", 2 / 3.0);
    is("alone", "no/", "no", 0);
    /* all annotators agree: letter by letter; otherwise in normal form */
    is("agreed-raw", "No/No/No/No/", "no", 0);
    is("agreed-trimmed", " No/No\n/No/No/", "\tNo", 1);
    is("disagreed-normal", "No/no/no./the no/yes/", "NO!", 1);
    is("inner-newline", "a\nb/a b/a b/a\tb/", "a b", 1);
    return failed;
}
