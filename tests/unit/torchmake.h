/* torchmake.h - builds PyTorch files by hand, byte by byte, for the tests of
 * their readers: pickles from opcodes, and both file formats around them.
 *
 * In: calls in the order of the bytes.  Out: a file.  Nothing here uses what is
 * tested. */
#ifndef TORCHMAKE_H
#define TORCHMAKE_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "soho/base.h"

typedef struct Blob {
    u8 at[1 << 20];
    u64 n;
} Blob;

static inline void
blob_raw(Blob *b, const void *data, u64 n)
{
    assert(b->n + n <= sizeof b->at);
    memcpy(b->at + b->n, data, n);
    b->n += n;
}

static inline void
blob_number(Blob *b, u64 value, u32 n)
{
    for (u32 i = 0; i < n; i++, value >>= 8)
        blob_raw(b, &(u8){(u8)value}, 1);
}

/* ----------------------------------------------------------------- pickles */

/* Opcodes and their operands as they stand; no 0 bytes. */
static inline void
pk(Blob *b, const char *opcodes)
{
    blob_raw(b, opcodes, strlen(opcodes));
}

static inline void
pk_text(Blob *b, const char *text)
{
    pk(b, "X");
    blob_number(b, strlen(text), 4);
    pk(b, text);
}

static inline void
pk_integer(Blob *b, i64 value)
{
    pk(b, "\x8a\x08");
    blob_number(b, (u64)value, 8);
}

/* "2,3" as a tuple; "" is the empty one. */
static inline void
pk_tuple(Blob *b, const char *numbers)
{
    char *end;

    pk(b, "(");
    while (*numbers) {
        pk_integer(b, strtoll(numbers, &end, 10));
        numbers = *end ? end + 1 : end;
    }
    pk(b, "t");
}

static inline void
pk_storage(Blob *b, const char *class_, const char *key, i64 elements)
{
    pk(b, "(");
    pk_text(b, "storage");
    pk(b, "ctorch\n");
    pk(b, class_);
    pk(b, "\n");
    pk_text(b, key);
    pk_text(b, "cpu");
    pk_integer(b, elements);
    pk(b, "tQ");
}

/* A view into a storage. */
static inline void
pk_tensor(Blob *b, const char *class_, const char *key, i64 elements,
          i64 offset, const char *sizes, const char *strides)
{
    pk(b, "ctorch._utils\n_rebuild_tensor_v2\n(");
    pk_storage(b, class_, key, elements);
    pk_integer(b, offset);
    pk_tuple(b, sizes);
    pk_tuple(b, strides);
    pk(b, "\x89"
          "ccollections\nOrderedDict\n)RtR");
}

/* ------------------------------------------------------------- zip archives */

/* What of an archive is to be odd. */
typedef struct ZipOdd {
    u32 method, flags; /* of all members */
    u32 crc_xor;       /* breaks all CRCs */
    int zip64;         /* sizes and places in extra fields and records */
    int descriptor;    /* sizes and CRC behind the data, not in front */
    int other_name;    /* local headers name another member */
    int overlap;       /* the directory moves the last member by a byte */
} ZipOdd;

typedef struct ZipMake {
    Blob file, directory;
    u32 members;
    ZipOdd odd;
} ZipMake;

/* CRC-32 bit by bit. */
static inline u32
zm_crc(const u8 *data, u64 n)
{
    u32 crc = 0xFFFFFFFF;

    for (u64 i = 0; i < n; i++) {
        crc ^= data[i];
        for (u32 k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
    }
    return ~crc;
}

static inline void
zm_fields(Blob *b, const ZipMake *z, const char *name, u32 crc, u64 bytes,
          u32 extra)
{
    blob_number(b, 45, 2);
    blob_number(b, z->odd.flags | (z->odd.descriptor ? 8u : 0), 2);
    blob_number(b, z->odd.method, 2);
    blob_number(b, 0x00210000, 4);
    blob_number(b, crc, 4);
    blob_number(b, bytes, 4);
    blob_number(b, bytes, 4);
    blob_number(b, strlen(name), 2);
    blob_number(b, extra, 2);
}

static inline void
zm_member(ZipMake *z, const char *name, const void *data, u64 bytes)
{
    Blob *f = &z->file, *d = &z->directory;
    u32 crc = zm_crc(data, bytes) ^ z->odd.crc_xor;
    u64 at = f->n, shown = z->odd.zip64 ? UINT32_MAX : bytes;

    blob_number(f, 0x04034B50, 4);
    zm_fields(f, z, name, z->odd.descriptor ? 0 : crc,
              z->odd.descriptor ? 0 : bytes, 4);
    blob_raw(f, name, strlen(name));
    f->at[f->n - 1] ^= z->odd.other_name;
    blob_number(f, 0x00004246, 4); /* an extra field of 4 bytes */
    blob_raw(f, data, bytes);
    if (z->odd.descriptor) {
        blob_number(f, 0x08074B50, 4);
        blob_number(f, crc, 4);
        blob_number(f, bytes, 4);
        blob_number(f, bytes, 4);
    }
    blob_number(d, 0x02014B50, 4);
    blob_number(d, 45, 2);
    zm_fields(d, z, name, crc, shown, z->odd.zip64 ? 28 : 0);
    blob_number(d, 0, 10);
    blob_number(d, z->odd.zip64 ? UINT32_MAX : at, 4);
    blob_raw(d, name, strlen(name));
    if (z->odd.zip64) {
        blob_number(d, 1 | 24 << 16, 4);
        blob_number(d, bytes, 8);
        blob_number(d, bytes, 8);
        blob_number(d, at, 8);
    }
    z->members++;
}

static inline void
zm_end(ZipMake *z)
{
    Blob *f = &z->file;
    u64 at = f->n, end;

    blob_raw(f, z->directory.at, z->directory.n);
    end = f->n;
    if (z->odd.zip64) {
        blob_number(f, 0x06064B50, 4);
        blob_number(f, 44, 8);
        blob_number(f, 45 | 45 << 16, 4);
        blob_number(f, 0, 8);
        blob_number(f, z->members, 8);
        blob_number(f, z->members, 8);
        blob_number(f, z->directory.n, 8);
        blob_number(f, at, 8);
        blob_number(f, 0x07064B50, 4);
        blob_number(f, 0, 4);
        blob_number(f, end, 8);
        blob_number(f, 1, 4);
    }
    blob_number(f, 0x06054B50, 4);
    blob_number(f, 0, 4);
    blob_number(f, z->odd.zip64 ? 0xFFFF : z->members, 2);
    blob_number(f, z->odd.zip64 ? 0xFFFF : z->members, 2);
    blob_number(f, z->odd.zip64 ? UINT32_MAX : z->directory.n, 4);
    blob_number(f, z->odd.zip64 ? UINT32_MAX : at, 4);
    blob_number(f, 0, 2);
}

/* ------------------------------------------------------------ whole files */

static inline void
save(const char *path, const Blob *b)
{
    FILE *out = fopen(path, "wb");

    assert(out);
    fwrite(b->at, 1, b->n, out);
    fclose(out);
}

/* A zip with this pickle and one storage, of key 0. */
static inline void
save_zip(const char *path, const Blob *pickle, const void *data, u64 bytes,
         ZipOdd odd)
{
    static ZipMake z;

    z.file.n = z.directory.n = z.members = 0;
    z.odd = odd;
    zm_member(&z, "archive/data.pkl", pickle->at, pickle->n);
    zm_member(&z, "archive/data/0", data, bytes);
    zm_member(&z, "archive/version", "3\n", 2);
    zm_end(&z);
    save(path, &z.file);
}

/* What stands before the object in the stream format. */
static inline void
stream_start(Blob *b)
{
    b->n = 0;
    pk(b, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.");
    pk(b, "\x80\x02M\xe9\x03.");
    pk(b, "\x80\x02}(");
    pk_text(b, "protocol_version");
    pk(b, "M\xe9\x03");
    pk_text(b, "little_endian");
    pk(b, "\x88u.");
}

/* The same pickle, its storage 0 behind it. */
static inline void
save_stream(const char *path, const Blob *pickle, const void *data, u64 bytes,
            u64 elements)
{
    static Blob b;

    stream_start(&b);
    blob_raw(&b, pickle->at, pickle->n);
    pk(&b, "\x80\x02](");
    pk_text(&b, "0");
    pk(&b, "e.");
    blob_number(&b, elements, 8);
    blob_raw(&b, data, bytes);
    save(path, &b);
}

#endif
