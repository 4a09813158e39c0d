/* inputs.c - writes one input of the parity case: doors of a micro-batch.
 *
 *   inputs SEED NUMBER ANSWERS OUT.safetensors [one]
 *
 * In: the seed, the number of the input, how many answers.  Out: image,
 * image_size, tokens, token_mask, answers, as tests/oracle/case.py makes them:
 * each is a formula of the words of a site of its own.  With `one` only the
 * first image and sentence, for inference. */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/random.h"
#include "runtime/run.h"

enum { B = 2, S = 2, T = 16, H = 96, W = 128 };
enum { BLOCK = 16, BH = H / BLOCK, BW = W / BLOCK }; /* of one brightness */
enum { CLS = 101, SEP = 102, NWORD = 30522 };

static u64 seed;
static u32 number;

/* The second image's width is 40 or, of odd inputs, 56. */
static i32 image_size[B][2] = {{96, 128}, {80, 40}};
static u8 image[B][H][W][3];
static i32 tokens[B * S][T], token_mask[B * S][T];

static u32
word(const char *site, u32 i)
{
    return random_word(seed, random_site(site), number, i);
}

/* A mosaic of BLOCK x BLOCK pixels under noise, beyond the valid part too. */
static void
make_image(void)
{
    for (u32 i = 0; i < sizeof image; i++) {
        u32 c = i % 3, x = i / 3 % W / BLOCK, y = i / 3 / W % H / BLOCK;
        u32 b = i / 3 / W / H;
        u32 block = word("parity.blocks", ((b * BH + y) * BW + x) * 3 + c);
        u32 noise = word("parity.noise", i);

        (&image[0][0][0][0])[i] = (u8)((3 * (block >> 24) + (noise >> 24)) / 4);
    }
}

/* [CLS] words [SEP] [PAD]..., 4 to T in a row. */
static void
make_tokens(void)
{
    for (u32 row = 0; row < B * S; row++) {
        u32 length = 4 + word("parity.length", row) % (T - 3);

        for (u32 i = 0; i < length; i++) {
            u32 any = 1 + word("parity.words", row * T + i) % (NWORD - 1);

            tokens[row][i] = i == 0 ? CLS : i == length - 1 ? SEP : (i32)any;
            token_mask[row][i] = 1;
        }
    }
}

static void
make_answers(f32 *answers, u32 n)
{
    static const f32 score[8] = {0, 0, 0, 0, 0, 0.3f, 0.6f, 1};

    for (u32 i = 0; i < n; i++)
        answers[i] = score[word("parity.answers", i) >> 29];
}

int
main(int argc, char **argv)
{
    Err e = {0};
    u32 nanswer = argc >= 5 ? (u32)strtoul(argv[3], NULL, 10) : 0;
    f32 *answers = calloc((size_t)B * S * nanswer + 1, sizeof *answers);

    if (!nanswer || !answers) {
        fprintf(stderr, "usage: inputs SEED NUMBER ANSWERS OUT.safetensors "
                        "[one]\n");
        return SOHO_USAGE;
    }
    seed = strtoull(argv[1], NULL, 10);
    number = (u32)strtoul(argv[2], NULL, 10);
    image_size[1][1] += number % 2 ? 16 : 0;
    make_image();
    make_tokens();
    make_answers(answers, B * S * nanswer);

    i64 b = argc == 6 ? 1 : B, s = argc == 6 ? 1 : S;
    const TensorOut row[] = {
        {"image", DT_u8, 4, {b, H, W, 3}, .data = image},
        {"image_size", DT_i32, 2, {b, 2}, .data = image_size},
        {"tokens", DT_i32, 3, {b, s, T}, .data = tokens},
        {"token_mask", DT_i32, 3, {b, s, T}, .data = token_mask},
        {"answers", DT_f32, 3, {b, s, nanswer}, .data = answers},
    };
    if (tensors_write(&e, argv[4], row, countof(row), NULL))
        fprintf(stderr, "inputs: %s\n", e.text);
    free(answers);
    return e.code;
}
