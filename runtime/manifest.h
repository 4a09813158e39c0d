/* manifest.h - the text file that makes a folder a checkpoint. */
#ifndef SOHO_MANIFEST_H
#define SOHO_MANIFEST_H

#include "runtime/checkpoint.h"

#define MANIFEST "manifest.json"
enum { MANIFEST_VERSION = 2, MANIFEST_FILES = 8, MANIFEST_NAME = 64 };

/* One file beside the manifest. */
typedef struct ManifestFile {
    char name[MANIFEST_NAME];
    u64 bytes;
    u8 digest[DIGEST_BYTES];
} ManifestFile;

/* Writes FOLDER/manifest.json to the disk. */
int manifest_write(Err *e, const char *folder, const Progress *progress,
                   const ManifestFile *file, u32 n);

/* Reads it as text of any origin: every field must be there once. */
int manifest_read(Err *e, const char *folder, Progress *progress,
                  ManifestFile file[MANIFEST_FILES], u32 *n);

#endif
