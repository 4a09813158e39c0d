/* jpeg.c - JPEG to 8-bit RGB by libjpeg-turbo.
 *
 * In: a whole file in memory.  Out: RGB, turned as the EXIF orientation says.
 * The inverse transform and the upsampling are libjpeg's defaults (ISLOW,
 * fancy), which OpenCV uses as well.
 *
 * libjpeg goes on after many errors and invents pixels.  Here a picture is
 * refused as soon as pixels are lost; superfluous bytes, odd headers and a
 * missing end marker, which leave every pixel right, are let through. */
#include "runtime/data/image.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

enum {
    MAX_SCANS = 100,           /* a progressive file of more is a bomb */
    MAX_COEFFICIENTS = 1 << 29 /* bytes that a progressive file may hold */
};

/* Everything that must survive the longjmp lives here, not in locals. */
typedef struct Reader {
    struct jpeg_decompress_struct jpeg; /* client_data points back here */
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    Err *e;
    const char *name;
    const u8 *data;
    u64 bytes;
    jmp_buf escape;
} Reader;

/* Sets the error from libjpeg's last message and leaves. */
static _Noreturn void
escape(Reader *r, int code)
{
    struct jpeg_source_mgr *src = r->jpeg.src;
    char text[JMSG_LENGTH_MAX];
    u64 at = r->bytes;

    /* At the end libjpeg reads from a buffer of its own. */
    if (src && src->next_input_byte >= r->data &&
        src->next_input_byte <= r->data + r->bytes)
        at = (u64)(src->next_input_byte - r->data);
    r->errors.format_message((j_common_ptr)&r->jpeg, text);
    err_set(r->e, code, "%s: damaged JPEG near byte %llu of %llu: %s", r->name,
            (unsigned long long)at, (unsigned long long)r->bytes, text);
    longjmp(r->escape, 1);
}

static void
on_error(j_common_ptr jpeg)
{
    Reader *r = jpeg->client_data;

    switch (jpeg->err->msg_code) {
    case JERR_OUT_OF_MEMORY:
        escape(r, SOHO_MEMORY);
    case JERR_NO_BACKING_STORE:
        err_set(r->e, SOHO_BAD,
                "%s: progressive JPEG of %u x %u pixels needs more than the "
                "%d MiB allowed for its coefficients; save it as baseline",
                r->name, r->jpeg.image_width, r->jpeg.image_height,
                MAX_COEFFICIENTS >> 20);
        longjmp(r->escape, 1);
    default:
        escape(r, SOHO_BAD);
    }
}

/* Level -1 is a warning, others are traces.  In a progressive or arithmetic
 * file an early end can go with no other sign than this one. */
static void
on_message(j_common_ptr jpeg, int level)
{
    Reader *r = jpeg->client_data;

    if (level >= 0)
        return;
    switch (jpeg->err->msg_code) {
    case JWRN_JPEG_EOF:
        if (!r->jpeg.progressive_mode && !r->jpeg.arith_code)
            return;
        break;
    case JWRN_ADOBE_XFORM:
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_JFIF_MAJOR:
    case JWRN_NOT_SEQUENTIAL:
        return;
    }
    escape(r, SOHO_BAD);
}

static void
on_progress(j_common_ptr jpeg)
{
    Reader *r = jpeg->client_data;

    if (r->jpeg.input_scan_number <= MAX_SCANS)
        return;
    err_set(r->e, SOHO_BAD, "%s: progressive JPEG of more than %d scans",
            r->name, MAX_SCANS);
    longjmp(r->escape, 1);
}

/* OpenCV looks at the first APP1 marker only. */
static int
orientation(const struct jpeg_decompress_struct *jpeg)
{
    const struct jpeg_marker_struct *m = jpeg->marker_list;

    return m ? image_orientation(m->data, m->data_length) : 1;
}

/* CMYK to RGB as OpenCV does it, on libjpeg's (inverted) values. */
static void
cmyk_to_rgb(const u8 *cmyk, u8 *rgb, u32 w)
{
    for (u32 x = 0; x < w; x++, cmyk += 4, rgb += 3)
        for (int c = 0; c < 3; c++)
            rgb[c] = (u8)(cmyk[3] - (((255 - cmyk[c]) * cmyk[3]) >> 8));
}

static void
put_row(const Place *place, u32 y, const u8 *rgb, u32 w)
{
    u8 *to = place->origin + y * place->dy;

    if (place->dx == 3) {
        memcpy(to, rgb, (u64)w * 3);
        return;
    }
    for (u32 x = 0; x < w; x++, to += place->dx, rgb += 3)
        memcpy(to, rgb, 3);
}

static int
read_rows(Reader *r, Buffer *pixels, Image *image)
{
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    int cmyk;
    JSAMPARRAY row;
    Place place;

    if (setjmp(r->escape))
        return r->e->code;
    jpeg_create_decompress(jpeg);
    jpeg->progress = &r->progress;
    jpeg->mem->max_memory_to_use = MAX_COEFFICIENTS;
    jpeg_mem_src(jpeg, r->data, r->bytes);
    jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(jpeg, TRUE);
    TRY(image_place(r->e, r->name, jpeg->image_width, jpeg->image_height,
                    orientation(jpeg), pixels, image, &place));
    cmyk = jpeg->num_components == 4;
    jpeg->out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(jpeg);
    row = jpeg->mem->alloc_sarray((j_common_ptr)jpeg, JPOOL_IMAGE,
                                  jpeg->output_width * 4, 1);
    while (jpeg->output_scanline < jpeg->output_height) {
        u32 y = jpeg->output_scanline;

        jpeg_read_scanlines(jpeg, row, 1);
        if (cmyk)
            cmyk_to_rgb(row[0], row[0], jpeg->output_width);
        put_row(&place, y, row[0], jpeg->output_width);
    }
    jpeg_finish_decompress(jpeg);
    return 0;
}

int
jpeg_decode(Err *e, const char *name, const u8 *data, u64 bytes, Buffer *pixels,
            Image *image)
{
    Reader r = {.e = e, .name = name, .data = data, .bytes = bytes};
    int code;

    r.jpeg.err = jpeg_std_error(&r.errors);
    r.jpeg.client_data = &r;
    r.errors.error_exit = on_error;
    r.errors.emit_message = on_message;
    r.progress.progress_monitor = on_progress;
    code = read_rows(&r, pixels, image);
    jpeg_destroy_decompress(&r.jpeg);
    return code;
}
