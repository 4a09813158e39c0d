/* inputs.c - writes one input of the parity case: doors of a micro-batch.
 *
 *   inputs SEED NUMBER ANSWERS OUT.safetensors [one]
 *   inputs SEED NUMBER pretrain=HxW OUT.safetensors [one]
 *
 * In: the seed, the number of the input, how many answers, or the size of the
 * bucket of pre-training, up to 128x192.  Out: image, image_size, tokens,
 * token_mask and answers, as tests/oracle/case.py makes them, or mlm_labels and
 * itm_labels, as tests/oracle/pretrain.py does: each is a formula of the words
 * of a site of its own.  With `one` only the first image and sentence, for
 * inference. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/random.h"
#include "runtime/run.h"

enum { B = 2, T = 16, MOST_S = 4, MOST_H = 128, MOST_W = 192 };
enum { BLOCK = 16 }; /* pixels of one brightness */
enum { CLS = 101, SEP = 102, NWORD = 30522, NOT_ASKED = -100 };

static u64 seed;
static u32 number;
static u32 S = 2, H = 96, W = 128;

static i32 image_size[B][2];
static u8 image[B * MOST_H * MOST_W * 3];
static i32 tokens[B * MOST_S][T], token_mask[B * MOST_S][T];
static i32 mlm_labels[B * MOST_S][T], itm_labels[B * MOST_S];

static u32
word(const char *site, u32 i)
{
    return random_word(seed, random_site(site), number, i);
}

/* The second image is narrower, by what depends on the input being odd. */
static void
make_sizes(int pretrain)
{
    i32 height = (i32)H - 16;
    i32 width = pretrain ? (i32)W / 2 - 24 : 40;
    i32 more = pretrain ? 24 : 16;

    image_size[0][0] = (i32)H;
    image_size[0][1] = (i32)W;
    image_size[1][0] = height;
    image_size[1][1] = width + (number % 2 ? more : 0);
}

/* A mosaic of BLOCK x BLOCK pixels under noise, beyond the valid part too. */
static void
make_image(void)
{
    for (u32 i = 0; i < B * H * W * 3; i++) {
        u32 c = i % 3, x = i / 3 % W / BLOCK, y = i / 3 / W % H / BLOCK;
        u32 b = i / 3 / W / H;
        u32 at = ((b * (H / BLOCK) + y) * (W / BLOCK) + x) * 3 + c;
        u32 block = word("parity.blocks", at);
        u32 noise = word("parity.noise", i);

        image[i] = (u8)((3 * (block >> 24) + (noise >> 24)) / 4);
    }
}

/* [CLS] words [SEP] [PAD]..., 4 to T in a row; one word in four is asked for.
 */
static void
make_tokens(void)
{
    for (u32 row = 0; row < B * S; row++) {
        u32 length = 4 + word("parity.length", row) % (T - 3);

        itm_labels[row] = (i32)(word("parity.itm", row) >> 31);
        for (u32 i = 0; i < T; i++) {
            u32 any = 1 + word("parity.words", row * T + i) % (NWORD - 1);
            u32 asked = word("parity.mlm", row * T + i);
            int inside = i > 0 && i + 1 < length;

            mlm_labels[row][i] =
                inside && asked % 4 == 0 ? (i32)(asked / 4 % NWORD) : NOT_ASKED;
            token_mask[row][i] = i < length;
            tokens[row][i] = i >= length       ? 0
                             : i == 0          ? CLS
                             : i == length - 1 ? SEP
                                               : (i32)any;
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

static int
write_doors(Err *e, const char *path, int one, const f32 *answers, u32 nanswer)
{
    i64 b = one ? 1 : B, s = one ? 1 : S;
    const TensorOut row[] = {
        {"image", DT_u8, 4, {b, H, W, 3}, .data = image},
        {"image_size", DT_i32, 2, {b, 2}, .data = image_size},
        {"tokens", DT_i32, 3, {b, s, T}, .data = tokens},
        {"token_mask", DT_i32, 3, {b, s, T}, .data = token_mask},
        {"answers", DT_f32, 3, {b, s, nanswer}, .data = answers},
    };
    const TensorOut last[] = {
        {"mlm_labels", DT_i32, 3, {b, s, T}, .data = mlm_labels},
        {"itm_labels", DT_i32, 2, {b, s}, .data = itm_labels}};
    TensorOut all[6];

    memcpy(all, row, sizeof row);
    if (!nanswer)
        memcpy(all + 4, last, sizeof last);
    return tensors_write(e, path, all, nanswer ? 5 : one ? 4 : 6, NULL);
}

/* "HxW" into the size of the bucket; whether a picture can have it. */
static int
read_size(const char *text)
{
    S = MOST_S;
    return sscanf(text, "%ux%u", &H, &W) == 2 && H > BLOCK && H <= MOST_H &&
           W > 3 * BLOCK && W <= MOST_W && H % BLOCK == 0 && W % BLOCK == 0;
}

int
main(int argc, char **argv)
{
    static const char word[] = "pretrain=";
    Err e = {0};
    int pretrain = argc >= 5 && !strncmp(argv[3], word, strlen(word));
    u32 nanswer = argc >= 5 && !pretrain ? (u32)strtoul(argv[3], NULL, 10) : 0;
    int good = pretrain ? read_size(argv[3] + strlen(word)) : nanswer > 0;
    f32 *answers = calloc((size_t)B * S * nanswer + 1, sizeof *answers);

    if (!good || !answers) {
        fprintf(stderr, "usage: inputs SEED NUMBER ANSWERS|pretrain=HxW "
                        "OUT.safetensors [one]\n");
        free(answers);
        return SOHO_USAGE;
    }
    seed = strtoull(argv[1], NULL, 10);
    number = (u32)strtoul(argv[2], NULL, 10);
    make_sizes(pretrain);
    make_image();
    make_tokens();
    make_answers(answers, B * S * nanswer);
    if (write_doors(&e, argv[4], argc == 6, answers, nanswer))
        fprintf(stderr, "inputs: %s\n", e.text);
    free(answers);
    return e.code;
}
