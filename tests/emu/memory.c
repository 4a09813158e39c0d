/* memory.c - the emulated driver: device memory, and copies.
 *
 * Device memory is host memory that begins as NaN and lies between guards,
 * which are looked at when it is given back. */
#include "emulate.h"

#include <stdlib.h>
#include <string.h>

enum { GUARD = 4096, MARK = 0xa5, MOST = 64 };

static struct Allocation {
    uint8_t *at;
    uint64_t bytes;
} live[MOST];

bool
memory_holds(const void *at, uint64_t bytes)
{
    uintptr_t first = (uintptr_t)at;

    for (int i = 0; i < MOST; i++) {
        uintptr_t begin = (uintptr_t)live[i].at;

        if (begin && first >= begin && first - begin <= live[i].bytes &&
            bytes <= live[i].bytes - (first - begin))
            return true;
    }
    return false;
}

API int
cuMemAlloc_v2(uint64_t *at, size_t bytes)
{
    const char *limit = getenv("EMU_MEMORY");
    uint8_t *p;

    emu_trace("alloc", bytes, 0);
    if (!bytes)
        return INVALID_VALUE;
    if (stream_records())
        return CAPTURE_UNSUPPORTED;
    for (int i = 0; i < MOST; i++)
        if (!live[i].at) {
            if (limit && bytes > strtoull(limit, NULL, 10))
                return OUT_OF_MEMORY;
            p = aligned_alloc(GUARD, (bytes / GUARD + 3) * GUARD);
            if (!p)
                return OUT_OF_MEMORY;
            memset(p, MARK, GUARD);
            memset(p + GUARD, 0xff, bytes);
            memset(p + GUARD + bytes, MARK, GUARD);
            live[i].at = p + GUARD;
            live[i].bytes = bytes;
            *at = (uintptr_t)live[i].at;
            return SUCCESS;
        }
    return OUT_OF_MEMORY;
}

static bool
guarded(const uint8_t *p)
{
    for (int i = 0; i < GUARD; i++)
        if (p[i] != MARK)
            return false;
    return true;
}

API int
cuMemFree_v2(uint64_t at)
{
    for (int i = 0; i < MOST; i++)
        if (live[i].at && (uintptr_t)live[i].at == at) {
            bool good = guarded(live[i].at - GUARD) &&
                        guarded(live[i].at + live[i].bytes);

            if (!good)
                emu_say("memory", "written beyond an allocation");
            free(live[i].at - GUARD);
            live[i].at = NULL;
            emu_trace("free", live[i].bytes, 0);
            return good ? SUCCESS : LAUNCH_FAILED;
        }
    return INVALID_VALUE;
}

API int
cuMemHostRegister_v2(void *at, size_t bytes, unsigned flags)
{
    emu_trace("pin", bytes, flags);
    return at && bytes ? SUCCESS : INVALID_VALUE;
}

API int
cuMemHostUnregister(void *at)
{
    return at ? SUCCESS : INVALID_VALUE;
}

/* ------------------------------------------------------------------ copies */

static int
copy(const Work *w)
{
    memcpy(w->at, w->from, w->bytes);
    return SUCCESS;
}

API int
cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, void *stream)
{
    Work w = {.run = copy,
              .at = (void *)(uintptr_t)to,
              .from = (void *)(uintptr_t)from,
              .bytes = bytes};

    emu_trace("upload", bytes, 0);
    return memory_holds(w.at, bytes) ? stream_add(stream, &w) : INVALID_VALUE;
}

API int
cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, void *stream)
{
    Work w = {
        .run = copy, .at = to, .from = (void *)(uintptr_t)from, .bytes = bytes};

    emu_trace("download", bytes, 0);
    return memory_holds(w.from, bytes) ? stream_add(stream, &w) : INVALID_VALUE;
}

API int
cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, void *stream)
{
    Work w = {.run = copy,
              .at = (void *)(uintptr_t)to,
              .from = (void *)(uintptr_t)from,
              .bytes = bytes};

    emu_trace("copy", bytes, 0);
    return memory_holds(w.at, bytes) && memory_holds(w.from, bytes)
               ? stream_add(stream, &w)
               : INVALID_VALUE;
}

static int
fill(const Work *w)
{
    uint32_t *to = w->at;

    for (uint64_t i = 0; w->grid && i < w->bytes / 4; i++)
        to[i] = (uint32_t)w->value;
    if (!w->grid)
        memset(w->at, (int)w->value, w->bytes);
    return SUCCESS;
}

API int
cuMemsetD8Async(uint64_t to, unsigned char byte, size_t count, void *stream)
{
    Work w = {.run = fill,
              .at = (void *)(uintptr_t)to,
              .bytes = count,
              .value = byte};

    emu_trace("fill", count, 0);
    return memory_holds(w.at, count) ? stream_add(stream, &w) : INVALID_VALUE;
}

API int
cuMemsetD32Async(uint64_t to, unsigned word, size_t count, void *stream)
{
    Work w = {.run = fill,
              .at = (void *)(uintptr_t)to,
              .bytes = 4 * count,
              .value = word,
              .grid = 1};

    emu_trace("fill", w.bytes, 0);
    return memory_holds(w.at, w.bytes) && to % 4 == 0 ? stream_add(stream, &w)
                                                      : INVALID_VALUE;
}
