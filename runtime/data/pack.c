/* pack.c - growing bytes, a zip of stored members, and the way of both into a
 * folder.
 *
 * In: bytes, member names.  Out: files; equal input gives equal bytes. */
#include "runtime/data/pack.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/random.h"
#include "runtime/replace.h"
#include "runtime/vfs.h"

int
bytes_reserve(Bytes *b, u64 n)
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
    if (!n || !bytes_reserve(b, n))
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

static void
add_u64(Bytes *b, u64 v)
{
    add_u32(b, (u32)v);
    add_u32(b, (u32)(v >> 32));
}

/* From these on the 16 and 32 bits of a plain zip say nothing. */
enum { MANY = 0xFFFF };
#define FAR 0xFFFFFFFFu

/* Of a plain zip, and of one with the zip64 extension; on Unix. */
enum { VERSION = 20, VERSION_64 = 45, MADE_ON_UNIX = 0x0300 };

/* The fields that a member's local header and its directory entry share. */
static void
add_fields(Bytes *b, const char *name, u32 crc, u64 bytes, u32 extra)
{
    enum {
        UTF_8 = 1 << 11, /* flag */
        STORED = 0,
        MIDNIGHT = 0,
        DAY = 0x21 /* 1.1.1980 */
    };
    u64 n = strlen(name), ascii = 0;

    while (ascii < n && (u8)name[ascii] < 0x80)
        ascii++;
    add_u16(b, ascii < n ? UTF_8 : 0);
    add_u16(b, STORED);
    add_u16(b, MIDNIGHT);
    add_u16(b, DAY);
    add_u32(b, crc);
    add_u32(b, (u32)bytes); /* as stored */
    add_u32(b, (u32)bytes);
    add_u16(b, (u32)n);
    add_u16(b, extra);
}

/* An extra field of n bytes in all, 4 or more, that means nothing; PyTorch has
 * it so, too. */
static void
add_padding(Bytes *b, u32 n)
{
    static const u8 zero[256];

    add_u16(b, 0x4246); /* "FB" */
    add_u16(b, n - 4);
    bytes_add(b, zero, n - 4);
}

static void
add_header(PackZip *zip, const char *name, u32 crc, u64 bytes, u32 align)
{
    enum { HEADER = 30 };
    Bytes *h = &zip->head;
    u64 n = strlen(name);
    u32 pad = align ? (u32)(-(zip->at + HEADER + n) % align) : 0;

    pad += pad && pad < 4 ? align : 0;
    add_u32(h, 0x04034B50);
    add_u16(h, VERSION);
    add_fields(h, name, crc, bytes, pad);
    bytes_add(h, name, n);
    if (pad)
        add_padding(h, pad);
}

static void
add_entry(PackZip *zip, const char *name, u32 crc, u64 bytes)
{
    enum {
        REGULAR_0644 = 0100644,
        OFFSET_64 = 12 /* bytes of the extra field */
    };
    Bytes *d = &zip->directory;
    int far = zip->at >= FAR;

    add_u32(d, 0x02014B50);
    add_u16(d, MADE_ON_UNIX | VERSION);
    add_u16(d, far ? VERSION_64 : VERSION);
    add_fields(d, name, crc, bytes, far ? OFFSET_64 : 0);
    add_u16(d, 0); /* comment */
    add_u16(d, 0); /* disk */
    add_u16(d, 0); /* internal attributes */
    add_u32(d, (u32)REGULAR_0644 << 16);
    add_u32(d, far ? FAR : (u32)zip->at);
    bytes_add(d, name, strlen(name));
    if (!far)
        return;
    add_u16(d, 1); /* zip64 */
    add_u16(d, OFFSET_64 - 4);
    add_u64(d, zip->at);
}

static int
put(PackZip *zip, const void *data, u64 bytes)
{
    zip->at += bytes;
    return replace_put(&zip->file, data, bytes);
}

/* Writes what has been put together. */
static int
put_bytes(PackZip *zip, Bytes *b)
{
    FAIL_IF(b->failed, zip->file.e, SOHO_MEMORY, "%s: no memory to make it",
            zip->file.path);
    TRY(put(zip, b->data, b->n));
    b->n = 0;
    return 0;
}

int
pack_open(Err *e, PackZip *zip, const char *path)
{
    *zip = (PackZip){.members = 0};
    return replace_open(e, &zip->file, path);
}

int
pack_member(PackZip *zip, const char *name, const void *data, u64 bytes,
            u32 align)
{
    u32 crc = random_crc32(0, data, bytes);

    add_entry(zip, name, crc, bytes);
    add_header(zip, name, crc, bytes, align);
    zip->members++;
    TRY(put_bytes(zip, &zip->head));
    return put(zip, data, bytes);
}

/* Where the directory is, in 64 bits: behind itself, before the plain end. */
static void
add_end_64(Bytes *b, const PackZip *zip, u64 start, u64 bytes)
{
    enum { REST = 44 /* bytes of the record behind this number */ };

    add_u32(b, 0x06064B50);
    add_u64(b, REST);
    add_u16(b, MADE_ON_UNIX | VERSION_64);
    add_u16(b, VERSION_64);
    add_u32(b, 0); /* this disk */
    add_u32(b, 0); /* disk of the directory */
    add_u64(b, zip->members);
    add_u64(b, zip->members);
    add_u64(b, bytes);
    add_u64(b, start);
    add_u32(b, 0x07064B50);
    add_u32(b, 0); /* disk of the record above */
    add_u64(b, start + bytes);
    add_u32(b, 1); /* disks */
}

static int
put_end(PackZip *zip)
{
    u64 start = zip->at, bytes = zip->directory.n;
    Bytes *h = &zip->head;
    u32 many = zip->members < MANY ? (u32)zip->members : MANY;

    TRY(put_bytes(zip, &zip->directory));
    if (many == MANY || start >= FAR || bytes >= FAR)
        add_end_64(h, zip, start, bytes);
    add_u32(h, 0x06054B50);
    add_u16(h, 0); /* this disk */
    add_u16(h, 0); /* disk of the directory */
    add_u16(h, many);
    add_u16(h, many);
    add_u32(h, bytes < FAR ? (u32)bytes : FAR);
    add_u32(h, start < FAR ? (u32)start : FAR);
    add_u16(h, 0); /* comment */
    return put_bytes(zip, h);
}

int
pack_close(PackZip *zip)
{
    if (!zip->file.e->code)
        put_end(zip);
    bytes_free(&zip->head);
    bytes_free(&zip->directory);
    return replace_close(&zip->file);
}

/* ---------------------------------------------------------------- folder */

int
pack_folder(Err *e, const char *folder)
{
    if (vfs->mkdir(folder, 0777) && errno != EEXIST)
        return err_set(e, SOHO_IO, "%s: cannot make the folder: %s", folder,
                       strerror(errno));
    return 0;
}

int
pack_file(Err *e, const char *folder, const char *name, const Bytes *data)
{
    char path[PATH_MAX];

    FAIL_IF(data->failed, e, SOHO_MEMORY, "no memory to make %s", name);
    FAIL_IF(snprintf(path, sizeof path, "%s/%s", folder, name) >=
                (int)sizeof path,
            e, SOHO_IO, "--out: the path is too long");
    return replace_file(e, path, data->data, data->n);
}
