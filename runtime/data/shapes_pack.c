/* shapes_pack.c - PNG and JPEG encoders.
 *
 * In: pixels.  Out: a file in memory; equal pixels give equal bytes. */
#include "runtime/data/shapes.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>
#include <png.h>

void
pack_png(Bytes *to, const u8 *rgb, i32 w, i32 h)
{
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (u32)w,
                       .height = (u32)h,
                       .format = PNG_FORMAT_RGB};
    png_alloc_size_t bytes = PNG_IMAGE_PNG_SIZE_MAX(image);

    if (!bytes_reserve(to, bytes))
        return;
    if (png_image_write_to_memory(&image, to->data + to->n, &bytes, 0, rgb, 0,
                                  NULL))
        to->n += bytes;
    else
        to->failed = 1;
    png_image_free(&image);
}

/* libjpeg's own way of an error is to exit: leave by longjmp instead.  What
 * must survive the jump lives here, not in locals. */
typedef struct Writer {
    struct jpeg_compress_struct jpeg; /* client_data points back here */
    struct jpeg_error_mgr errors;
    jmp_buf escape;
    unsigned char *data;
    unsigned long bytes;
} Writer;

static void
on_error(j_common_ptr jpeg)
{
    Writer *w = jpeg->client_data;

    longjmp(w->escape, 1);
}

static void
write_jpeg(Writer *w, const u8 *rgb, i32 width, i32 height)
{
    struct jpeg_compress_struct *jpeg = &w->jpeg;

    jpeg_mem_dest(jpeg, &w->data, &w->bytes);
    jpeg->image_width = (JDIMENSION)width;
    jpeg->image_height = (JDIMENSION)height;
    jpeg->input_components = 3;
    jpeg->in_color_space = JCS_RGB;
    jpeg_set_defaults(jpeg);
    jpeg_set_quality(jpeg, 92, TRUE);
    jpeg_start_compress(jpeg, TRUE);
    while (jpeg->next_scanline < jpeg->image_height) {
        u64 at = (u64)jpeg->next_scanline * (u64)width * 3;
        JSAMPROW row = (JSAMPROW)(uintptr_t)(rgb + at); /* drops const */

        jpeg_write_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_compress(jpeg);
}

void
pack_jpeg(Bytes *to, const u8 *rgb, i32 w, i32 h)
{
    Writer writer = {.bytes = 0};

    writer.jpeg.err = jpeg_std_error(&writer.errors);
    writer.jpeg.client_data = &writer;
    writer.errors.error_exit = on_error;
    if (setjmp(writer.escape)) {
        to->failed = 1;
    } else {
        jpeg_create_compress(&writer.jpeg);
        write_jpeg(&writer, rgb, w, h);
        bytes_add(to, writer.data, writer.bytes);
    }
    jpeg_destroy_compress(&writer.jpeg);
    free(writer.data);
}
