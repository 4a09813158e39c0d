/* objects.c - what a pickle may name, and what becomes of it: storages and
 * tensors are only described, nothing is called.
 *
 * In: globals by name, arguments as values.  Out: values that pth_read.c knows
 * how to read. */
#include "runtime/torch/pickle_own.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/torch/torch.h"

/* Callable globals come first, then the storage classes. */
enum {
    G_OrderedDict,
    G_rebuild_tensor,
    G_rebuild_tensor_v2,
    G_rebuild_parameter,
    G_Size,
    G_STORAGE
};

static const struct {
    const char *module, *name;
    u32 dtype;
} global[] = {
    [G_OrderedDict] = {"collections", "OrderedDict", TD_COUNT},
    [G_rebuild_tensor] = {"torch._utils", "_rebuild_tensor", TD_COUNT},
    [G_rebuild_tensor_v2] = {"torch._utils", "_rebuild_tensor_v2", TD_COUNT},
    [G_rebuild_parameter] = {"torch._utils", "_rebuild_parameter", TD_COUNT},
    [G_Size] = {"torch", "Size", TD_COUNT},
#define X(class_, dtype) {"torch", #class_, dtype},
    TORCH_STORAGES(X)
#undef X
};

const char *
pickle_kind(const PickleValue *v)
{
    static const char *const name[] = {
        [PICKLE_NONE] = "None",         [PICKLE_BOOL] = "a truth value",
        [PICKLE_INTEGER] = "a number",  [PICKLE_LONG] = "a large number",
        [PICKLE_NUMBER] = "a number",   [PICKLE_TEXT] = "a text",
        [PICKLE_TUPLE] = "a tuple",     [PICKLE_LIST] = "a list",
        [PICKLE_DICT] = "a dictionary", [PICKLE_GLOBAL] = "a class",
        [PICKLE_STORAGE] = "a storage", [PICKLE_TENSOR] = "a tensor",
    };

    return name[v->kind];
}

/* ---------------------------------------------------------------- children */

void
pickle_children(const Pickle *p, const PickleValue *v, u32 *at, u32 n)
{
    const PickleCell *cell = (const PickleCell *)p->cell.at;
    int has = v->kind == PICKLE_TUPLE || v->kind == PICKLE_LIST ||
              v->kind == PICKLE_DICT || v->kind == PICKLE_STORAGE ||
              v->kind == PICKLE_TENSOR;
    u32 next = v->head;

    for (u32 i = 0; i < n; i++) {
        at[i] = has && i < v->n ? cell[next].value : PLAN_NONE;
        next = at[i] == PLAN_NONE ? next : cell[next].next;
    }
}

int
pickle_is(const Pickle *p, const PickleValue *v, const char *word)
{
    return v->kind == PICKLE_TEXT && v->n == strlen(word) &&
           !memcmp(p->text + v->at, word, v->n);
}

const PickleValue *
pickle_find(const Pickle *p, const PickleValue *dict, const char *key)
{
    const PickleCell *cell = (const PickleCell *)p->cell.at;
    const PickleValue *found = NULL;
    u32 next = dict->head;

    for (u32 i = 0; i + 1 < dict->n; i += 2) {
        const PickleCell *k = &cell[next], *v = &cell[k->next];

        if (pickle_is(p, pickle_value(p, k->value), key))
            found = pickle_value(p, v->value); /* of two, the last counts */
        next = v->next;
    }
    return found;
}

u32
pickle_storage_type(const PickleValue *class_)
{
    return class_->kind == PICKLE_GLOBAL ? global[class_->integer].dtype
                                         : TD_COUNT;
}

/* Child i of v is of this kind. */
static int
child_is(const Pickle *p, const u32 *child, u32 i, u32 kind)
{
    return child[i] != PLAN_NONE && pickle_value(p, child[i])->kind == kind;
}

/* ----------------------------------------------------------------- globals */

int
pickle_global(Err *e, Pickle *p, const u8 *module, u64 nmodule, const u8 *name,
              u64 nname)
{
    PickleValue v = {.kind = PICKLE_GLOBAL};
    char shown[2][128];

    for (; (u64)v.integer < countof(global); v.integer++) {
        const char *m = global[v.integer].module, *n = global[v.integer].name;

        if (strlen(m) == nmodule && !memcmp(m, module, nmodule) &&
            strlen(n) == nname && !memcmp(n, name, nname))
            return pickle_push(e, p, &v);
    }
    err_clean(shown[0], sizeof *shown, (const char *)module, nmodule);
    err_clean(shown[1], sizeof *shown, (const char *)name, nname);
    return pickle_bad(e, p, "forbidden global %s.%s", shown[0], shown[1]);
}

/* -------------------------------------------------------------- REDUCE etc. */

static int
wrong_arguments(Err *e, const Pickle *p, i64 which)
{
    return pickle_bad(e, p, "wrong arguments of %s.%s", global[which].module,
                      global[which].name);
}

/* OrderedDict(), or OrderedDict([[key, value], ...]) as Python 2 writes it. */
static int
make_dict(Err *e, Pickle *p, const PickleValue *args)
{
    PickleValue v = {.kind = PICKLE_DICT, .integer = 1};
    const PickleCell *cell;
    u32 list, dict = 0, next, n;

    TRY(pickle_push(e, p, &v));
    pickle_children(p, args, &list, 1);
    if (args->n == 0)
        return 0;
    if (args->n != 1 || !child_is(p, &list, 0, PICKLE_LIST))
        return wrong_arguments(e, p, G_OrderedDict);
    TRY(pickle_top(e, p, &dict));
    next = pickle_value(p, list)->head;
    n = pickle_value(p, list)->n;
    for (u32 i = 0; i < n; i++) {
        const PickleValue *pair;
        u32 item[2];

        cell = (const PickleCell *)p->cell.at + next;
        pair = pickle_value(p, cell->value);
        next = cell->next;
        if ((pair->kind != PICKLE_LIST && pair->kind != PICKLE_TUPLE) ||
            pair->n != 2)
            return wrong_arguments(e, p, G_OrderedDict);
        pickle_children(p, pair, item, 2);
        TRY(pickle_append(e, p, dict, item[0]));
        TRY(pickle_append(e, p, dict, item[1]));
    }
    return 0;
}

/* (storage, offset, sizes, strides), then for v2 (requires_grad, hooks) and
 * perhaps one dictionary more: neither says anything about the numbers. */
static int
make_tensor(Err *e, Pickle *p, const PickleValue *args, i64 which)
{
    PickleValue v = *args;
    int v2 = which == G_rebuild_tensor_v2;
    u32 child[7];

    pickle_children(p, args, child, 7);
    if (args->n < (v2 ? 6 : 4) || args->n > (v2 ? 7 : 4) ||
        !child_is(p, child, 0, PICKLE_STORAGE) ||
        !child_is(p, child, 1, PICKLE_INTEGER) ||
        !child_is(p, child, 2, PICKLE_TUPLE) ||
        !child_is(p, child, 3, PICKLE_TUPLE) ||
        (v2 && !child_is(p, child, 4, PICKLE_BOOL)))
        return wrong_arguments(e, p, which);
    v.kind = PICKLE_TENSOR;
    return pickle_push(e, p, &v);
}

/* (tensor, requires_grad, hooks) is the tensor. */
static int
make_parameter(Err *e, Pickle *p, const PickleValue *args)
{
    PickleValue v;
    u32 child[3];

    pickle_children(p, args, child, 3);
    if (args->n != 3 || !child_is(p, child, 0, PICKLE_TENSOR))
        return wrong_arguments(e, p, G_rebuild_parameter);
    v = *pickle_value(p, child[0]);
    return pickle_push(e, p, &v);
}

/* Size((2, 3)) is its tuple. */
static int
make_size(Err *e, Pickle *p, const PickleValue *args)
{
    PickleValue v;
    u32 child;

    pickle_children(p, args, &child, 1);
    if (args->n != 1 || !child_is(p, &child, 0, PICKLE_TUPLE))
        return wrong_arguments(e, p, G_Size);
    v = *pickle_value(p, child);
    return pickle_push(e, p, &v);
}

int
pickle_reduce(Err *e, Pickle *p)
{
    PickleValue args;
    u32 a = 0, f = 0;
    i64 which;

    TRY(pickle_pop(e, p, &a));
    TRY(pickle_pop(e, p, &f));
    args = *pickle_value(p, a);
    if (pickle_value(p, f)->kind != PICKLE_GLOBAL || args.kind != PICKLE_TUPLE)
        return pickle_bad(e, p,
                          "REDUCE of %s with %s: expected a class and a "
                          "tuple",
                          pickle_kind(pickle_value(p, f)), pickle_kind(&args));
    which = pickle_value(p, f)->integer;
    switch (which) {
    case G_OrderedDict:
        return make_dict(e, p, &args);
    case G_rebuild_tensor:
    case G_rebuild_tensor_v2:
        return make_tensor(e, p, &args, which);
    case G_rebuild_parameter:
        return make_parameter(e, p, &args);
    case G_Size:
        return make_size(e, p, &args);
    default:
        return pickle_bad(e, p, "forbidden call of torch.%s",
                          global[which].name);
    }
}

/* A state dictionary carries its module's versions as an attribute: of an
 * OrderedDict, a dictionary is taken and dropped. */
int
pickle_build(Err *e, Pickle *p)
{
    const PickleValue *to;
    u32 state = 0, object = 0;

    TRY(pickle_pop(e, p, &state));
    TRY(pickle_top(e, p, &object));
    to = pickle_value(p, object);
    if (to->kind != PICKLE_DICT || !to->integer ||
        pickle_value(p, state)->kind != PICKLE_DICT)
        return pickle_bad(e, p, "forbidden BUILD of %s with %s",
                          pickle_kind(to), pickle_kind(pickle_value(p, state)));
    return 0;
}

/* ("storage", class, key, place, elements), in the stream format with a view
 * behind it, which has been None since PyTorch 0.4. */
int
pickle_storage(Err *e, Pickle *p)
{
    PickleValue v;
    u32 id = 0, child[6];

    TRY(pickle_pop(e, p, &id));
    v = *pickle_value(p, id);
    pickle_children(p, &v, child, 6);
    if (v.kind != PICKLE_TUPLE || v.n < 5 || v.n > 6 ||
        !pickle_is(p, pickle_value(p, child[0]), "storage") ||
        pickle_storage_type(pickle_value(p, child[1])) == TD_COUNT ||
        !child_is(p, child, 2, PICKLE_TEXT) ||
        !child_is(p, child, 3, PICKLE_TEXT) ||
        !child_is(p, child, 4, PICKLE_INTEGER))
        return pickle_bad(e, p, "forbidden persistent id: expected a storage");
    if (v.n == 6 && !child_is(p, child, 5, PICKLE_NONE))
        return pickle_bad(e, p,
                          "a storage inside another one: write the file "
                          "again with a newer PyTorch");
    v.kind = PICKLE_STORAGE;
    return pickle_push(e, p, &v);
}
