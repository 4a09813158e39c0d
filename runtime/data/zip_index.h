/* zip_index.h - a file that says which archive or folder holds a picture. */
#ifndef SOHO_ZIP_INDEX_H
#define SOHO_ZIP_INDEX_H

#include "runtime/data/data.h"

typedef struct ZipIndex ZipIndex;

enum { ZIP_INDEX_PARTS = 256 }; /* archives and folders at most */

/* Is it one by its name, F.json? */
int zip_index_is(const char *path);
/* Reads {"FILE": "FOLDER", ...} and opens FOLDER.zip, or FOLDER where there is
 * none, beside the index.  SOHO_IO, SOHO_BAD with file and line, SOHO_MEMORY.
 */
int zip_index_open(Err *e, const char *path, ZipIndex **index);
void zip_index_close(ZipIndex *index);

/* Where a picture lies: its archive and its name there, of at most `size` bytes
 * with its 0.  SOHO_IO: the index does not have it. */
int zip_index_find(Err *e, const ZipIndex *index, const char *file, Zip **zip,
                   char *member, u64 size);
/* Its files in the order of their names; NULL past the end. */
u64 zip_index_count(const ZipIndex *index);
const char *zip_index_name(const ZipIndex *index, u64 i);
/* As zip_largest; 0 where a folder is among them. */
u64 zip_index_largest(const ZipIndex *index);

#endif
