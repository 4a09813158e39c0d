/* score.c - accuracies by kind of answer, and the guesser that knows only the
 * question, on a set small enough to count by hand. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "runtime/score.h"

static const char *const names[] = {"yes", "no", "red", "blue"};
enum { YES, NO, RED, BLUE, ANSWERS };

/* Word ids of three questions; c begins like a. */
static i32 words[] = {7, 8, 9, 5, 7, 8, 9, 4};
#define A 0, 3
#define B 3, 1
#define C 4, 4

/* a: red red blue; b: yes no(0.3) */
static i32 train_label[] = {RED, BLUE, RED, YES, NO, BLUE};
static f32 train_score[] = {1, 1, 0.6f, 1, 0.3f, 0.3f};
static Question train_question[] = {{1, 0, A, 0, 1},
                                    {2, 0, B, 3, 1},
                                    {3, 0, A, 1, 1},
                                    {4, 0, A, 2, 1},
                                    {5, 0, B, 4, 2}};
static const Vqa train = {.question = train_question,
                          .nquestion = countof(train_question),
                          .token = words,
                          .label = train_label,
                          .score = train_score};

/* a: blue 1, red 0.3; b: no; c, never asked: yes; a without an answer */
static i32 test_label[] = {BLUE, RED, NO, YES};
static f32 test_score[] = {1, 0.3f, 1, 1};
static Question test_question[] = {
    {1, 0, A, 0, 2}, {2, 0, B, 2, 1}, {3, 0, C, 3, 1}, {4, 0, A, 0, 0}};
static const Vqa test = {.question = test_question,
                         .nquestion = countof(test_question),
                         .token = words,
                         .label = test_label,
                         .score = test_score};

static int
near(f64 a, f64 b)
{
    return fabs(a - b) < 1e-6;
}

int
main(void)
{
    Tally t = {.loss = 0}, guess = {.loss = 0};
    Err e = {0};

    check(score_kind(&test, &test_question[0], names) == KIND_other &&
              score_kind(&test, &test_question[1], names) == KIND_yes_no &&
              score_kind(&test, &test_question[3], names) == KIND_other &&
              score_kind(&test, &test_question[1], NULL) == KIND_other,
          "score/kinds", "a kind is wrong");
    check(near(score_label(&test, &test_question[0], RED), 0.3) &&
              near(score_label(&test, &test_question[0], BLUE), 1) &&
              near(score_label(&test, &test_question[0], YES), 0),
          "score/soft-scores", "a target value is wrong");
    check(tally_accuracy(&t) == 0 && isnan(tally_loss(&t)), "score/empty",
          "an empty tally has a figure");
    tally_add(&t, KIND_yes_no, 1);
    tally_add(&t, KIND_other, 0.3);
    tally_add(&t, KIND_other, 0);
    check(near(tally_accuracy(&t), 1.3 / 3) &&
              near(tally_kind(&t, KIND_other), 0.15) && tally_count(&t) == 3,
          "score/means", "a mean is wrong");
    /* a -> red (1.6 against 1), b -> yes, c -> red, the commonest of all */
    check(!score_guess(&e, &train, &test, ANSWERS, names, &guess),
          "score/guess", e.text);
    check(near(guess.score[KIND_other], 0.3) && guess.n[KIND_other] == 2 &&
              near(guess.score[KIND_yes_no], 0) && guess.n[KIND_yes_no] == 2,
          "score/guess-counts", "another guess than by hand");
    test_label[2] = YES;
    memset(&guess, 0, sizeof guess);
    score_guess(&e, &train, &test, ANSWERS, names, &guess);
    check(near(guess.score[KIND_yes_no], 1), "score/guess-by-words",
          "the question's own answer was not learned");
    return failed;
}
