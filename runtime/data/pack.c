/* pack.c - files made in memory: growing bytes, a zip of stored members, and
 * the way of both into a folder.
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

/* The fields that a member's local header and its directory entry share. */
static void
add_fields(Bytes *b, const char *name, u32 crc, u64 bytes, u32 extra)
{
    enum {
        VERSION = 20,
        UTF_8 = 1 << 11, /* flag */
        STORED = 0,
        MIDNIGHT = 0,
        DAY = 0x21 /* 1.1.1980 */
    };
    u64 n = strlen(name), ascii = 0;

    while (ascii < n && (u8)name[ascii] < 0x80)
        ascii++;
    add_u16(b, VERSION);
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

void
pack_header(PackZip *zip, const char *name, u32 crc, u64 bytes, u32 align)
{
    enum { REGULAR_0644 = 0100644, MADE_ON_UNIX = 0x0314, HEADER = 30 };
    Bytes *f = &zip->file, *d = &zip->directory;
    u64 at = zip->gone + f->n, n = strlen(name);
    u32 pad = align ? (u32)(-(at + HEADER + n) % align) : 0;

    pad += pad && pad < 4 ? align : 0;
    add_u32(d, 0x02014B50);
    add_u16(d, MADE_ON_UNIX);
    add_fields(d, name, crc, bytes, 0);
    add_u16(d, 0); /* comment */
    add_u16(d, 0); /* disk */
    add_u16(d, 0); /* internal attributes */
    add_u32(d, (u32)REGULAR_0644 << 16);
    add_u32(d, (u32)at);
    bytes_add(d, name, n);
    add_u32(f, 0x04034B50);
    add_fields(f, name, crc, bytes, pad);
    bytes_add(f, name, n);
    if (pad)
        add_padding(f, pad);
    zip->members++;
    f->failed |= d->failed;
}

int
pack_member(Err *e, PackZip *zip, const char *name, const void *data, u64 bytes)
{
    FAIL_IF(zip->members == PACK_MEMBERS, e, SOHO_USAGE,
            "a zip holds at most %d pictures; take fewer", PACK_MEMBERS);
    FAIL_IF(zip->file.n + bytes > PACK_MAX_ZIP, e, SOHO_USAGE,
            "%u pictures need a zip of more than 1 GiB; take fewer or smaller "
            "ones",
            zip->members + 1);
    pack_header(zip, name, random_crc32(0, data, bytes), bytes, 0);
    bytes_add(&zip->file, data, bytes);
    return 0;
}

void
pack_end(PackZip *zip)
{
    Bytes *f = &zip->file;
    u64 at = zip->gone + f->n;

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
