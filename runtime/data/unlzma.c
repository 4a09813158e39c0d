/* unlzma.c - a member of a zip archive that is packed by LZMA, by liblzma.
 *
 * In: what the archive holds of it (section 5.8.8 of the zip format): a version
 * of 2 bytes, the length of the properties, 5 bytes of those, the LZMA stream
 * with or without an end marker.  Out: the bytes it was made of, whose CRC is
 * left to the caller. */
#include "runtime/data/zip_own.h"

#include <lzma.h>

enum {
    HEAD = 4, /* bytes in front of the properties */
    PROPERTIES = 5,
    ROOM = 1 << 15 /* bytes that are taken at a time */
};

typedef struct Reader {
    Err *e;
    UnlzmaSource *source;
    void *context;
    u8 room[ROOM];
    u64 taken; /* bytes so far */
    int ended;
} Reader;

/* Fills to[0..n) as far as there are bytes, and returns how many. */
static u64
take(Reader *r, u8 *to, u64 n)
{
    u64 done = 0;

    while (done < n && !r->ended) {
        i64 got = r->source(r->e, r->context, to + done, n - done);

        r->ended = got <= 0;
        done += got > 0 ? (u64)got : 0;
    }
    r->taken += done;
    return done;
}

/* The options of a stream: lc, lp, pb in one byte, the dictionary's size.  No
 * match reaches back beyond the first byte, so a dictionary larger than all of
 * the member is never looked at. */
static int
read_options(Reader *r, u64 size, lzma_options_lzma *o)
{
    u8 head[HEAD + PROPERTIES];
    u64 dictionary,
        least = size > LZMA_DICT_SIZE_MIN ? size : LZMA_DICT_SIZE_MIN;
    u32 n = (u32)take(r, head, sizeof head);

    TRY(r->e->code);
    FAIL_IF(n < sizeof head, r->e, SOHO_BAD,
            "truncated at %u bytes, in the head of its LZMA data", n);
    FAIL_IF(head[2] != PROPERTIES || head[3], r->e, SOHO_BAD,
            "LZMA properties of %u bytes, expected %d",
            (u32)head[2] | (u32)head[3] << 8, PROPERTIES);
    dictionary = (u64)head[5] | (u64)head[6] << 8 | (u64)head[7] << 16 |
                 (u64)head[8] << 24;
    *o = (lzma_options_lzma){.ext_flags = LZMA_LZMA1EXT_ALLOW_EOPM};
    FAIL_IF(head[4] >= 9 * 5 * 5, r->e, SOHO_BAD, "LZMA properties %u",
            head[4]);
    o->lc = head[4] % 9;
    o->lp = head[4] / 9 % 5;
    o->pb = head[4] / 45;
    o->dict_size = (u32)(dictionary < least ? dictionary : least);
    lzma_set_ext_size(*o, size);
    return 0;
}

/* Fails where `code` is an error. */
static int
check(const Reader *r, lzma_ret code, u64 done, u64 size)
{
    FAIL_IF(code == LZMA_MEM_ERROR, r->e, SOHO_MEMORY,
            "no memory to unpack LZMA data");
    FAIL_IF(code == LZMA_OPTIONS_ERROR || code == LZMA_PROG_ERROR, r->e,
            SOHO_BAD, "LZMA properties that liblzma does not know");
    FAIL_IF(code == LZMA_BUF_ERROR, r->e, SOHO_BAD,
            "truncated at %llu of %llu bytes", (unsigned long long)done,
            (unsigned long long)size);
    FAIL_IF(code != LZMA_OK && code != LZMA_STREAM_END, r->e, SOHO_BAD,
            "LZMA data damaged at %llu of %llu bytes", (unsigned long long)done,
            (unsigned long long)size);
    return 0;
}

static int
unpack(Reader *r, lzma_stream *stream, u64 size)
{
    lzma_ret code = LZMA_OK;

    while (code != LZMA_STREAM_END) {
        if (!stream->avail_in) {
            stream->next_in = r->room;
            stream->avail_in = take(r, r->room, sizeof r->room);
            TRY(r->e->code);
        }
        code = lzma_code(stream, r->ended ? LZMA_FINISH : LZMA_RUN);
        TRY(check(r, code, stream->total_out, size));
    }
    return check(r, stream->total_out == size ? LZMA_OK : LZMA_BUF_ERROR,
                 stream->total_out, size);
}

int
unlzma(Err *e, UnlzmaSource *source, void *context, u8 *to, u64 size)
{
    Reader r = {.e = e, .source = source, .context = context};
    lzma_options_lzma options;
    const lzma_filter filter[] = {{LZMA_FILTER_LZMA1EXT, &options},
                                  {LZMA_VLI_UNKNOWN, NULL}};
    lzma_stream stream = LZMA_STREAM_INIT;

    TRY(read_options(&r, size, &options));
    stream.next_out = to;
    stream.avail_out = size;
    if (!check(&r, lzma_raw_decoder(&stream, filter), 0, size))
        unpack(&r, &stream, size);
    lzma_end(&stream);
    return e->code;
}
