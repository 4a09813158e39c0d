/* image_measure.c - how large a PNG or JPEG picture is.
 *
 * In: a file's bytes.  Out: width and height as the decoders would give them,
 * turned as the EXIF orientation says, without decoding. */
#include <string.h>

#include "runtime/data/image.h"

static u32
number(const u8 *s, u32 n)
{
    u32 value = 0;

    for (u32 i = 0; i < n; i++)
        value = value << 8 | s[i];
    return value;
}

/* The frame header of a JPEG file, behind any number of other segments. */
static int
jpeg_size(const u8 *s, u64 bytes, u32 *w, u32 *h)
{
    enum { START = 0xc0, LAST_START = 0xcf, APP1 = 0xe1, SCAN = 0xda };
    int orientation = 0; /* of the first APP1 segment */
    u64 at = 2;

    while (at + 4 <= bytes) {
        u8 marker = s[at + 1];
        u64 n = number(s + at + 2, 2);

        if (s[at] != 0xff || marker == 0xff || !marker) { /* no marker yet */
            at++;
            continue;
        }
        if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
            at += 2; /* stands alone */
            continue;
        }
        if (n < 2 || at + 2 + n > bytes || marker == SCAN)
            return 0;
        if (marker >= START && marker <= LAST_START && marker != 0xc4 &&
            marker != 0xc8 && marker != 0xcc) { /* no DHT, JPG, DAC */
            if (n < 7)
                return 0;
            *h = number(s + at + 5, 2);
            *w = number(s + at + 7, 2);
            if (orientation >= 5) { /* 5..8 lie on their side */
                u32 side = *w;

                *w = *h;
                *h = side;
            }
            return 1;
        }
        if (marker == APP1 && !orientation)
            orientation = image_orientation(s + at + 4, n - 2);
        at += 2 + n;
    }
    return 0;
}

int
image_measure(Err *e, const char *name, const u8 *data, u64 bytes, i32 *w,
              i32 *h)
{
    static const u8 png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n',
                             0,    0,   0,   13,  'I',  'H',  'D',  'R'};
    u32 width = 0, height = 0;
    char clean[256];
    int known;

    known = bytes >= 24 && !memcmp(data, png, sizeof png);
    if (known) {
        width = number(data + 16, 4);
        height = number(data + 20, 4);
    } else if (bytes >= 3 && !memcmp(data, "\xff\xd8\xff", 3)) {
        known = jpeg_size(data, bytes, &width, &height);
    }
    FAIL_IF(!known || !width || !height || width > IMAGE_MAX_SIDE ||
                height > IMAGE_MAX_SIDE,
            e, SOHO_BAD, "%s: no PNG or JPEG header with a size in it",
            err_clean(clean, sizeof clean, name, strlen(name)));
    *w = (i32)width;
    *h = (i32)height;
    return 0;
}
