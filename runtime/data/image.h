/* image.h - what the picture decoders share; data.h is the door. */
#ifndef SOHO_IMAGE_H
#define SOHO_IMAGE_H

#include "runtime/data/data.h"

/* Where pixel (x, y) of the stored picture goes: origin + x*dx + y*dy, in
 * bytes.  Turning a picture is only another set of these three. */
typedef struct Place {
    u8 *origin;
    i64 dx, dy;
} Place;

/* Checks the limits and makes room in `pixels` for a stored picture of w x h
 * that is to be shown as `image` in the given EXIF orientation (1..8).
 * SOHO_BAD, SOHO_MEMORY. */
int image_place(Err *e, const char *name, u32 w, u32 h, int orientation,
                Buffer *pixels, Image *image, Place *place);

/* The EXIF orientation in the contents of a JPEG's APP1 marker, or 1. */
int image_orientation(const u8 *app1, u64 bytes);

int png_decode(Err *e, const char *name, const u8 *data, u64 bytes,
               Buffer *pixels, Image *image);
int jpeg_decode(Err *e, const char *name, const u8 *data, u64 bytes,
                Buffer *pixels, Image *image);

#endif
