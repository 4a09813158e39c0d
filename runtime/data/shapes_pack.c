/* shapes_pack.c - files made in memory: growing bytes, PNG and JPEG encoders,
 * and a zip of stored members.
 *
 * In: pixels, member names.  Out: bytes; equal input gives equal bytes. */
#include "runtime/data/shapes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>

#include "runtime/random.h"

/* Makes room for n more bytes; 0 if there is none. */
static int
reserve(Bytes *b, u64 n)
{
    u64 room = b->room ? b->room : 4096;
    u8 *data;

    while (room < b->n + n)
        room *= 2;
    if (b->failed || room == b->room)
        return !b->failed;
    data = realloc(b->data, room);
    b->failed = !data;
    if (!data)
        return 0;
    b->data = data;
    b->room = room;
    return 1;
}

void
bytes_add(Bytes *b, const void *data, u64 n)
{
    if (!reserve(b, n))
        return;
    memcpy(b->data + b->n, data, n);
    b->n += n;
}

void
bytes_print(Bytes *b, const char *fmt, ...)
{
    char text[256];
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    b->failed |= n < 0 || n >= (int)sizeof text;
    if (!b->failed)
        bytes_add(b, text, (u64)n);
}

void
bytes_free(Bytes *b)
{
    free(b->data);
    *b = (Bytes){0};
}

void
pack_png(Bytes *to, const u8 *rgb, i32 w, i32 h)
{
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (u32)w,
                       .height = (u32)h,
                       .format = PNG_FORMAT_RGB};
    png_alloc_size_t bytes = PNG_IMAGE_PNG_SIZE_MAX(image);

    if (!reserve(to, bytes))
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

/* ------------------------------------------------------------------- zip */

static void
add_u16(Bytes *b, u32 v)
{
    u8 two[2] = {(u8)v, (u8)(v >> 8)};

    bytes_add(b, two, 2);
}

static void
add_u32(Bytes *b, u32 v)
{
    add_u16(b, v & 0xFFFF);
    add_u16(b, v >> 16);
}

/* The fields that a member's local header and its directory entry share. */
static void
add_fields(Bytes *b, const char *name, const Bytes *data)
{
    enum { VERSION = 20, STORED = 0, MIDNIGHT = 0, DAY = 0x21 /* 1.1.1980 */ };

    add_u16(b, VERSION);
    add_u16(b, 0); /* flags */
    add_u16(b, STORED);
    add_u16(b, MIDNIGHT);
    add_u16(b, DAY);
    add_u32(b, random_crc32(0, data->data, data->n));
    add_u32(b, (u32)data->n); /* as stored */
    add_u32(b, (u32)data->n);
    add_u16(b, (u32)strlen(name));
    add_u16(b, 0); /* extra field */
}

void
pack_member(PackZip *zip, const char *name, const Bytes *data)
{
    enum { REGULAR_0644 = 0100644, MADE_ON_UNIX = 0x0314 };
    Bytes *d = &zip->directory;
    u64 at = zip->file.n;

    add_u32(d, 0x02014B50);
    add_u16(d, MADE_ON_UNIX);
    add_fields(d, name, data);
    add_u16(d, 0); /* comment */
    add_u16(d, 0); /* disk */
    add_u16(d, 0); /* internal attributes */
    add_u32(d, (u32)REGULAR_0644 << 16);
    add_u32(d, (u32)at);
    bytes_add(d, name, strlen(name));
    add_u32(&zip->file, 0x04034B50);
    add_fields(&zip->file, name, data);
    bytes_add(&zip->file, name, strlen(name));
    bytes_add(&zip->file, data->data, data->n);
    zip->members++;
    zip->file.failed |= d->failed | data->failed;
}

void
pack_end(PackZip *zip)
{
    Bytes *f = &zip->file;
    u64 at = f->n;

    bytes_add(f, zip->directory.data, zip->directory.n);
    add_u32(f, 0x06054B50);
    add_u16(f, 0); /* this disk */
    add_u16(f, 0); /* disk of the directory */
    add_u16(f, zip->members);
    add_u16(f, zip->members);
    add_u32(f, (u32)zip->directory.n);
    add_u32(f, (u32)at);
    add_u16(f, 0); /* comment */
}

void
pack_free(PackZip *zip)
{
    bytes_free(&zip->file);
    bytes_free(&zip->directory);
}
