/* pth_read.c - PyTorch's two formats: where pickle and storages lie in a file.
 *
 * In: an open file, zip or stream.  Out: what its pickle makes (state_dict.c),
 * and the place of each storage, checked against the file. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/torch/pth_own.h"
#include "runtime/torch/torch.h"
#include "runtime/vfs.h"

enum {
    KEY = 64,           /* bytes of a storage's key, at most */
    PROTOCOL = 1001,    /* of the stream format */
    NEWEST_VERSION = 10 /* of the zip format */
};

int
pth_bad(Err *e, const Reader *r, const char *what)
{
    return err_set(e, SOHO_BAD, "%s: %s", r->t->path, what);
}

const PickleValue *
pth_child(const Reader *r, const PickleValue *v, u32 i)
{
    u32 at[8];

    pickle_children(&r->pickle, v, at, i + 1);
    return pickle_value(&r->pickle, at[i]);
}

/* ----------------------------------------------------------------- storages */

/* Where the member of a storage has its data. */
static int
find_member(Err *e, Reader *r, const PickleValue *key, u64 bytes, u64 *at)
{
    char name[KEY + 300], shown[128];
    StoredMember *m = NULL;
    int n = -1;

    if (key->n <= KEY && r->root_bytes <= 256)
        n = snprintf(name, sizeof name, "%.*s/data/%.*s", (int)r->root_bytes,
                     r->root, (int)key->n,
                     (const char *)r->pickle.text + key->at);
    if (n > 0)
        m = stored_find(&r->zip, name, (u64)n);
    err_clean(shown, sizeof shown, (const char *)r->pickle.text + key->at,
              key->n);
    FAIL_IF(!m, e, SOHO_BAD, "%s: has no storage %s", r->t->path, shown);
    FAIL_IF(m->bytes != bytes, e, SOHO_BAD,
            "%s: storage %s has %" PRIu64 " bytes, expected %" PRIu64,
            r->t->path, shown, m->bytes, bytes);
    *at = m->at;
    return stored_check(e, &r->zip, m);
}

static int
by_key(const void *a, const void *b)
{
    const Storage *x = a, *y = b;

    if (x->key_bytes != y->key_bytes)
        return x->key_bytes < y->key_bytes ? -1 : 1;
    return memcmp(x->key, y->key, x->key_bytes);
}

static Storage *
find_stream(const Reader *r, const PickleValue *key)
{
    Storage want = {.key = r->pickle.text + key->at, .key_bytes = key->n};

    return r->nstorage
               ? bsearch(&want, r->storage, r->nstorage, sizeof want, by_key)
               : NULL;
}

int
pth_storage(Err *e, Reader *r, const PickleValue *storage, u32 *dtype,
            u64 *elements, u64 *at)
{
    const PickleValue *key = pth_child(r, storage, 2);
    const PickleValue *count = pth_child(r, storage, 4);
    u64 bytes;
    Storage *s;

    *dtype = pickle_storage_type(pth_child(r, storage, 1));
    *elements = (u64)count->integer;
    if (count->integer < 0 ||
        __builtin_mul_overflow(*elements, tensors_dtype_bytes(*dtype),
                               &bytes) ||
        bytes > r->t->bytes)
        return pth_bad(e, r, "a storage of more elements than the file holds");
    if (r->zip.n)
        return find_member(e, r, key, bytes, at);
    s = find_stream(r, key);
    if (!s || !s->at)
        return pth_bad(e, r,
                       "a tensor of a storage that the file does not hold");
    *at = s->at;
    return 0;
}

/* -------------------------------------------------------------- zip format */

/* A small member as text, 0 at its end; "" where there is none. */
static int
read_record(Err *e, Reader *r, const char *record, char *text, u64 size)
{
    char name[300];
    int n = snprintf(name, sizeof name, "%.*s/%s", (int)r->root_bytes, r->root,
                     record);
    StoredMember *m = stored_find(&r->zip, name, (u64)n);

    memset(text, 0, size);
    if (!m)
        return 0;
    TRY(stored_check(e, &r->zip, m));
    return vfs_read_at(e, r->t->fd, r->t->path, text,
                       (u64)min_i64((i64)m->bytes, (i64)size - 1), m->at);
}

/* ROOT/data.pkl says what ROOT is. */
static int
find_root(Err *e, Reader *r, StoredMember **pickle)
{
    static const char tail[] = "/data.pkl";
    u64 n = sizeof tail - 1;

    *pickle = NULL;
    for (u32 i = 0; i < r->zip.n; i++) {
        StoredMember *m = &r->zip.member[i];

        if (m->name_bytes <= n || m->name_bytes > 256 ||
            memcmp(m->name + m->name_bytes - n, tail, n) ||
            memchr(m->name, '/', m->name_bytes - n))
            continue;
        if (*pickle)
            return pth_bad(e, r, "a zip archive with two data.pkl");
        *pickle = m;
        r->root = m->name;
        r->root_bytes = m->name_bytes - n;
    }
    return *pickle ? 0
                   : pth_bad(e, r,
                             "a zip archive without data.pkl: not written by "
                             "torch.save");
}

static int
check_records(Err *e, Reader *r)
{
    char order[16], version[16], shown[32], *end;
    u64 v;

    TRY(read_record(e, r, "byteorder", order, sizeof order));
    FAIL_IF(order[0] && strcmp(order, "little"), e, SOHO_BAD,
            "%s: its byte order is %s, expected little: write it again on a "
            "little-endian machine",
            r->t->path, err_clean(shown, sizeof shown, order, strlen(order)));
    TRY(read_record(e, r, "version", version, sizeof version));
    v = strtoull(version, &end, 10);
    FAIL_IF(version[0] && (end == version || v < 1 || v > NEWEST_VERSION), e,
            SOHO_BAD, "%s: version %s of the format, known are 1 to %d",
            r->t->path,
            err_clean(shown, sizeof shown, version, strcspn(version, "\n")),
            NEWEST_VERSION);
    return 0;
}

static int
read_zip(Err *e, Reader *r)
{
    Tensors *t = r->t;
    StoredMember *m = NULL;
    u32 object = 0;

    TRY(stored_open(e, &r->zip, t->fd, t->path, t->bytes));
    TRY(find_root(e, r, &m));
    TRY(check_records(e, r));
    FAIL_IF(m->bytes > PICKLE_BYTES, e, SOHO_BAD,
            "%s: data.pkl of %" PRIu64 " bytes, at most %d are allowed",
            t->path, m->bytes, PICKLE_BYTES);
    r->text = malloc(m->bytes + 1);
    FAIL_IF(!r->text, e, SOHO_MEMORY, "%s: no memory for its pickle", t->path);
    TRY(stored_check(e, &r->zip, m));
    TRY(vfs_read_at(e, t->fd, t->path, r->text, m->bytes, m->at));
    snprintf(r->where, sizeof r->where, "%s: data.pkl", t->path);
    pickle_start(&r->pickle, r->where, r->text, m->bytes);
    TRY(pickle_run(e, &r->pickle, &object));
    return pth_object(e, r, object);
}

/* ----------------------------------------------------------- stream format */

/* All storages that the object names, once each. */
static int
list_storages(Err *e, Reader *r)
{
    const Pickle *p = &r->pickle;
    u32 n = 0;

    r->storage = malloc((p->value.n + 1) * sizeof *r->storage);
    FAIL_IF(!r->storage, e, SOHO_MEMORY, "%s: no memory for its storages",
            r->t->path);
    for (u32 i = 0; i < p->value.n; i++) {
        const PickleValue *v = pickle_value(p, i), *key;

        if (v->kind != PICKLE_STORAGE)
            continue;
        key = pth_child(r, v, 2);
        r->storage[n++] =
            (Storage){.key = p->text + key->at,
                      .key_bytes = key->n,
                      .dtype = pickle_storage_type(pth_child(r, v, 1)),
                      .elements = (u64)pth_child(r, v, 4)->integer};
    }
    if (n)
        qsort(r->storage, n, sizeof *r->storage, by_key);
    for (u32 i = 0; i < n; i++) {
        Storage *s = &r->storage[i], *before = s - 1;

        if (!i || by_key(s, before)) {
            r->storage[r->nstorage++] = *s;
            continue;
        }
        before = &r->storage[r->nstorage - 1];
        if (s->dtype != before->dtype || s->elements != before->elements)
            return pth_bad(e, r, "one storage of two types or sizes");
    }
    return 0;
}

/* One storage at byte *at, which moves behind it. */
static int
find_data(Err *e, Reader *r, const PickleValue *key, u64 *at)
{
    Storage *s = key->kind == PICKLE_TEXT ? find_stream(r, key) : NULL;
    u8 head[8];
    u64 elements = 0, bytes;

    if (!s || s->at)
        return pth_bad(e, r, "a list of storages unlike those of its tensors");
    TRY(vfs_read_at(e, r->t->fd, r->t->path, head, sizeof head, *at));
    for (u32 i = 8; i-- > 0;)
        elements = elements << 8 | head[i];
    FAIL_IF(elements != s->elements, e, SOHO_BAD,
            "%s: a storage of %" PRIu64 " elements at byte %" PRIu64
            ", expected %" PRIu64,
            r->t->path, elements, *at, s->elements);
    s->at = *at + sizeof head;
    if (__builtin_mul_overflow(elements, tensors_dtype_bytes(s->dtype),
                               &bytes) ||
        bytes > r->t->bytes || r->t->bytes - bytes < s->at)
        return err_set(e, SOHO_BAD,
                       "%s: truncated at %" PRIu64 " in the storage of %" PRIu64
                       " elements at byte %" PRIu64,
                       r->t->path, r->t->bytes, elements, *at);
    *at = s->at + bytes;
    return 0;
}

static int
find_all_data(Err *e, Reader *r, const PickleValue *keys)
{
    const PickleCell *cell = (const PickleCell *)r->pickle.cell.at;
    u64 at = r->pickle.at;
    u32 next = keys->head;

    if (keys->kind != PICKLE_LIST)
        return pth_bad(e, r, "no list of storages behind its object");
    TRY(list_storages(e, r));
    for (u32 i = 0; i < keys->n; i++) {
        TRY(find_data(e, r, pickle_value(&r->pickle, cell[next].value), &at));
        next = cell[next].next;
    }
    FAIL_IF(at != r->t->bytes, e, SOHO_BAD,
            "%s: %" PRIu64 " bytes follow the last storage at %" PRIu64,
            r->t->path, r->t->bytes - at, at);
    return 0;
}

/* Magic number, protocol and system. */
static int
read_preamble(Err *e, Reader *r)
{
    static const u8 magic[10] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9,
                                 0x20, 0x6a, 0xa8, 0x50, 0x19};
    Pickle *p = &r->pickle;
    const PickleValue *v;
    u32 value = 0;

    TRY(pickle_run(e, p, &value));
    v = pickle_value(p, value);
    if (v->kind != PICKLE_LONG || v->n != sizeof magic ||
        memcmp(p->text + v->at, magic, sizeof magic))
        return err_set(e, SOHO_BAD,
                       "%s: no tensors found: it is a pickle of %s, expected a "
                       "file of torch.save",
                       r->t->path, pickle_kind(v));
    TRY(pickle_run(e, p, &value));
    v = pickle_value(p, value);
    if (v->kind != PICKLE_INTEGER || v->integer != PROTOCOL)
        return pth_bad(e, r, "unknown protocol of torch.save, expected 1001");
    TRY(pickle_run(e, p, &value));
    v = pickle_value(p, value);
    if (v->kind == PICKLE_DICT)
        v = pickle_find(p, v, "little_endian");
    if (!v || v->kind != PICKLE_BOOL || !v->integer)
        return pth_bad(e, r, "not written on a little-endian machine");
    return 0;
}

static int
read_stream(Err *e, Reader *r, const u8 head[TORCH_HEAD])
{
    Tensors *t = r->t;
    u64 n = (u64)min_i64((i64)t->bytes, PICKLE_BYTES);
    u32 object = 0, keys = 0;

    r->text = malloc(n + 1);
    FAIL_IF(!r->text, e, SOHO_MEMORY, "%s: no memory for its pickle", t->path);
    TRY(vfs_read_at(e, t->fd, t->path, r->text, n, 0));
    snprintf(r->where, sizeof r->where, "%s%s", t->path,
             head[0] == 0x80
                 ? ""
                 : ": neither safetensors nor a file of torch.save");
    pickle_start(&r->pickle, r->where, r->text, t->bytes);
    TRY(read_preamble(e, r));
    TRY(pickle_run(e, &r->pickle, &object));
    TRY(pickle_run(e, &r->pickle, &keys));
    TRY(find_all_data(e, r, pickle_value(&r->pickle, keys)));
    return pth_object(e, r, object);
}

/* ---------------------------------------------------------------- the file */

int
torch_is(const u8 head[TORCH_HEAD])
{
    static const u8 zero[4];

    return memcmp(head + 4, zero, sizeof zero) || head[8] != '{';
}

int
pth_read(Err *e, Tensors *t)
{
    u8 head[TORCH_HEAD] = {0};
    Reader r = {.t = t};

    FAIL_IF(!t->bytes, e, SOHO_BAD, "%s: empty file", t->path);
    TRY(vfs_read_at(e, t->fd, t->path, head,
                    (u64)min_i64((i64)t->bytes, TORCH_HEAD), 0));
    FAIL_IF(!memcmp(head, "version ", 8), e, SOHO_BAD,
            "%s: it is a git-lfs pointer, fetch the real file", t->path);
    FAIL_IF(head[0] == '<', e, SOHO_BAD,
            "%s: it is a web page, not the file that was asked for", t->path);
    if (!memcmp(head, "PK\3\4", 4))
        read_zip(e, &r);
    else
        read_stream(e, &r, head);
    pickle_free(&r.pickle);
    stored_close(&r.zip);
    free(r.text);
    free(r.storage);
    return e->code;
}
