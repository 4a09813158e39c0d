/* lua_tensor.c - what a model holds in its hands: tensors, with operators and
 * the methods that every model needs.
 *
 * A tensor is a value of the phase that is being built.  One that reads a
 * state also knows the state's name, so that s:set(value) can write it. */
#include "compiler/front.h"

typedef struct Hand {
    Val v;
    u32 serial;
    const char *state; /* or NULL */
} Hand;

static const char *const TENSOR = "tensor";

void
lua_push_tensor(lua_State *L, Val v, const char *state)
{
    Hand *h = lua_newuserdatauv(L, sizeof *h, 0);

    *h = (Hand){v, front.serial, state};
    luaL_setmetatable(L, TENSOR);
}

static Val
literal(lua_State *L, int index, const char *what)
{
    Attr *a = attrs_new(OP_literal);

    attr_set_f(a, OP_literal, "value", lua_finite(L, index, what));
    return lua_node(L, OP_literal, NULL, 0, a, "");
}

static Hand *
hand(lua_State *L, int index, const char *what)
{
    Hand *h = luaL_testudata(L, index, TENSOR);

    if (!h)
        lua_fail(L, "%s: a tensor expected, got %s", what, lua_got(L, index));
    lua_func(L, what);
    if (h->serial != front.serial)
        lua_fail(L, "%s: this tensor belongs to another phase", what);
    return h;
}

Val
lua_tensor(lua_State *L, int index, const char *what)
{
    if (lua_type(L, index) == LUA_TNUMBER)
        return literal(L, index, what);
    return hand(L, index, what)->v;
}

static Type
self_type(lua_State *L, const char *what)
{
    Hand *h = hand(L, 1, what);

    return type_of(lua_func(L, what), h->v);
}

static int
push_node(lua_State *L, u32 op, Val x, const Attr *attrs)
{
    lua_push_tensor(L, lua_node(L, op, &x, 1, attrs, ""), NULL);
    return 1;
}

/* ---------------------------------------------------------------- operators */

static int
binary(lua_State *L, u32 op)
{
    Val in[2];

    for (u32 i = 0; i < 2; i++)
        in[i] = lua_tensor(L, (int)i + 1, optab[op].name);
    lua_push_tensor(L, lua_node(L, op, in, 2, NULL, ""), NULL);
    return 1;
}

static int
add(lua_State *L)
{
    return binary(L, OP_add);
}

static int
sub(lua_State *L)
{
    return binary(L, OP_sub);
}

static int
mul(lua_State *L)
{
    return binary(L, OP_mul);
}

static int
divide(lua_State *L)
{
    return binary(L, OP_div);
}

static int
negate(lua_State *L)
{
    return push_node(L, OP_neg, lua_tensor(L, 1, "neg"), NULL);
}

static int
to_text(lua_State *L)
{
    Type t = self_type(L, "tostring");

    lua_pushstring(L, type_text(&t));
    return 1;
}

/* ------------------------------------------------------------------ methods */

/* Axis number at index, from 1 or backwards from -1 -> from 0. */
static u32
axis(lua_State *L, int index, const char *what, u32 rank)
{
    i64 i = lua_int(L, index, what, -MAX_RANK, MAX_RANK);

    if (i < 0)
        i += rank + 1;
    if (i < 1 || i > (i64)rank)
        lua_fail(L, "%s: dimension %s of a tensor of %u", what,
                 lua_got(L, index), rank);
    return (u32)i - 1;
}

/* A list of sizes at index; one may be -1, which takes what is left over. */
static u32
sizes(lua_State *L, int index, const char *what, i64 count, i32 *dim)
{
    u64 n = lua_type(L, index) == LUA_TTABLE ? lua_rawlen(L, index) : 99;
    i64 known = 1, open = -1;

    if (n > MAX_RANK)
        lua_fail(L, "%s: a list of at most %d sizes expected, got %s", what,
                 MAX_RANK, lua_got(L, index));
    for (u32 i = 0; i < n; i++) {
        lua_rawgeti(L, index, i + 1);
        dim[i] = (i32)lua_int(L, -1, format("%s: size %u", what, i + 1),
                              open < 0 && count ? -1 : 1, MAX_DIM);
        lua_pop(L, 1);
        if (dim[i] == -1)
            open = i;
        else if ((known *= dim[i]) > (i64)1 << 40 || !dim[i])
            lua_fail(L, "%s: more than 2^40 elements", what);
    }
    if (open >= 0)
        dim[open] = (i32)(count / known);
    return (u32)n;
}

static int
reshape(lua_State *L)
{
    Type t = self_type(L, "reshape");
    Attr *a = attrs_new(OP_reshape);
    i32 dim[MAX_RANK];
    u32 n = sizes(L, 2, "reshape", type_count(&t), dim);

    attr_set_l(a, OP_reshape, "dims", n, dim);
    return push_node(L, OP_reshape, lua_tensor(L, 1, "reshape"), a);
}

static int
broadcast(lua_State *L)
{
    Attr *a = attrs_new(OP_broadcast);
    i32 dim[MAX_RANK];
    Val x = lua_tensor(L, 1, "broadcast");
    u32 n = sizes(L, 2, "broadcast", 0, dim);

    attr_set_l(a, OP_broadcast, "dims", n, dim);
    return push_node(L, OP_broadcast, x, a);
}

static int
permute(lua_State *L)
{
    Type t = self_type(L, "permute");
    Attr *a = attrs_new(OP_permute);
    i32 order[MAX_RANK];

    if (lua_type(L, 2) != LUA_TTABLE || lua_rawlen(L, 2) != t.rank)
        return lua_fail(L, "permute: a list of all %u dimensions expected",
                        t.rank);
    for (u32 i = 0; i < t.rank; i++) {
        lua_rawgeti(L, 2, i + 1);
        order[i] = (i32)axis(L, -1, "permute", t.rank);
        lua_pop(L, 1);
    }
    attr_set_l(a, OP_permute, "order", t.rank, order);
    return push_node(L, OP_permute, lua_tensor(L, 1, "permute"), a);
}

/* `count` entries of dimension dim from entry `first`, both from 0. */
static Val
slice_node(lua_State *L, u32 dim, i64 first, i64 count)
{
    Attr *a = attrs_new(OP_slice);
    Val x = lua_tensor(L, 1, "slice");

    attr_set_f(a, OP_slice, "dim", dim);
    attr_set_f(a, OP_slice, "first", (f64)first);
    attr_set_f(a, OP_slice, "count", (f64)count);
    return lua_node(L, OP_slice, &x, 1, a, "");
}

/* x:slice(dim, first, count) */
static int
slice(lua_State *L)
{
    Type t = self_type(L, "slice");
    u32 dim = axis(L, 2, "slice", t.rank);
    i64 first = lua_int(L, 3, "slice: first", 1, t.dim[dim]);
    i64 count = lua_int(L, 4, "slice: count", 1, t.dim[dim] - first + 1);

    lua_push_tensor(L, slice_node(L, dim, first - 1, count), NULL);
    return 1;
}

/* x:at(dim, i): entry i of dimension dim, which is gone afterwards */
static int
at(lua_State *L)
{
    Type t = self_type(L, "at");
    u32 dim = axis(L, 2, "at", t.rank), n = 0;
    i64 i = lua_int(L, 3, "at: entry", 1, t.dim[dim]);
    Attr *a = attrs_new(OP_reshape);
    i32 left[MAX_RANK];
    Val v = slice_node(L, dim, i - 1, 1);

    for (u32 k = 0; k < t.rank; k++)
        if (k != dim)
            left[n++] = t.dim[k];
    attr_set_l(a, OP_reshape, "dims", n, left);
    return push_node(L, OP_reshape, v, a);
}

static int
reduce(lua_State *L, u32 op)
{
    const char *what = optab[op].name;
    Type t = self_type(L, what);
    u32 first = axis(L, 2, what, t.rank);
    i64 count = lua_isnoneornil(L, 3) ? 1
                                      : lua_int(L, 3, format("%s: count", what),
                                                1, t.rank - first);
    Attr *a = attrs_new(op);

    attr_set_f(a, op, "first", first);
    attr_set_f(a, op, "count", (f64)count);
    return push_node(L, op, lua_tensor(L, 1, what), a);
}

/* x:sum(dim[, ndims]): these dimensions become 1 */
static int
sum(lua_State *L)
{
    return reduce(L, OP_sum);
}

static int
max(lua_State *L)
{
    return reduce(L, OP_max);
}

/* x:named("neck.ln"): the value's name in dumps, --keep and --want */
static int
named(lua_State *L)
{
    Hand *h = hand(L, 1, "named");
    const char *name = lua_tostring(L, 2);

    if (lua_type(L, 2) != LUA_TSTRING || !name_good(name))
        return lua_fail(L,
                        "named: letters, digits, _ and dots expected, got "
                        "%s",
                        lua_got(L, 2));
    lua_func(L, "named")->node[VAL_NODE(h->v)].name = intern(name);
    lua_settop(L, 1);
    return 1;
}

static int
dim(lua_State *L)
{
    Type t = self_type(L, "dim");

    lua_pushinteger(L, t.dim[axis(L, 2, "dim", t.rank)]);
    return 1;
}

static int
shape(lua_State *L)
{
    Type t = self_type(L, "shape");

    lua_createtable(L, t.rank, 0);
    for (u32 i = 0; i < t.rank; i++) {
        lua_pushinteger(L, t.dim[i]);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

/* s:set(value): the state's new value, from here on */
static int
set(lua_State *L)
{
    Hand *h = hand(L, 1, "set");
    Attr *a = attrs_new(OP_store);
    Val v = lua_tensor(L, 2, "set");

    if (!h->state)
        return lua_fail(L, "set: only what state() gives can be set");
    attr_set_s(a, OP_store, "tensor", h->state);
    lua_push_tensor(L, lua_node(L, OP_store, &v, 1, a, h->state), h->state);
    return 1;
}

static const luaL_Reg methods[] = {
    {"reshape", reshape}, {"broadcast", broadcast},
    {"permute", permute}, {"slice", slice},
    {"at", at},           {"sum", sum},
    {"max", max},         {"named", named},
    {"dim", dim},         {"shape", shape},
    {"set", set},         {NULL, NULL}};

static int
unknown_method(lua_State *L)
{
    const char *name = lua_tostring(L, 2), *words[countof(methods)];
    u32 n = countof(methods) - 1;

    for (u32 i = 0; i < n; i++)
        words[i] = methods[i].name;
    return lua_fail(L, "a tensor has no method '%s'%s", name ? name : "?",
                    name ? lua_guess(name, words, n) : "");
}

void
lua_tensor_open(lua_State *L)
{
    static const luaL_Reg meta[] = {{"__add", add},    {"__sub", sub},
                                    {"__mul", mul},    {"__div", divide},
                                    {"__unm", negate}, {"__tostring", to_text},
                                    {NULL, NULL}};

    luaL_newmetatable(L, TENSOR);
    luaL_setfuncs(L, meta, 0);
    luaL_newlib(L, methods);
    lua_newtable(L);
    lua_pushcfunction(L, unknown_method);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}
