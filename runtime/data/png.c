/* png.c - PNG to 8-bit RGB by libpng's row interface.
 *
 * In: a whole file in memory.  Out: RGB rows.  16 bit keep their high byte,
 * palettes and grey are widened, alpha and transparent colours are dropped
 * without blending.  Only the chunks that carry pixels are parsed. */
#include "runtime/data/image.h"

#include <png.h>
#include <setjmp.h>
#include <string.h>

/* Everything that must survive the longjmp lives here, not in locals. */
typedef struct Reader {
    Err *e;
    const char *name;
    const u8 *data;
    u64 bytes, at;
    png_structp png;
    png_infop info;
    jmp_buf escape;
} Reader;

static void
on_error(png_structp png, png_const_charp text)
{
    Reader *r = png_get_error_ptr(png);
    char shown[128];

    err_set(r->e, SOHO_BAD, "%s: damaged PNG near byte %llu of %llu: %s",
            r->name, (unsigned long long)r->at, (unsigned long long)r->bytes,
            err_clean(shown, sizeof shown, text, strlen(text)));
    longjmp(r->escape, 1);
}

/* What libpng only warns of leaves the pixels as they are. */
static void
on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void
on_read(png_structp png, png_bytep to, size_t n)
{
    Reader *r = png_get_io_ptr(png);

    if (n > r->bytes - r->at)
        png_error(png, "the file ends here");
    memcpy(to, r->data + r->at, n);
    r->at += n;
}

/* Asks for rows of 8-bit RGB whatever the file holds; returns the number of
 * interlacing passes. */
static int
ask_for_rgb(png_structp png, png_infop info)
{
    int colour = png_get_color_type(png, info);
    int passes;

    png_set_strip_16(png);
    png_set_strip_alpha(png);
    if (colour == PNG_COLOR_TYPE_PALETTE)
        png_set_palette_to_rgb(png);
    if (!(colour & PNG_COLOR_MASK_COLOR)) {
        png_set_expand_gray_1_2_4_to_8(png);
        png_set_gray_to_rgb(png);
    }
    passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    return passes;
}

/* Makes room for `image` once the header is known, and fills it. */
static int
read_rows(Reader *r, Buffer *pixels, Image *image)
{
    u32 w, h;
    int passes;
    Place place;

    if (setjmp(r->escape))
        return r->e->code;
    png_set_read_fn(r->png, r, on_read);
    png_set_user_limits(r->png, IMAGE_MAX_SIDE, IMAGE_MAX_SIDE);
    png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_read_info(r->png, r->info);
    w = png_get_image_width(r->png, r->info);
    h = png_get_image_height(r->png, r->info);
    TRY(image_place(r->e, r->name, w, h, 1, pixels, image, &place));
    passes = ask_for_rgb(r->png, r->info);
    if (png_get_rowbytes(r->png, r->info) != (size_t)w * 3)
        png_error(r->png, "rows are not 8-bit RGB");
    for (int pass = 0; pass < passes; pass++)
        for (u32 y = 0; y < h; y++)
            png_read_row(r->png, place.origin + y * place.dy, NULL);
    png_read_end(r->png, NULL);
    return 0;
}

int
png_decode(Err *e, const char *name, const u8 *data, u64 bytes, Buffer *pixels,
           Image *image)
{
    Reader r = {.e = e, .name = name, .data = data, .bytes = bytes};
    int code;

    r.png =
        png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, on_error, on_warning);
    if (r.png)
        r.info = png_create_info_struct(r.png);
    if (r.info)
        code = read_rows(&r, pixels, image);
    else
        code = err_set(e, SOHO_MEMORY, "%s: no memory for libpng", name);
    png_destroy_read_struct(&r.png, &r.info, NULL);
    return code;
}
