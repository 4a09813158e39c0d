/* pictures.c - writes one input of a backbone case: two pictures, and numbers
 * for the product with their feature map.
 *
 *   pictures SEED NUMBER HEIGHTxWIDTH COUNT OUT.safetensors
 *
 * In: the seed, the number of the input, the pictures' size, the elements of
 * one picture's map.  Out: image, image_size, answers [2,1,COUNT], as
 * tests/oracle/backbone.py makes them: each is a formula of the words of a site
 * of its own. */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/random.h"
#include "runtime/run.h"

enum { B = 2, BLOCK = 16, SIDE = 4096 };

static u64 seed;
static u32 number;

static u32
word(const char *site, u32 i)
{
    return random_word(seed, random_site(site), number, i);
}

/* A mosaic of BLOCK x BLOCK pixels under noise, beyond the valid part too. */
static void
make_image(u8 *image, u32 height, u32 width)
{
    u32 rows = (height + BLOCK - 1) / BLOCK,
        columns = (width + BLOCK - 1) / BLOCK;

    for (u32 i = 0; i < B * height * width * 3; i++) {
        u32 c = i % 3, x = i / 3 % width / BLOCK;
        u32 y = i / 3 / width % height / BLOCK, b = i / 3 / width / height;
        u32 block =
            word("parity.blocks", ((b * rows + y) * columns + x) * 3 + c);

        image[i] =
            (u8)((3 * (block >> 24) + (word("parity.noise", i) >> 24)) / 4);
    }
}

/* Numbers of -1..1. */
static void
make_slope(f32 *slope, u32 n)
{
    for (u32 i = 0; i < n; i++)
        slope[i] = (f32)((f64)(word("parity.slope", i) >> 8) / (1 << 23) - 1);
}

int
main(int argc, char **argv)
{
    Err e = {0};
    u32 height = 0, width = 0, count = 0;
    u8 *image;
    f32 *slope;

    if (argc != 6 || sscanf(argv[3], "%ux%u", &height, &width) != 2 ||
        sscanf(argv[4], "%u", &count) != 1 || height - 1 >= SIDE ||
        width - 1 >= SIDE || count - 1 >= SIDE * SIDE) {
        fprintf(stderr, "usage: pictures SEED NUMBER HEIGHTxWIDTH COUNT "
                        "OUT.safetensors\n");
        return SOHO_USAGE;
    }
    seed = strtoull(argv[1], NULL, 10);
    number = (u32)strtoul(argv[2], NULL, 10);
    image = calloc((size_t)B * height * width, 3);
    slope = calloc((size_t)B * count, sizeof *slope);
    if (!image || !slope)
        return SOHO_MEMORY;
    make_image(image, height, width);
    make_slope(slope, B * count);

    const i32 size[B][2] = {{(i32)height, (i32)width},
                            {(i32)height * 5 / 6, (i32)width * 2 / 3}};
    const TensorOut row[] = {
        {"image", DT_u8, 4, {B, height, width, 3}, .data = image},
        {"image_size", DT_i32, 2, {B, 2}, .data = size},
        {"answers", DT_f32, 3, {B, 1, count}, .data = slope},
    };
    if (tensors_write(&e, argv[5], row, countof(row), NULL))
        fprintf(stderr, "pictures: %s\n", e.text);
    free(image);
    free(slope);
    return e.code;
}
