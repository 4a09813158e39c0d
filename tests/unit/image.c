/* image.c - pictures written here by libpng and libjpeg come back as they are,
 * turned as EXIF says; damaged ones are refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>

#include "check.h"
#include "runtime/data/data.h"

enum { W = 37, H = 23 }; /* not multiples of anything */

/* A growing file in memory. */
typedef struct File {
    u8 *data;
    u64 bytes;
} File;

static void
append(File *f, const void *data, u64 n)
{
    f->data = realloc(f->data, f->bytes + n);
    memcpy(f->data + f->bytes, data, n);
    f->bytes += n;
}

/* Decodes a copy of exactly that size, so that a sanitizer sees every read
 * beyond the end. */
static int
decode(Err *e, const u8 *data, u64 n, Image *image)
{
    u8 *copy = malloc(n ? n : 1);
    int code;

    memcpy(copy, data, n);
    err_clear(e);
    code = image_decode(e, "the-picture", copy, n, image);
    free(copy);
    return code;
}

/* Whether a failure is told as it should be, or a success has pixels. */
static int
sound(const Err *e, int code, const Image *image)
{
    if (code)
        return code == SOHO_BAD && !image->rgb &&
               strstr(e->text, "the-picture");
    return image->rgb && image->w > 0 && image->h > 0;
}

/* --------------------------------------------------------------------- PNG */

static void
png_append(png_structp png, png_bytep data, size_t n)
{
    append(png_get_io_ptr(png), data, n);
}

static void
png_no_flush(png_structp png)
{
    (void)png;
}

/* rows: packed as PNG wants them, row_bytes apart. */
static File
make_png(int colour, int depth, int interlace, const u8 *rows, u64 row_bytes)
{
    File f = {0};
    png_structp png =
        png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_color palette[16];
    u8 *row[H];

    for (int i = 0; i < 16; i++)
        palette[i] = (png_color){(u8)(i * 16), (u8)(255 - i), (u8)(i * i)};
    for (int y = 0; y < H; y++)
        row[y] = (u8 *)(uintptr_t)(rows + (u64)y * row_bytes);
    png_set_write_fn(png, &f, png_append, png_no_flush);
    png_set_IHDR(png, info, W, H, depth, colour, interlace, 0, 0);
    if (colour == PNG_COLOR_TYPE_PALETTE) {
        u8 clear[2] = {0, 128};

        png_set_PLTE(png, info, palette, 1 << depth);
        png_set_tRNS(png, info, clear, 2, NULL);
    }
    png_write_info(png, info);
    png_write_image(png, row);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    return f;
}

/* Channel c of pixel (x, y) of a made PNG, as 8 bits. */
static u8
expected(int colour, int depth, const u8 *row, int x, int c)
{
    int channels = colour == PNG_COLOR_TYPE_RGB          ? 3
                   : colour == PNG_COLOR_TYPE_RGB_ALPHA  ? 4
                   : colour == PNG_COLOR_TYPE_GRAY_ALPHA ? 2
                                                         : 1;
    int sample;

    if (depth >= 8)
        return row[(x * channels + (channels >= 3 ? c : 0)) * (depth / 8)];
    sample = row[x * depth / 8] >> (8 - depth - x * depth % 8);
    sample &= (1 << depth) - 1;
    if (colour == PNG_COLOR_TYPE_PALETTE)
        return (u8)(c == 0   ? sample * 16
                    : c == 1 ? 255 - sample
                             : sample * sample);
    return (u8)(sample * 255 / ((1 << depth) - 1));
}

static void
fill(u8 *rows, u64 n)
{
    u32 x = 12345;

    for (u64 i = 0; i < n; i++) {
        x = x * 1664525u + 1013904223u;
        rows[i] = (u8)(x >> 24);
    }
}

static void
png_kinds(void)
{
    static const struct {
        const char *name;
        int colour, depth, bits;
    } kind[] = {
        {"png/grey1", PNG_COLOR_TYPE_GRAY, 1, 1},
        {"png/grey2", PNG_COLOR_TYPE_GRAY, 2, 2},
        {"png/grey4", PNG_COLOR_TYPE_GRAY, 4, 4},
        {"png/grey8", PNG_COLOR_TYPE_GRAY, 8, 8},
        {"png/grey16", PNG_COLOR_TYPE_GRAY, 16, 16},
        {"png/grey-alpha8", PNG_COLOR_TYPE_GRAY_ALPHA, 8, 16},
        {"png/grey-alpha16", PNG_COLOR_TYPE_GRAY_ALPHA, 16, 32},
        {"png/palette1", PNG_COLOR_TYPE_PALETTE, 1, 1},
        {"png/palette4-transparent", PNG_COLOR_TYPE_PALETTE, 4, 4},
        {"png/rgb8", PNG_COLOR_TYPE_RGB, 8, 24},
        {"png/rgb16", PNG_COLOR_TYPE_RGB, 16, 48},
        {"png/rgba8", PNG_COLOR_TYPE_RGB_ALPHA, 8, 32},
        {"png/rgba16", PNG_COLOR_TYPE_RGB_ALPHA, 16, 64},
    };
    static u8 rows[H * W * 8];

    fill(rows, sizeof rows);
    for (u32 k = 0; k < countof(kind); k++) {
        u64 row_bytes = (u64)(W * kind[k].bits + 7) / 8;
        int good = 1;
        Err e = {0};

        for (int interlace = 0; interlace < 2; interlace++) {
            File f = make_png(kind[k].colour, kind[k].depth, interlace, rows,
                              row_bytes);
            Image image;

            good &= !decode(&e, f.data, f.bytes, &image) && image.w == W &&
                    image.h == H;
            for (int i = 0; good && i < W * H * 3; i++)
                good &= image.rgb[i] == expected(kind[k].colour, kind[k].depth,
                                                 rows + i / 3 / W * row_bytes,
                                                 i / 3 % W, i % 3);
            image_free(&image);
            free(f.data);
        }
        check(good, kind[k].name, e.code ? e.text : "other pixels");
    }
}

/* Cut at every byte; one flipped bit in every byte. */
static int
endure(const File *f, int *whole)
{
    Err e = {0};
    Image image;
    int good = 1;
    u8 *bent = malloc(f->bytes);

    *whole = 0;
    for (u64 n = 0; n < f->bytes; n++) {
        int code = decode(&e, f->data, n, &image);

        good &= sound(&e, code, &image);
        *whole += !code;
        image_free(&image);
        memcpy(bent, f->data, f->bytes);
        bent[n] ^= (u8)(1 << n % 8);
        code = decode(&e, bent, f->bytes, &image);
        good &= sound(&e, code, &image);
        image_free(&image);
    }
    free(bent);
    return good;
}

static void
png_damage(void)
{
    static u8 rows[H * W * 3];
    File f;
    int whole;

    fill(rows, sizeof rows / 2); /* the rest is black */
    f = make_png(PNG_COLOR_TYPE_RGB, 8, 0, rows, W * 3);
    check(endure(&f, &whole), "png/cut-and-bent", "an unsound answer");
    check(whole == 0, "png/cut-is-refused", "a file that was cut was read");
    free(f.data);
}

/* A header alone, with its right checksum. */
static void
png_bomb(void)
{
    static const u8 start[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n',
                               0,    0,   0,   13,  'I',  'H',  'D',  'R'};
    u8 head[13] = {0, 0, 0xc3, 0x50, 0, 0, 0xc3, 0x50, 8, 2, 0, 0, 0};
    static const u8 crc[] = {0xc4, 0xcd, 0xaa, 0x9d};
    File f = {0};
    Err e = {0};
    Image image;

    append(&f, start, sizeof start);
    append(&f, head, sizeof head);
    append(&f, crc, sizeof crc);
    append(&f, "\0\0\0\0IDAT", 8);
    check(decode(&e, f.data, f.bytes, &image) == SOHO_BAD &&
              strstr(e.text, "50000 x 50000"),
          "png/bomb", e.text);
    free(f.data);
}

/* -------------------------------------------------------------------- JPEG */

enum { PLAIN, PROGRESSIVE, SEPARATE_SCANS };

static File
make_jpeg(int components, int how, const u8 *app1, u32 app1_bytes)
{
    static const jpeg_scan_info apart[3] = {
        {1, {0}, 0, 63, 0, 0}, {1, {1}, 0, 63, 0, 0}, {1, {2}, 0, 63, 0, 0}};
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    unsigned char *data = NULL;
    unsigned long bytes = 0;
    File f = {0};
    u8 row[W * 4];

    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &data, &bytes);
    c.image_width = W;
    c.image_height = H;
    c.input_components = components;
    c.in_color_space = components == 1   ? JCS_GRAYSCALE
                       : components == 3 ? JCS_RGB
                                         : JCS_CMYK;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, 95, TRUE);
    if (how == PROGRESSIVE)
        jpeg_simple_progression(&c);
    if (how == SEPARATE_SCANS) {
        c.scan_info = apart;
        c.num_scans = 3;
    }
    jpeg_start_compress(&c, TRUE);
    if (app1_bytes)
        jpeg_write_marker(&c, JPEG_APP0 + 1, app1, app1_bytes);
    for (int y = 0; y < H; y++) {
        JSAMPROW one = row;

        for (int i = 0; i < W * components; i++)
            row[i] = (u8)(i * (5 + i % components) / components + 3 * y);
        jpeg_write_scanlines(&c, &one, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    append(&f, data, bytes);
    free(data);
    return f;
}

/* libjpeg's own CMYK, for the formula. */
static void
cmyk_reference(const File *f, u8 *rgb)
{
    struct jpeg_decompress_struct d;
    struct jpeg_error_mgr errors;
    u8 row[W * 4];
    JSAMPROW one = row;

    d.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&d);
    jpeg_mem_src(&d, f->data, f->bytes);
    jpeg_read_header(&d, TRUE);
    d.out_color_space = JCS_CMYK;
    jpeg_start_decompress(&d);
    for (int y = 0; y < H; y++) {
        jpeg_read_scanlines(&d, &one, 1);
        for (int i = 0; i < W * 3; i++) {
            int k = row[i / 3 * 4 + 3], c = row[i / 3 * 4 + i % 3];

            *rgb++ = (u8)(k - ((255 - c) * k >> 8));
        }
    }
    jpeg_finish_decompress(&d);
    jpeg_destroy_decompress(&d);
}

static void
jpeg_kinds(void)
{
    static u8 want[W * H * 3];
    Err e = {0};
    Image image;
    File f = make_jpeg(1, PLAIN, NULL, 0);
    int good = !decode(&e, f.data, f.bytes, &image);

    for (int i = 0; good && i < W * H; i++)
        good &= image.rgb[3 * i] == image.rgb[3 * i + 1] &&
                image.rgb[3 * i] == image.rgb[3 * i + 2] &&
                abs(image.rgb[3 * i] - (u8)(i % W * 5 + 3 * (i / W))) < 40;
    check(good, "jpeg/grey", e.code ? e.text : "other pixels");
    image_free(&image);
    free(f.data);
    f = make_jpeg(4, PLAIN, NULL, 0);
    cmyk_reference(&f, want);
    check(!decode(&e, f.data, f.bytes, &image) &&
              !memcmp(image.rgb, want, sizeof want),
          "jpeg/cmyk", e.code ? e.text : "other pixels");
    image_free(&image);
    free(f.data);
}

/* Turns (x, y) of the shown picture into a place of the stored one. */
static const u8 *
stored(const Image *s, int orientation, int x, int y)
{
    int flip_x = orientation == 2 || orientation == 3 || orientation == 7 ||
                 orientation == 8;
    int flip_y = orientation == 3 || orientation == 4 || orientation == 6 ||
                 orientation == 7;

    if (orientation >= 5) {
        int swap = x;

        x = y, y = swap;
    }
    x = flip_x ? s->w - 1 - x : x;
    y = flip_y ? s->h - 1 - y : y;
    return s->rgb + 3 * (y * s->w + x);
}

static int
turned(const Image *s, const Image *t, int orientation)
{
    int swap = orientation >= 5;

    if (t->w != (swap ? s->h : s->w) || t->h != (swap ? s->w : s->h))
        return 0;
    for (int y = 0; y < t->h; y++)
        for (int x = 0; x < t->w; x++)
            if (memcmp(t->rgb + 3 * (y * t->w + x),
                       stored(s, orientation, x, y), 3))
                return 0;
    return 1;
}

static void
jpeg_orientations(void)
{
    Err e = {0};
    Image plain, image;
    File f = make_jpeg(3, PLAIN, NULL, 0);

    decode(&e, f.data, f.bytes, &plain);
    free(f.data);
    for (int i = 0; i <= 9; i++) {
        u8 big[] = {'E', 'x', 'i', 'f', 0, 0, 'M', 'M', 0, 42, 0, 0,     0, 8,
                    0,   1,   1,   18,  0, 3, 0,   0,   0, 1,  0, (u8)i, 0, 0};
        u8 little[] = {'E', 'x', 'i', 'f', 0,     0, 'I', 'I', 42, 0,
                       8,   0,   0,   0,   1,     0, 18,  1,   3,  0,
                       1,   0,   0,   0,   (u8)i, 0, 0,   0};
        int same_as = i >= 1 && i <= 8 ? i : 1;
        int good = 1;
        char name[32];

        for (int half = 0; half < 2; half++) {
            f = make_jpeg(3, PLAIN, half ? big : little, sizeof big);
            good &= !decode(&e, f.data, f.bytes, &image) &&
                    turned(&plain, &image, same_as);
            image_free(&image);
            free(f.data);
        }
        snprintf(name, sizeof name, "jpeg/orientation%d", i);
        check(good, name, e.code ? e.text : "turned otherwise");
    }
    image_free(&plain);
}

static void
jpeg_orientation_cut(void)
{
    static const u8 app1[] = {'E', 'x', 'i', 'f', 0, 0, 'I', 'I', 42, 0,
                              8,   0,   0,   0,   1, 0, 18,  1,   3,  0,
                              1,   0,   0,   0,   6, 0, 0,   0};
    int good = 1;

    for (u32 n = 0; n <= sizeof app1; n++) {
        Err e = {0};
        Image image;
        File f = make_jpeg(3, PLAIN, app1, n);

        good &=
            !decode(&e, f.data, f.bytes, &image) && image.w == (n < 26 ? W : H);
        image_free(&image);
        free(f.data);
    }
    check(good, "jpeg/orientation-cut", "a directory that ends early");
}

static void
jpeg_damage(void)
{
    static const char *const name[] = {"jpeg/cut-and-bent",
                                       "jpeg/progressive-cut-and-bent"};

    for (int how = PLAIN; how <= PROGRESSIVE; how++) {
        File f = make_jpeg(3, how, NULL, 0);
        int whole;

        check(endure(&f, &whole), name[how], "an unsound answer");
        /* Only the end marker's two bytes may be missing. */
        check(whole <= (how == PLAIN ? 2 : 0), "jpeg/cut-is-refused",
              "a file that lacks pixels was read");
        free(f.data);
    }
}

/* A sequential file of many scans, the last one repeated. */
static void
jpeg_scans(void)
{
    File f = make_jpeg(3, SEPARATE_SCANS, NULL, 0), many = {0};
    u64 last = f.bytes - 2;
    Err e = {0};
    Image image;

    check(!decode(&e, f.data, f.bytes, &image), "jpeg/separate-scans", e.text);
    image_free(&image);
    while (f.data[last] != 0xff || f.data[last + 1] != 0xda)
        last--;
    append(&many, f.data, f.bytes - 2);
    for (int i = 0; i < 120; i++)
        append(&many, f.data + last, f.bytes - 2 - last);
    append(&many, "\xff\xd9", 2);
    check(decode(&e, many.data, many.bytes, &image) == SOHO_BAD &&
              strstr(e.text, "scans"),
          "jpeg/too-many-scans", e.text);
    free(f.data);
    free(many.data);
}

static void
strangers(void)
{
    Err e = {0};
    Image image;

    check(decode(&e, (const u8 *)"", 0, &image) == SOHO_BAD &&
              strstr(e.text, "empty"),
          "image/empty", e.text);
    check(decode(&e, (const u8 *)"\033[31mred", 8, &image) == SOHO_BAD &&
              strstr(e.text, "\\x1b[31m") && strstr(e.text, "the-picture"),
          "image/neither", e.text);
}

int
main(void)
{
    png_kinds();
    png_damage();
    png_bomb();
    jpeg_kinds();
    jpeg_orientations();
    jpeg_orientation_cut();
    jpeg_damage();
    jpeg_scans();
    strangers();
    return failed;
}
