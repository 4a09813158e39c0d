/* sizes.h - the file, height and width that belong to an image_id. */
#ifndef SOHO_SIZES_H
#define SOHO_SIZES_H

#include "runtime/cmd.h"
#include "runtime/data/data.h"
#include "runtime/data/ids.h"

typedef struct SizeRow {
    const char *file; /* file_name */
    i32 w, h;         /* 0: not known yet */
} SizeRow;

typedef struct Sizes {
    Ids ids;
    List row; /* SizeRow; row i belongs to the i-th ids_add */
    Pool names;
    const char *pictures;        /* as --images names them, or NULL */
    char prefix[ZIP_PREFIX + 1]; /* of its members, with a slash at the end */
    Zip *zip;
    Buffer room;
    int given; /* some source of names and sizes was there */
} Sizes;

/* Reads files that have a list of images - COCO captions or instances, Visual
 * Genome's image_data, SOHO's own annotations - and then looks what lies in
 * `pictures` (a zip archive, folder or index file; NULL: none) under names that
 * end in a number, COCO_train2014_000000000009.jpg or 9.png.  sizes_close in
 * any case. SOHO_IO, SOHO_BAD, SOHO_MEMORY. */
int sizes_open(Err *e, const TextList *files, const char *pictures,
               Sizes *sizes);
void sizes_close(Sizes *sizes);

/* What belongs to an image_id; a size that no file says is read from the
 * picture's head.  Nothing given: COCO's file name under `subtype`
 * ("train2014"), without a size.  SOHO_BAD where sources were given and none
 * has it. */
int sizes_find(Err *e, Sizes *sizes, u64 id, const char *subtype, SizeRow *row);

#endif
