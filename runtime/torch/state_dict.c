/* state_dict.c - from what a pickle made to rows of tensors.
 *
 * In: a dictionary of tensors, or a checkpoint that has one under state_dict.
 * Out: rows whose ranges lie inside their storages, views with their strides,
 * and a note on what was passed over. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/torch/pth_own.h"

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

i64
pth_last_element(const TensorRow *row)
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
        last = pth_last_element(row);
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
    const PickleValue *offset = pth_child(r, v, 1);
    TensorRow *row;
    u64 elements = 0, at = 0;
    u32 nstride;
    char shown[128];

    TRY(tensors_add(e, r->t, &row));
    row->name = name;
    if (!take_numbers(r, pth_child(r, v, 2), row->dim, &row->rank) ||
        !take_numbers(r, pth_child(r, v, 3), row->stride, &nstride) ||
        nstride != row->rank)
        return err_set(e, SOHO_BAD,
                       "%s: tensor %s: expected at most %d sizes and as many "
                       "strides, none negative",
                       r->t->path, tensors_shown(row, shown), TENSOR_RANK);
    if (pth_storage(e, r, pth_child(r, v, 0), &row->dtype, &elements, &at))
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

int
pth_name_good(const char *name, u64 n)
{
    char clean[PTH_NAME + 8];

    err_clean(clean, sizeof clean, name, n);
    return strlen(clean) == n && !memcmp(clean, name, n);
}

static int
check_name(Err *e, const Reader *r, const PickleValue *key)
{
    const char *name = (const char *)r->pickle.text + key->at;
    char clean[PTH_NAME + 8];

    if (key->kind != PICKLE_TEXT)
        return pth_bad(e, r, "a tensor whose name is no text");
    FAIL_IF(!key->n || key->n > PTH_NAME, e, SOHO_BAD,
            "%s: a tensor's name of %u bytes, expected 1 to %d", r->t->path,
            key->n, PTH_NAME);
    err_clean(clean, sizeof clean, name, key->n);
    FAIL_IF(!pth_name_good(name, key->n), e, SOHO_BAD,
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
        return pth_bad(e, r, "too many names of tensors");
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

int
pth_object(Err *e, Reader *r, u32 object)
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
