/* ask.c - one question about one picture, through the C API alone.
 *
 *   cc -Iinclude -o ask examples/ask.c build/libsoho.a $(libraries)
 *   ./ask build/plan.bin run cat.jpg "what is on the mat?"
 *
 * The plan is a file that sohoc wrote (its kernels.so lies beside it), the
 * weights a safetensors file or a checkpoint folder. */
#include <stdio.h>

#include "soho/rt.h"

enum { TOP = 3 };

/* Says what the library says about the last failure. */
static int
failed(const Soho *soho, int code)
{
    fprintf(stderr, "ask: %s\n", soho_message(soho));
    return code;
}

static int
ask(Soho *soho, const char *weights, const char *picture, const char *question)
{
    SohoAnswer answer[TOP];
    uint32_t unexpected;
    int code = soho_load(soho, weights, &unexpected);

    if (code)
        return failed(soho, code);
    if (unexpected)
        printf("%u tensors of %s are not in the plan\n", unexpected, weights);
    code = soho_ask(soho, picture, question, answer, TOP);
    if (code)
        return failed(soho, code);
    for (int i = 0; i < TOP; i++)
        printf("%5.1f %%  %s\n", 100 * (double)answer[i].probability,
               answer[i].text ? answer[i].text : "(no name in the plan)");
    return 0;
}

int
main(int argc, char **argv)
{
    Soho *soho = NULL;
    int code;

    if (argc != 5) {
        fprintf(stderr, "usage: ask PLAN WEIGHTS PICTURE QUESTION\n");
        return 2;
    }
    code = soho_open(argv[1], "infer", &soho);
    if (code)
        failed(soho, code);
    else
        code = ask(soho, argv[2], argv[3], argv[4]);
    soho_close(soho);
    return code;
}
