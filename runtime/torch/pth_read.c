/* pth_read.c - from a PyTorch file to rows of tensors.
 *
 * In: an open file, zip or stream.  Out: rows whose ranges lie inside the
 * storages that the file has, views with their strides. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/tensors_own.h"
#include "runtime/torch/pickle.h"
#include "runtime/torch/stored.h"
#include "runtime/torch/torch.h"
#include "runtime/vfs.h"

enum {
    NAME = 512,         /* bytes of a tensor's name, at most */
    KEY = 64,           /* of a storage's */
    PROTOCOL = 1001,    /* of the stream format */
    NEWEST_VERSION = 10 /* of the zip format */
};

/* A storage of the stream format: declared in the pickle, then found. */
typedef struct Storage {
    const u8 *key; /* in the pickle */
    u32 key_bytes, dtype;
    u64 elements;
    u64 at; /* of its data in the file; 0: not found */
} Storage;

typedef struct Reader {
    Tensors *t;
    Pickle pickle;
    char where[600]; /* of the pickle, for messages */
    u8 *text;        /* of the pickle */
    Stored zip;      /* of the zip format */
    const char *root;
    u64 root_bytes;
    Storage *storage; /* of the stream format, by key */
    u32 nstorage;
    u64 total; /* bytes of all tensors */
} Reader;

static int
bad(Err *e, const Reader *r, const char *what)
{
    return err_set(e, SOHO_BAD, "%s: %s", r->t->path, what);
}

static const PickleValue *
child_of(const Reader *r, const PickleValue *v, u32 i)
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

/* The storage of a tensor: type, elements, place. */
static int
find_storage(Err *e, Reader *r, const PickleValue *storage, u32 *dtype,
             u64 *elements, u64 *at)
{
    const PickleValue *key = child_of(r, storage, 2);
    const PickleValue *count = child_of(r, storage, 4);
    u64 bytes;
    Storage *s;

    *dtype = pickle_storage_type(child_of(r, storage, 1));
    *elements = (u64)count->integer;
    if (count->integer < 0 ||
        __builtin_mul_overflow(*elements, tensors_dtype_bytes(*dtype),
                               &bytes) ||
        bytes > r->t->bytes)
        return bad(e, r, "a storage of more elements than the file holds");
    if (r->zip.n)
        return find_member(e, r, key, bytes, at);
    s = find_stream(r, key);
    if (!s || !s->at)
        return bad(e, r, "a tensor of a storage that the file does not hold");
    *at = s->at;
    return 0;
}

/* ------------------------------------------------------------------ tensors */

/* A tuple of numbers, none negative, into to[]. */
static int
take_numbers(const Reader *r, const PickleValue *tuple, i64 *to, u32 *n)
{
    u32 at[TENSOR_RANK];

    *n = tuple->n;
    if (tuple->n > TENSOR_RANK)
        return 0;
    pickle_children(&r->pickle, tuple, at, tuple->n);
    for (u32 i = 0; i < tuple->n; i++) {
        const PickleValue *v = pickle_value(&r->pickle, at[i]);

        if (v->kind != PICKLE_INTEGER || v->integer < 0)
            return 0;
        to[i] = v->integer;
    }
    return 1;
}

/* Index of the last element, counted from the first; -1: out of range. */
static i64
last_element(const TensorRow *row)
{
    i64 last = 0, far;

    for (u32 i = 0; i < row->rank; i++)
        if (__builtin_mul_overflow(row->dim[i] - 1, row->stride[i], &far) ||
            __builtin_add_overflow(last, far, &last))
            return -1;
    return last;
}

static int
is_contiguous(const TensorRow *row)
{
    i64 expected = 1;

    for (u32 i = row->rank; i-- > 0; expected *= row->dim[i])
        if (row->dim[i] != 1 && row->stride[i] != expected)
            return 0;
    return 1;
}

/* Puts the view into its storage of `elements` elements at byte `at`. */
static int
place(Err *e, Reader *r, TensorRow *row, i64 offset, u64 elements, u64 at)
{
    u64 size = tensors_dtype_bytes(row->dtype);
    char shown[128];
    i64 last = 0;

    row->bytes = tensors_shape_bytes(row);
    if (row->bytes)
        last = last_element(row);
    FAIL_IF(row->bytes == UINT64_MAX || offset < 0 || last < 0 ||
                (u64)offset > elements ||
                (row->bytes && (u64)last >= elements - (u64)offset),
            e, SOHO_BAD,
            "%s: tensor %s lies outside of its storage of %" PRIu64 " elements",
            r->t->path, tensors_shown(row, shown), elements);
    row->offset = at + (u64)offset * size;
    if (row->bytes && !is_contiguous(row))
        row->span = ((u64)last + 1) * size;
    r->total =
        row->bytes > UINT64_MAX - r->total ? UINT64_MAX : r->total + row->bytes;
    /* Views may repeat elements, tied weights do; not without end. */
    FAIL_IF(r->total > 4 * r->t->bytes + (1 << 20), e, SOHO_BAD,
            "%s: tensor %s: views of more than four times the file's bytes",
            r->t->path, tensors_shown(row, shown));
    return 0;
}

static int
add_tensor(Err *e, Reader *r, const PickleValue *v, const char *name)
{
    const PickleValue *offset = child_of(r, v, 1);
    TensorRow *row;
    u64 elements = 0, at = 0;
    u32 nstride;
    char shown[128];

    TRY(tensors_add(e, r->t, &row));
    row->name = name;
    if (!take_numbers(r, child_of(r, v, 2), row->dim, &row->rank) ||
        !take_numbers(r, child_of(r, v, 3), row->stride, &nstride) ||
        nstride != row->rank)
        return err_set(e, SOHO_BAD,
                       "%s: tensor %s: expected at most %d sizes and as many "
                       "strides, none negative",
                       r->t->path, tensors_shown(row, shown), TENSOR_RANK);
    if (find_storage(e, r, child_of(r, v, 0), &row->dtype, &elements, &at))
        return e->code;
    return place(e, r, row, offset->integer, elements, at);
}

/* --------------------------------------------------------- state dictionary */

/* Walks the pairs of a dictionary. */
typedef struct Pairs {
    const Reader *r;
    u32 next, left;
    const PickleValue *key, *value;
} Pairs;

static Pairs
pairs_of(const Reader *r, const PickleValue *dict)
{
    return (Pairs){.r = r, .next = dict->head, .left = dict->n / 2};
}

static int
next_pair(Pairs *w)
{
    const PickleCell *cell = (const PickleCell *)w->r->pickle.cell.at;

    if (!w->left)
        return 0;
    w->left--;
    w->key = pickle_value(&w->r->pickle, cell[w->next].value);
    w->next = cell[w->next].next;
    w->value = pickle_value(&w->r->pickle, cell[w->next].value);
    w->next = cell[w->next].next;
    return 1;
}

static int
is_tensor(const Pairs *w)
{
    return w->value->kind == PICKLE_TENSOR;
}

/* The first keys of a dictionary as text. */
static char *
list_keys(const Reader *r, const PickleValue *dict, const char *except,
          char *text, size_t size)
{
    Pairs w = pairs_of(r, dict);
    size_t used = 0;

    text[0] = 0;
    while (next_pair(&w) && used + 80 < size) {
        char shown[64];

        if (w.key->kind != PICKLE_TEXT || pickle_is(&r->pickle, w.key, except))
            continue;
        err_clean(shown, sizeof shown, (const char *)r->pickle.text + w.key->at,
                  w.key->n);
        used += (size_t)snprintf(text + used, size - used, "%s%s",
                                 used ? ", " : "", shown);
    }
    return text;
}

/* Names are text without control characters, so that every format can hold
 * them. */
static int
check_name(Err *e, const Reader *r, const PickleValue *key)
{
    const char *name = (const char *)r->pickle.text + key->at;
    char clean[NAME + 8];

    if (key->kind != PICKLE_TEXT)
        return bad(e, r, "a tensor whose name is no text");
    FAIL_IF(!key->n || key->n > NAME, e, SOHO_BAD,
            "%s: a tensor's name of %u bytes, expected 1 to %d", r->t->path,
            key->n, NAME);
    err_clean(clean, sizeof clean, name, key->n);
    FAIL_IF(strlen(clean) != key->n || memcmp(clean, name, key->n), e, SOHO_BAD,
            "%s: tensor %.200s: control characters in its name", r->t->path,
            clean);
    return 0;
}

/* What a data-parallel wrapper puts before every name. */
static const char wrapper[] = "module.";
enum { WRAPPER = sizeof wrapper - 1 };

/* Room for all names, and whether all have the wrapper's prefix. */
static int
measure_names(Err *e, Reader *r, const PickleValue *dict, u64 *tensors,
              int *wrapped)
{
    Pairs w = pairs_of(r, dict);
    u64 bytes = 0;

    *tensors = 0;
    *wrapped = 1;
    while (next_pair(&w)) {
        const char *name = (const char *)r->pickle.text + w.key->at;

        if (!is_tensor(&w))
            continue;
        TRY(check_name(e, r, w.key));
        *wrapped =
            *wrapped && w.key->n > WRAPPER && !memcmp(name, wrapper, WRAPPER);
        bytes += w.key->n + 1;
        ++*tensors;
    }
    if (bytes > PICKLE_BYTES)
        return bad(e, r, "too many names of tensors");
    r->t->names = malloc(bytes + 1);
    FAIL_IF(!r->t->names, e, SOHO_MEMORY, "%s: no memory for names",
            r->t->path);
    return 0;
}

static int
add_all(Err *e, Reader *r, const PickleValue *dict, int wrapped)
{
    Pairs w = pairs_of(r, dict);
    Tensors *t = r->t;

    while (next_pair(&w)) {
        u32 skip = wrapped ? WRAPPER : 0, n = w.key->n - skip;
        char *name = t->names + t->used;

        if (!is_tensor(&w))
            continue;
        memcpy(name, r->pickle.text + w.key->at + skip, n);
        name[n] = 0;
        t->used += n + 1;
        TRY(add_tensor(e, r, w.value, name));
    }
    return 0;
}

/* What of the file the rows do not show. */
static void
write_note(Reader *r, const PickleValue *top, const PickleValue *dict,
           u64 tensors, int wrapped)
{
    char keys[160];
    Tensors *t = r->t;
    size_t n = 0;
    u64 others = dict->n / 2 - tensors;

    if (top != dict && top->n > 2)
        n += (size_t)snprintf(
            t->note + n, sizeof t->note - n, "passed over: %s",
            list_keys(r, top, "state_dict", keys, sizeof keys));
    if (others)
        n += (size_t)snprintf(t->note + n, sizeof t->note - n,
                              "%s%" PRIu64 " entries that are no tensors",
                              n ? "; " : "", others);
    if (wrapped)
        snprintf(t->note + n, sizeof t->note - n, "%s%s taken off all names",
                 n ? "; " : "", wrapper);
}

static int
read_object(Err *e, Reader *r, u32 object)
{
    const PickleValue *top = pickle_value(&r->pickle, object), *dict = top;
    const PickleValue *inner = NULL;
    char keys[160];
    u64 tensors = 0;
    int wrapped = 0;

    FAIL_IF(top->kind != PICKLE_DICT, e, SOHO_BAD,
            "%s: no tensors found: it holds %s, expected a dictionary of "
            "tensors by name",
            r->t->path, pickle_kind(top));
    inner = pickle_find(&r->pickle, top, "state_dict");
    if (inner && inner->kind == PICKLE_DICT)
        dict = inner;
    TRY(measure_names(e, r, dict, &tensors, &wrapped));
    FAIL_IF(!tensors, e, SOHO_BAD, "%s: no tensors found: its dictionary %s%s",
            r->t->path, dict->n ? "has the keys " : "is empty",
            list_keys(r, dict, "", keys, sizeof keys));
    write_note(r, top, dict, tensors, wrapped);
    return add_all(e, r, dict, wrapped);
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
            return bad(e, r, "a zip archive with two data.pkl");
        *pickle = m;
        r->root = m->name;
        r->root_bytes = m->name_bytes - n;
    }
    return *pickle ? 0
                   : bad(e, r,
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
    return read_object(e, r, object);
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
        key = child_of(r, v, 2);
        r->storage[n++] =
            (Storage){.key = p->text + key->at,
                      .key_bytes = key->n,
                      .dtype = pickle_storage_type(child_of(r, v, 1)),
                      .elements = (u64)child_of(r, v, 4)->integer};
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
            return bad(e, r, "one storage of two types or sizes");
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
        return bad(e, r, "a list of storages unlike those of its tensors");
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
        return bad(e, r, "no list of storages behind its object");
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
        return bad(e, r, "unknown protocol of torch.save, expected 1001");
    TRY(pickle_run(e, p, &value));
    v = pickle_value(p, value);
    if (v->kind == PICKLE_DICT)
        v = pickle_find(p, v, "little_endian");
    if (!v || v->kind != PICKLE_BOOL || !v->integer)
        return bad(e, r, "not written on a little-endian machine");
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
    return read_object(e, r, object);
}

/* ---------------------------------------------------------------- the file */

int
torch_is(const u8 head[TORCH_HEAD])
{
    static const u8 zero[4];

    return memcmp(head + 4, zero, sizeof zero) || head[8] != '{';
}

int
torch_read(Err *e, Tensors *t)
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
