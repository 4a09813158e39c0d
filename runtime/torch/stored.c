/* stored.c - the members of a zip whose data lie in the file as they are, so
 * that any part of them can be read without unpacking.
 *
 * In: an open archive from anybody.  Out: names and ranges, checked against
 * each other and against the file's size. */
#include "runtime/torch/stored.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/random.h"
#include "runtime/vfs.h"

enum {
    END = 0x06054B50, /* signatures; records of the directory's end */
    END64 = 0x06064B50,
    LOCATOR = 0x07064B50,
    ENTRY = 0x02014B50,
    LOCAL = 0x04034B50,
    END_BYTES = 22, /* sizes without what varies */
    END64_BYTES = 56,
    LOCATOR_BYTES = 20,
    ENTRY_BYTES = 46,
    LOCAL_BYTES = 30,
    COMMENT = 65535,
    ENCRYPTED = 1 << 0, /* flag */
    EXTRA_ZIP64 = 1
};

static u64
number(const u8 *at, u32 bytes)
{
    u64 v = 0;

    while (bytes-- > 0)
        v = v << 8 | at[bytes];
    return v;
}

static int
read_at(Err *e, const Stored *z, void *to, u64 n, u64 at)
{
    return vfs_read_at(e, z->fd, z->path, to, n, at);
}

static int
broken(Err *e, const Stored *z, const char *what, u64 at)
{
    return err_set(e, SOHO_BAD, "%s: damaged zip archive: %s at byte %" PRIu64,
                   z->path, what, at);
}

/* ---------------------------------------------------- where the directory is
 */

/* The record that ends the file; a comment may stand behind it. */
static int
find_end(Err *e, const Stored *z, u8 end[END_BYTES], u64 *at)
{
    u64 n = z->bytes < END_BYTES + COMMENT ? z->bytes : END_BYTES + COMMENT;
    u8 *tail = malloc(n + 1);

    FAIL_IF(!tail, e, SOHO_MEMORY, "%s: no memory for its end", z->path);
    *at = UINT64_MAX;
    if (!read_at(e, z, tail, n, z->bytes - n))
        for (u64 i = n < END_BYTES ? 0 : n - END_BYTES + 1; i-- > 0;)
            if (number(tail + i, 4) == END &&
                i + END_BYTES + number(tail + i + 20, 2) == n) {
                memcpy(end, tail + i, END_BYTES);
                *at = z->bytes - n + i;
                break;
            }
    free(tail);
    TRY(e->code);
    return *at == UINT64_MAX
               ? err_set(e, SOHO_BAD,
                         "%s: truncated zip archive: no directory at its end",
                         z->path)
               : 0;
}

/* Numbers too large for the old record stand in one of their own. */
static int
read_end64(Err *e, const Stored *z, u64 end_at, u64 *count, u64 *at, u64 *bytes)
{
    u8 locator[LOCATOR_BYTES], end[END64_BYTES];
    u64 end64_at;

    if (end_at < LOCATOR_BYTES)
        return 0;
    TRY(read_at(e, z, locator, sizeof locator, end_at - LOCATOR_BYTES));
    if (number(locator, 4) != LOCATOR)
        return 0;
    end64_at = number(locator + 8, 8);
    if (end64_at > end_at || end_at - end64_at < END64_BYTES)
        return broken(e, z, "zip64 directory end", end_at - LOCATOR_BYTES);
    TRY(read_at(e, z, end, sizeof end, end64_at));
    if (number(end, 4) != END64 || number(end + 16, 8))
        return broken(e, z, "zip64 directory end", end64_at);
    *count = number(end + 32, 8);
    *bytes = number(end + 40, 8);
    *at = number(end + 48, 8);
    return 0;
}

static int
read_directory(Err *e, Stored *z, u64 *count)
{
    u8 end[END_BYTES];
    u64 end_at = 0;

    TRY(find_end(e, z, end, &end_at));
    if (number(end + 4, 4))
        return broken(e, z, "one part of several", end_at);
    *count = number(end + 10, 2);
    z->directory_bytes = number(end + 12, 4);
    z->directory_at = number(end + 16, 4);
    TRY(read_end64(e, z, end_at, count, &z->directory_at, &z->directory_bytes));
    if (z->directory_at > end_at ||
        z->directory_bytes > end_at - z->directory_at)
        return broken(e, z, "directory outside of the file", end_at);
    FAIL_IF(*count > STORED_MEMBERS || z->directory_bytes > STORED_DIRECTORY, e,
            SOHO_BAD,
            "%s: zip archive with %" PRIu64 " members, at most %d are allowed",
            z->path, *count, STORED_MEMBERS);
    z->directory = malloc(z->directory_bytes + 1);
    FAIL_IF(!z->directory, e, SOHO_MEMORY, "%s: no memory for its directory",
            z->path);
    return read_at(e, z, z->directory, z->directory_bytes, z->directory_at);
}

/* ----------------------------------------------------------------- entries */

static char *
shown_name(const StoredMember *m, char shown[128])
{
    return err_clean(shown, 128, m->name, m->name_bytes);
}

/* Sizes and place that did not fit the entry, in their order. */
static void
read_extra64(const u8 *extra, u64 n, u64 *const value[3])
{
    while (n >= 4) {
        u64 bytes = number(extra + 2, 2);
        const u8 *at = extra + 4;

        if (bytes > n - 4)
            return;
        if (number(extra, 2) == EXTRA_ZIP64)
            for (u32 i = 0; i < 3 && bytes >= 8; i++) {
                if (*value[i] != UINT32_MAX)
                    continue;
                *value[i] = number(at, 8);
                at += 8;
                bytes -= 8;
            }
        n -= 4 + number(extra + 2, 2);
        extra += 4 + number(extra + 2, 2);
    }
}

/* One entry of the directory at *at, which moves behind it. */
static int
read_entry(Err *e, const Stored *z, u64 *at, StoredMember *m)
{
    const u8 *r = z->directory + *at;
    u64 left = z->directory_bytes - *at, n, packed;
    u64 *const value[3] = {&m->bytes, &packed, &m->header};
    char shown[128];

    if (left < ENTRY_BYTES || number(r, 4) != ENTRY)
        return broken(e, z, "directory entry", z->directory_at + *at);
    n = number(r + 28, 2) + number(r + 30, 2) + number(r + 32, 2);
    if (left - ENTRY_BYTES < n)
        return broken(e, z, "directory entry", z->directory_at + *at);
    m->name = (const char *)r + ENTRY_BYTES;
    m->name_bytes = (u32)number(r + 28, 2);
    m->crc = (u32)number(r + 16, 4);
    packed = number(r + 20, 4);
    m->bytes = number(r + 24, 4);
    m->header = number(r + 42, 4);
    read_extra64(r + ENTRY_BYTES + m->name_bytes, number(r + 30, 2), value);
    FAIL_IF(number(r + 8, 2) & ENCRYPTED, e, SOHO_BAD,
            "%s: member %s is encrypted", z->path, shown_name(m, shown));
    FAIL_IF(number(r + 10, 2) || packed != m->bytes, e, SOHO_BAD,
            "%s: member %s is compressed, which PyTorch never does: unpack the "
            "archive and pack it with zip -0",
            z->path, shown_name(m, shown));
    *at += ENTRY_BYTES + n;
    return 0;
}

/* The header in front of the data, which says how far away they are. */
static int
read_local(Err *e, const Stored *z, StoredMember *m)
{
    u8 head[LOCAL_BYTES];
    char name[UINT16_MAX];
    u64 end = z->directory_at, n = m->name_bytes;

    if (m->header > end || end - m->header < LOCAL_BYTES + n)
        return broken(e, z, "member outside of the file", m->header);
    TRY(read_at(e, z, head, sizeof head, m->header));
    TRY(read_at(e, z, name, n, m->header + LOCAL_BYTES));
    if (number(head, 4) != LOCAL || number(head + 8, 2) ||
        number(head + 26, 2) != n || memcmp(name, m->name, n))
        return broken(e, z, "member unlike its directory entry", m->header);
    m->at = m->header + LOCAL_BYTES + n + number(head + 28, 2);
    if (m->at > end || m->bytes > end - m->at)
        return broken(e, z, "member outside of the file", m->header);
    return 0;
}

static int
by_header(const void *a, const void *b)
{
    const StoredMember *x = a, *y = b;

    return x->header < y->header ? -1 : x->header > y->header;
}

static int
by_name(const void *a, const void *b)
{
    const StoredMember *x = a, *y = b;
    u32 n = x->name_bytes < y->name_bytes ? x->name_bytes : y->name_bytes;
    int order = memcmp(x->name, y->name, n);

    return order ? order
                 : (x->name_bytes > y->name_bytes) -
                       (x->name_bytes < y->name_bytes);
}

static int
check_members(Err *e, Stored *z)
{
    char shown[128];

    qsort(z->member, z->n, sizeof *z->member, by_header);
    for (u32 i = 1; i < z->n; i++)
        if (z->member[i - 1].at + z->member[i - 1].bytes > z->member[i].header)
            return broken(e, z, "member over another one", z->member[i].header);
    qsort(z->member, z->n, sizeof *z->member, by_name);
    for (u32 i = 1; i < z->n; i++)
        FAIL_IF(!by_name(&z->member[i - 1], &z->member[i]), e, SOHO_BAD,
                "%s: two members have the name %s", z->path,
                shown_name(&z->member[i], shown));
    return 0;
}

int
stored_open(Err *e, Stored *z, int fd, const char *path, u64 bytes)
{
    u64 count = 0, at = 0;

    *z = (Stored){.fd = fd, .path = path, .bytes = bytes};
    TRY(read_directory(e, z, &count));
    z->member = calloc(count + 1, sizeof *z->member);
    FAIL_IF(!z->member, e, SOHO_MEMORY, "%s: no memory for %" PRIu64 " members",
            path, count);
    for (; z->n < count; z->n++) {
        TRY(read_entry(e, z, &at, &z->member[z->n]));
        TRY(read_local(e, z, &z->member[z->n]));
    }
    return check_members(e, z);
}

void
stored_close(Stored *z)
{
    free(z->directory);
    free(z->member);
    *z = (Stored){0};
}

StoredMember *
stored_find(const Stored *z, const char *name, u64 name_bytes)
{
    StoredMember key = {.name = name, .name_bytes = (u32)name_bytes};

    return z->n ? bsearch(&key, z->member, z->n, sizeof key, by_name) : NULL;
}

int
stored_check(Err *e, const Stored *z, StoredMember *m)
{
    enum { PART = 1 << 18 };
    u8 *part;
    char shown[128];
    u32 crc = 0;

    if (m->checked)
        return 0;
    part = malloc(PART);
    FAIL_IF(!part, e, SOHO_MEMORY, "%s: no memory to check it", z->path);
    for (u64 done = 0; done < m->bytes && !e->code;) {
        u64 n = (u64)min_i64(PART, (i64)(m->bytes - done));

        if (!read_at(e, z, part, n, m->at + done))
            crc = random_crc32(crc, part, n);
        done += n;
    }
    free(part);
    TRY(e->code);
    FAIL_IF(crc != m->crc, e, SOHO_BAD,
            "%s: member %s is damaged: its CRC is %08x, expected %08x; copy "
            "the file again",
            z->path, shown_name(m, shown), crc, m->crc);
    m->checked = 1;
    return 0;
}
