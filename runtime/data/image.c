/* image.c - which decoder reads a picture, how it is turned, how large it is
 * to become.
 *
 * In: the bytes of a PNG or JPEG file.  Out: 8-bit RGB as OpenCV's imread
 * would show it, because the official network was trained on that. */
#include "runtime/data/image.h"

#include <stdlib.h>
#include <string.h>

void
image_free(Image *image)
{
    free(image->rgb);
    *image = (Image){0};
}

/* Orientations 5..8 show the stored columns as rows. */
static Place
place_for(int orientation, u8 *rgb, i64 w, i64 h)
{
    i64 px = 3, row = 3 * (orientation >= 5 ? h : w);

    switch (orientation) {
    case 2: /* mirrored left to right */
        return (Place){rgb + (w - 1) * px, -px, row};
    case 3: /* upside down */
        return (Place){rgb + (h - 1) * row + (w - 1) * px, -px, -row};
    case 4: /* mirrored top to bottom */
        return (Place){rgb + (h - 1) * row, px, -row};
    case 5: /* rows and columns exchanged */
        return (Place){rgb, row, px};
    case 6: /* to be turned clockwise */
        return (Place){rgb + (h - 1) * px, row, -px};
    case 7: /* exchanged about the other diagonal */
        return (Place){rgb + (w - 1) * row + (h - 1) * px, -row, -px};
    case 8: /* to be turned counter-clockwise */
        return (Place){rgb + (w - 1) * row, -row, px};
    default:
        return (Place){rgb, px, row};
    }
}

int
image_place(Err *e, const char *name, u32 w, u32 h, int orientation,
            Buffer *pixels, Image *image, Place *place)
{
    int turned = orientation >= 5 && orientation <= 8;

    FAIL_IF(!w || !h || w > IMAGE_MAX_SIDE || h > IMAGE_MAX_SIDE ||
                (u64)w * h > IMAGE_MAX_PIXELS,
            e, SOHO_BAD,
            "%s: picture of %u x %u pixels; sides of 1 to %d and at most %d "
            "pixels are read",
            name, w, h, IMAGE_MAX_SIDE, IMAGE_MAX_PIXELS);
    image->w = (i32)(turned ? h : w);
    image->h = (i32)(turned ? w : h);
    if (buffer_reserve(e, pixels, (u64)w * h * 3, "its pixels"))
        return err_at(e, "%s", name);
    image->rgb = pixels->at;
    *place = place_for(orientation, image->rgb, w, h);
    return 0;
}

/* A TIFF block whose numbers are little-endian ("II") or big-endian. */
typedef struct Tiff {
    const u8 *at;
    u64 bytes;
    int little;
} Tiff;

/* The n-byte number (n <= 4) at an offset, or -1 beyond the end. */
static i64
tiff_number(const Tiff *t, u64 offset, u64 n)
{
    i64 value = 0;

    if (offset > t->bytes || n > t->bytes - offset)
        return -1;
    for (u64 i = 0; i < n; i++)
        value = value << 8 | t->at[offset + (t->little ? n - 1 - i : i)];
    return value;
}

/* Whether a directory entry is one of the texts that OpenCV copies although
 * they lie outside of the block; it gives up there. */
static int
tiff_text_outside(const Tiff *t, u64 entry, i64 tag)
{
    i64 size = tiff_number(t, entry + 4, 4);
    i64 start = size > 4 ? tiff_number(t, entry + 8, 4) : 8;

    if (tag != 0x10e && tag != 0x10f && tag != 0x110) /* title, make, model */
        return 0;
    return size < 0 || start < 0 || (u64)(start + size) > t->bytes;
}

int
image_orientation(const u8 *app1, u64 bytes)
{
    enum { HEAD = 6, ENTRY = 12, ORIENTATION = 0x112 };
    Tiff t;
    i64 entry, count;

    if (bytes < HEAD + 8 || memcmp(app1, "Exif\0", HEAD) != 0)
        return 1;
    t = (Tiff){app1 + HEAD, bytes - HEAD, app1[HEAD] == 'I'};
    entry = tiff_number(&t, 4, 4);
    if (t.at[0] != t.at[1] || tiff_number(&t, 2, 2) != 42)
        return 1;
    count = tiff_number(&t, (u64)entry, 2);
    entry += 2;
    for (i64 i = 0; i < count; i++, entry += ENTRY) {
        i64 tag = tiff_number(&t, (u64)entry, 2);
        i64 value = tiff_number(&t, (u64)entry + 8, 2);

        if (tag < 0 || tiff_text_outside(&t, (u64)entry, tag))
            return 1;
        if (tag == ORIENTATION)
            return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

int
image_decode_into(Err *e, const char *name, const u8 *data, u64 bytes,
                  Buffer *pixels, Image *image)
{
    static const u8 png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    static const u8 jpeg[] = {0xff, 0xd8, 0xff};
    char clean[256], start[32];
    int code;

    *image = (Image){0};
    err_clean(clean, sizeof clean, name, strlen(name));
    FAIL_IF(bytes == 0, e, SOHO_BAD, "%s: empty file, need a PNG or JPEG",
            clean);
    if (bytes >= sizeof png && !memcmp(data, png, sizeof png))
        code = png_decode(e, clean, data, bytes, pixels, image);
    else if (bytes >= sizeof jpeg && !memcmp(data, jpeg, sizeof jpeg))
        code = jpeg_decode(e, clean, data, bytes, pixels, image);
    else
        code = err_set(e, SOHO_BAD,
                       "%s: neither PNG nor JPEG, its first bytes are \"%s\"",
                       clean,
                       err_clean(start, sizeof start, (const char *)data,
                                 bytes < 6 ? bytes : 6));
    if (code)
        *image = (Image){0};
    return code;
}

int
image_decode(Err *e, const char *name, const u8 *data, u64 bytes, Image *image)
{
    Buffer pixels = {NULL, 0};

    if (image_decode_into(e, name, data, bytes, &pixels, image))
        buffer_free(&pixels);
    return e->code;
}

void
image_target(i32 h, i32 w, i32 longest, i32 shortest, i32 *nh, i32 *nw)
{
    i32 longer = h > w ? h : w, shorter = h > w ? w : h;
    f64 by_long = longest / (f64)longer, by_short = shortest / (f64)shorter;
    f64 scale = by_long < by_short ? by_long : by_short;

    *nh = (i32)max_i64(1, (i64)(h * scale + 0.5));
    *nw = (i32)max_i64(1, (i64)(w * scale + 0.5));
}
